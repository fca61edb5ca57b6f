// The child's side: one function an operation, in the order of the header. Nothing here allocates, locks, or calls libc.
//
// Every function returns 0, or -errno with the number of the failed system call left in report->call.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include "plan.h"
#include "system.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef O_PATH
#define O_PATH 010000000
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

// The child runs on a stack and in a memory that sanitizers know as the parent's.
#ifndef CI_FUZZ
#pragma clang attribute push(__attribute__((no_sanitize("address", "thread"))), apply_to = function)
#endif

// Makes a call and leaves its number for the report.
#define call(number, ...) (context->report->call = (int32_t)(number), ci_call(number, ##__VA_ARGS__))

typedef struct ci_context context_t;
typedef const struct ci_operation operation_t;

static const char *string_at(context_t *context, uint64_t offset) { return (const char *)context->plan + offset; }

static const char *string(context_t *context, operation_t *operation, int index) {
  return string_at(context, operation->argument[index]);
}

static const char *optional_string(context_t *context, operation_t *operation, int index) {
  return operation->argument[index] ? string(context, operation, index) : NULL;
}

static int slot(context_t *context, operation_t *operation, int index) {
  uint64_t value = operation->argument[index];
  if (value == CI_SLOT_WORKING_DIRECTORY) return AT_FDCWD;
  return value == CI_SLOT_NONE ? -1 : context->slots[value];
}

static void close_descriptor(int descriptor) { ci_call(SYS_close, descriptor); }

// Closes what a failed or finished step holds, and keeps the call that failed in the report.
static long finish(int descriptor, long result) {
  close_descriptor(descriptor);
  return result < 0 ? result : 0;
}

// A slot that is filled again lets go of what it held, so that a plan with hundreds of mounts needs one.
static void fill(context_t *context, operation_t *operation, int index, long descriptor) {
  int32_t *slot = &context->slots[operation->argument[index]];
  if (*slot >= 0) close_descriptor(*slot);
  *slot = (int32_t)descriptor;
}

// MARK: paths inside a root

static long open_in_root(context_t *context, int root, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve};
  long result;
  // EAGAIN: a rename elsewhere left the kernel unsure about a "..".
  for (int attempt = 0; attempt < 128; attempt++) {
    result = call(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
    if (result != -EAGAIN) break;
  }
  return result;
}

// Where a walk ended that met a symbolic link to nowhere: never an error of the kernel.
enum { DANGLING = -4095 };

// Writes the path that a dangling link stands for: the directory it is in (the first `name` bytes of context->path), what
// it says, and what was still to be walked.
static long follow_link(context_t *context, int parent, size_t name, const char *rest, char *out, size_t size) {
  size_t length = 0;
  while (length < name) out[length] = context->path[length], length++;
  long count = call(SYS_readlinkat, parent, context->path + name, out + length, size - length);
  if (count < 0) return count == -EINVAL ? -ENOENT : count;
  if (out[name] == '/') {
    for (long index = 0; index < count; index++) out[index] = out[name + (size_t)index];
    length = 0;
  }
  length += (size_t)count;
  if (length + 1 + ci_length(rest) >= size) return -ENAMETOOLONG;
  out[length++] = '/';
  while (*rest) out[length++] = *rest++;
  out[length] = 0;
  return DANGLING;
}

// Closes a directory on the way, unless it is the root that the plan goes on to use.
static long leave(int root, long directory, long result) {
  if (directory != root) close_descriptor((int)directory);
  return result;
}

static long make_along(context_t *context, int root, const char *path, int is_file, unsigned mode, uint64_t resolve,
                       char *out, size_t size) {
  long parent = root;
  size_t length = 0;
  while (*path == '/') path++;
  while (1) {
    size_t name = length;
    if (name > 0) context->path[length++] = '/', name = length;
    while (*path && *path != '/') {
      if (length >= sizeof context->path - 2) return leave(root, parent, -ENAMETOOLONG);
      context->path[length++] = *path++;
    }
    context->path[length] = 0;
    while (*path == '/') path++;
    int is_last = *path == 0;
    // The whole path was not there a moment ago.
    long next = is_last ? -ENOENT : open_in_root(context, root, context->path, O_PATH, resolve);
    if (next == -ENOENT) {
      long made;
      if (is_last && is_file) {
        made = call(SYS_openat, parent, context->path + name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, mode);
        if (made >= 0) close_descriptor((int)made);
      } else {
        made = call(SYS_mkdirat, parent, context->path + name, is_last ? mode : 0755);
      }
      if (made < 0 && made != -EEXIST) return leave(root, parent, made);
      next = open_in_root(context, root, context->path, O_PATH, resolve);
      if (next == -ENOENT && made == -EEXIST) {
        return leave(root, parent, follow_link(context, (int)parent, name, path, out, size));
      }
    }
    leave(root, parent, 0);
    if (next < 0 || is_last) return next;
    parent = next;
  }
}

// Makes what is missing of a path that was not there: directories, and at the end a directory or an empty file; opens the
// last. A symbolic link to nowhere, such as an image's /etc/resolv.conf to /run, is followed inside the root, and what it
// leads to is made.
static long make_missing(context_t *context, int root, const char *path, int is_file, unsigned mode, uint64_t resolve) {
  char paths[2][sizeof context->path];
  for (int links = 0; links < 40; links++) {
    long target = make_along(context, root, path, is_file, mode, resolve, paths[links % 2], sizeof paths[0]);
    if (target != DANGLING) return target;
    path = paths[links % 2];
    target = open_in_root(context, root, path, O_PATH, resolve);
    if (target != -ENOENT) return target;
  }
  return -ELOOP;
}

static long make_in_root(context_t *context, int root, const char *path, int is_file, unsigned mode, uint64_t resolve) {
  long target = open_in_root(context, root, path, O_PATH, resolve);
  return target == -ENOENT ? make_missing(context, root, path, is_file, mode, resolve) : target;
}

// Opens the directory that a path's last component is in, and makes it where it is missing; *name points at the component.
// For a name in the root it is the root itself.
static long open_parent(context_t *context, int root, const char *path, const char **name) {
  char directory[sizeof context->path];
  while (*path == '/') path++;
  size_t length = ci_length(path), slash = length;
  if (length == 0 || length >= sizeof directory) return -EINVAL;
  while (slash > 0 && path[slash - 1] != '/') slash--;
  *name = path + slash;
  if (**name == 0) return -EINVAL;
  if (slash == 0) return root;
  for (size_t index = 0; index < slash; index++) directory[index] = path[index];
  directory[slash] = 0;
  return make_in_root(context, root, directory, 0, 0755, 0);
}

// MARK: mounts

static long set_attributes(context_t *context, int mount, int flags, uint64_t set, uint64_t clear, uint64_t propagation,
                           int user_namespace) {
  struct mount_attr attributes = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
  if (user_namespace >= 0) attributes.userns_fd = (uint64_t)user_namespace, attributes.attr_set |= MOUNT_ATTR_IDMAP;
  return call(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &attributes, sizeof attributes);
}

static long propagation(context_t *context, operation_t *operation) {
  struct mount_attr attributes = {.propagation = operation->argument[0]};
  return call(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof attributes);
}

// Gives a file system the options of a list: pairs of a key and a value, which is 0 for a flag.
static long set_options(context_t *context, long filesystem, uint64_t list, uint64_t count) {
  const uint32_t *options = (const uint32_t *)string_at(context, list);
  long result = 0;
  for (uint64_t index = 0; result >= 0 && index < count; index += 2) {
    const char *key = string_at(context, options[index]);
    if (options[index + 1] == 0)
      result = call(SYS_fsconfig, filesystem, FSCONFIG_SET_FLAG, key, 0, 0);
    else
      result = call(SYS_fsconfig, filesystem, FSCONFIG_SET_STRING, key, string_at(context, options[index + 1]), 0);
  }
  return result;
}

// Closes a file system context; after a failure the report gets the kernel's own words.
static long close_filesystem(context_t *context, long filesystem, long result) {
  if (result < 0) {
    long count = ci_call(SYS_read, filesystem, context->report->message, CI_MESSAGE_SIZE - 1);
    context->report->message[count > 0 ? count : 0] = 0;
  }
  close_descriptor((int)filesystem);
  return result;
}

static long mount_new(context_t *context, operation_t *operation) {
  long filesystem = call(SYS_fsopen, string(context, operation, 1), FSOPEN_CLOEXEC);
  if (filesystem < 0) return filesystem;
  const char *source = optional_string(context, operation, 2);
  long result = 0;
  if (source) result = call(SYS_fsconfig, filesystem, FSCONFIG_SET_STRING, "source", source, 0);
  if (result >= 0) result = set_options(context, filesystem, operation->argument[3], operation->argument[4]);
  if (result >= 0) result = call(SYS_fsconfig, filesystem, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (result >= 0) result = call(SYS_fsmount, filesystem, FSMOUNT_CLOEXEC, operation->argument[5]);
  result = close_filesystem(context, filesystem, result);
  if (result < 0) return result;
  fill(context, operation, 0, result);
  return 0;
}

static long bind_tree(context_t *context, operation_t *operation) {
  const char *path = optional_string(context, operation, 2);
  long tree = call(SYS_open_tree, slot(context, operation, 1), path ? path : "",
                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path ? 0 : AT_EMPTY_PATH) |
                       (operation->flags & 1 ? AT_RECURSIVE : 0));
  if (tree < 0) return tree;
  fill(context, operation, 0, tree);
  return 0;
}

static long mount_attributes(context_t *context, operation_t *operation) {
  return set_attributes(context, slot(context, operation, 0), operation->flags & 1 ? AT_RECURSIVE : 0,
                        operation->argument[1], operation->argument[2], operation->argument[3],
                        slot(context, operation, 4));
}

static long move(context_t *context, int mount, int target) {
  return call(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static long attach(context_t *context, operation_t *operation) {
  int mount = slot(context, operation, 0), root = slot(context, operation, 1);
  const char *path = string(context, operation, 2);
  if (operation->flags & CI_ATTACH_HOST)
    return call(SYS_move_mount, mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
  uint64_t resolve = operation->flags & CI_ATTACH_NO_SYMBOLIC_LINKS ? RESOLVE_NO_SYMLINKS : 0;
  long target = open_in_root(context, root, path, O_PATH, resolve);
  if (target == -ENOENT && operation->flags & CI_ATTACH_CREATE) {
    struct stat status;
    long result = call(SYS_newfstatat, mount, "", &status, AT_EMPTY_PATH);
    if (result < 0) return result;
    int is_file = !S_ISDIR(status.st_mode);
    target = make_missing(context, root, path, is_file, is_file ? 0644 : 0755, resolve);
  }
  if (target < 0) return target;
  return finish((int)target, move(context, mount, (int)target));
}

static long mask(context_t *context, operation_t *operation) {
  long target = open_in_root(context, slot(context, operation, 0), string(context, operation, 1), O_PATH, 0);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return target;
  struct stat status;
  long result = call(SYS_newfstatat, target, "", &status, AT_EMPTY_PATH);
  if (result < 0) return finish((int)target, result);
  int is_directory = S_ISDIR(status.st_mode);
  int cover = is_directory ? slot(context, operation, 3) : slot(context, operation, 2);
  if (!is_directory) {
    // Whoever could replace /dev/null in the root must not choose what covers the path.
    result = call(SYS_newfstatat, cover, "", &status, AT_EMPTY_PATH);
    if (result >= 0 && (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))) result = -ENODEV;
    if (result < 0) return finish((int)target, result);
  }
  // The first directory is covered by the mount itself and the next ones by copies: before Linux 6.15 a mount that is
  // attached nowhere cannot be copied, and letting go of one costs the wait for an RCU grace period.
  if (is_directory && context->attached_cover != cover) {
    context->attached_cover = cover;
    return finish((int)target, move(context, cover, (int)target));
  }
  long tree = call(SYS_open_tree, cover, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (tree < 0) return finish((int)target, tree);
  result = move(context, (int)tree, (int)target);
  close_descriptor((int)tree);
  return finish((int)target, result);
}

static long read_only(context_t *context, operation_t *operation) {
  long target = open_in_root(context, slot(context, operation, 0), string(context, operation, 1), O_PATH, 0);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return target;
  long tree = call(SYS_open_tree, target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0) return finish((int)target, tree);
  long result = set_attributes(context, (int)tree, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0, -1);
  if (result >= 0) result = move(context, (int)tree, (int)target);
  close_descriptor((int)tree);
  return finish((int)target, result);
}

static long reconfigure(context_t *context, operation_t *operation) {
  long filesystem = call(SYS_fspick, slot(context, operation, 0), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
  if (filesystem < 0) return filesystem;
  long result = set_options(context, filesystem, operation->argument[1], operation->argument[2]);
  if (result >= 0) result = call(SYS_fsconfig, filesystem, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0);
  return close_filesystem(context, filesystem, result);
}

static long classic_mount(context_t *context, operation_t *operation) {
  return call(SYS_mount, string(context, operation, 0), string(context, operation, 1), string(context, operation, 2),
              operation->argument[3], string(context, operation, 4));
}

// MARK: the root and what is in it

static long pivot(context_t *context, operation_t *operation) {
  long result = call(SYS_fchdir, slot(context, operation, 0));
  if (result >= 0) result = call(SYS_pivot_root, ".", ".");
  // The old root now lies on top of the new one; "." is the topmost.
  if (result >= 0) result = call(SYS_umount2, ".", 2 /* MNT_DETACH */);
  if (result >= 0) result = call(SYS_chdir, "/");
  return result;
}

static long change_root(context_t *context, operation_t *operation) {
  long result = call(SYS_fchdir, slot(context, operation, 0));
  if (result >= 0) result = call(SYS_chroot, ".");
  return result;
}

static long make_directory(context_t *context, operation_t *operation) {
  long directory = make_in_root(context, slot(context, operation, 0), string(context, operation, 1), 0,
                                (unsigned)operation->argument[2], 0);
  return directory < 0 ? directory : finish((int)directory, 0);
}

static long symbolic_link(context_t *context, operation_t *operation) {
  const char *name;
  int root = slot(context, operation, 0);
  long parent = open_parent(context, root, string(context, operation, 1), &name);
  if (parent < 0) return parent;
  long result = call(SYS_symlinkat, string(context, operation, 2), parent, name);
  return leave(root, parent, result == -EEXIST || result > 0 ? 0 : result);
}

static long device(context_t *context, operation_t *operation) {
  const char *name;
  int root = slot(context, operation, 0);
  long parent = open_parent(context, root, string(context, operation, 1), &name);
  if (parent < 0) return parent;
  long result = call(SYS_mknodat, parent, name, operation->argument[2], operation->argument[3]);
  if (result == -EEXIST) {
    // A root that brings its own /dev: the very device asked for is as good.
    struct stat status;
    long found = call(SYS_newfstatat, parent, name, &status, AT_SYMLINK_NOFOLLOW);
    if (found >= 0 && (status.st_mode & S_IFMT) == (operation->argument[2] & S_IFMT) &&
        status.st_rdev == operation->argument[3])
      return leave(root, parent, 0);
    context->report->call = SYS_mknodat;
  }
  if (result >= 0 && (operation->argument[4] || operation->argument[5]))
    result = call(SYS_fchownat, parent, name, operation->argument[4], operation->argument[5], AT_SYMLINK_NOFOLLOW);
  return leave(root, parent, result);
}

static long open_path(context_t *context, operation_t *operation) {
  const char *path = string(context, operation, 2);
  int directory = slot(context, operation, 1);
  long result = operation->flags & 1
                    ? open_in_root(context, directory, path, operation->argument[3], 0)
                    : call(SYS_openat, directory, path, operation->argument[3] | O_CLOEXEC, 0);
  if (result < 0) return result;
  fill(context, operation, 0, result);
  return 0;
}

static long working_directory(context_t *context, operation_t *operation) {
  long result = call(SYS_chdir, string(context, operation, 0));
  if (result < 0 || operation->flags & 1) return result;
  // Outside of the root the kernel's answer does not begin with a slash: "(unreachable)/...".
  result = call(SYS_getcwd, context->path, sizeof context->path);
  return result < 0 ? result : context->path[0] == '/' ? 0 : -EXDEV;
}

// MARK: a copy of a tree

// How deep a tree may be that is copied: two descriptors a level.
enum { COPY_DEPTH = 64 };

struct level {
  int32_t from, to;
  int64_t position;  // in `from`, where the walk goes on when it comes back
};

// What a file keeps beside owner, mode and times. The names are the only ones that the kernel itself gives a meaning to.
static long copy_labels(context_t *context, int from, int to) {
  static const char *const names[] = {"security.capability", "system.posix_acl_access", "system.posix_acl_default"};
  for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
    long size = call(SYS_fgetxattr, from, names[index], context->path, sizeof context->path);
    if (size == -ENODATA || size == -EOPNOTSUPP) continue;
    if (size >= 0) size = call(SYS_fsetxattr, to, names[index], context->path, size, 0);
    if (size < 0) return size;
  }
  return 0;
}

// The owner first: a change of it takes the set-user-ID bit and the capabilities away.
static long copy_attributes(context_t *context, int from, int to) {
  struct stat status;
  long result = call(SYS_newfstatat, from, "", &status, AT_EMPTY_PATH);
  if (result >= 0) result = call(SYS_fchown, to, status.st_uid, status.st_gid);
  if (result >= 0) result = call(SYS_fchmod, to, status.st_mode & 07777);
  if (result >= 0) result = copy_labels(context, from, to);
  struct timespec times[2] = {status.st_atim, status.st_mtim};
  if (result >= 0) result = call(SYS_utimensat, to, 0, times, 0);
  return result < 0 ? result : 0;
}

// Opens what a walk over names finds: never a link, never what is mounted there.
static long open_entry(context_t *context, int directory, const char *name, int flags) {
  struct open_how how = {
      .flags = (uint64_t)flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  };
  return call(SYS_openat2, directory, name, &how, sizeof how);
}

static long copy_file(context_t *context, const struct level *level, const char *name) {
  long from = open_entry(context, level->from, name, 0);
  if (from < 0) return from == -EXDEV ? 0 : from;
  struct stat status;
  long result = call(SYS_newfstatat, from, "", &status, AT_EMPTY_PATH);
  // Something else stands there now.
  if (result >= 0 && !S_ISREG(status.st_mode)) result = -ESTALE;
  if (result < 0) return finish((int)from, result);
  long to = call(SYS_openat, level->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (to < 0) return finish((int)from, to);
  // No more than there was: somebody may write to its end as fast as it is read.
  for (int64_t rest = status.st_size; rest > 0; rest -= result) {
    result = call(SYS_sendfile, to, from, 0, rest < 1 << 30 ? rest : 1 << 30);
    if (result <= 0) break;
  }
  if (result >= 0) result = copy_attributes(context, (int)from, (int)to);
  close_descriptor((int)to);
  return finish((int)from, result);
}

// Copies one entry. For a directory it is opened on both sides: the level below.
static long copy_entry(context_t *context, const struct level *level, const char *name, struct level *below) {
  struct stat status;
  long result = call(SYS_newfstatat, level->from, name, &status, AT_SYMLINK_NOFOLLOW);
  if (result < 0) return result == -ENOENT ? 0 : result;
  if (S_ISREG(status.st_mode)) return copy_file(context, level, name);
  if (S_ISDIR(status.st_mode)) {
    result = call(SYS_mkdirat, level->to, name, 0700);
    if (result < 0) return result;
    long from = open_entry(context, level->from, name, O_DIRECTORY);
    // A mount point: the directory alone.
    if (from < 0) return from == -EXDEV ? 0 : from;
    long to = call(SYS_openat, level->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (to < 0) return finish((int)from, to);
    *below = (struct level){.from = (int32_t)from, .to = (int32_t)to};
    return 0;
  }
  if (S_ISLNK(status.st_mode)) {
    result = call(SYS_readlinkat, level->from, name, context->path, sizeof context->path - 1);
    if (result < 0) return result;
    context->path[result] = 0;
    result = call(SYS_symlinkat, context->path, level->to, name);
  } else {
    result = call(SYS_mknodat, level->to, name, status.st_mode, status.st_rdev);
  }
  if (result >= 0) result = call(SYS_fchownat, level->to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW);
  return result < 0 ? result : 0;
}

// Copies the entries of the topmost level from its position on, up to the next directory. 1: all of them.
static long copy_entries(context_t *context, struct level *level, struct level *below) {
  _Alignas(8) char entries[2048];
  long result = call(SYS_lseek, level->from, level->position, 0 /* SEEK_SET */);
  if (result < 0) return result;
  while (1) {
    long count = call(SYS_getdents64, level->from, entries, sizeof entries);
    if (count <= 0) return count < 0 ? count : 1;
    for (long offset = 0; offset < count;) {
      const struct {
        uint64_t inode;
        int64_t next;
        uint16_t length;
        uint8_t type;
        char name[];
      } *entry = (const void *)(entries + offset);
      offset += entry->length;
      const char *name = entry->name;
      level->position = entry->next;
      if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0))) continue;
      result = copy_entry(context, level, name, below);
      if (result < 0 || below->from >= 0) return result;
    }
  }
}

// Fills a new directory, which nobody else can reach yet, with what a root has at a path. A path that is missing is empty.
static long copy_tree(context_t *context, operation_t *operation) {
  struct level levels[COPY_DEPTH];
  long from = open_in_root(context, slot(context, operation, 1), string(context, operation, 2), O_RDONLY | O_DIRECTORY, 0);
  if (from == -ENOENT || from == -ENOTDIR) return 0;
  if (from < 0) return from;
  long to = call(SYS_openat, slot(context, operation, 0), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (to < 0) return finish((int)from, to);
  levels[0] = (struct level){.from = (int32_t)from, .to = (int32_t)to};
  int depth = 1;
  long result = 0;
  while (depth > 0) {
    struct level *level = &levels[depth - 1], below = {.from = -1};
    if (result >= 0) result = copy_entries(context, level, &below);
    if (below.from >= 0) {
      if (depth < COPY_DEPTH) {
        levels[depth++] = below;
        continue;
      }
      result = -E2BIG;
      close_descriptor(below.from);
      close_descriptor(below.to);
    }
    // Last, because what is made in a directory changes its time.
    if (result >= 0 && (depth > 1 || operation->flags & 1)) result = copy_attributes(context, level->from, level->to);
    close_descriptor(level->from);
    close_descriptor(level->to);
    depth--;
  }
  return result < 0 ? result : 0;
}

// MARK: writes

static long write_all(context_t *context, int descriptor, const char *text, uint64_t size) {
  long result = call(SYS_write, descriptor, text, size);
  return result < 0 ? result : (uint64_t)result == size ? 0 : -EIO;
}

static long write_proc(context_t *context, operation_t *operation) {
  int proc = slot(context, operation, 0);
  struct open_how how = {
      .flags = O_WRONLY | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
  };
  long file = call(SYS_openat2, proc, string(context, operation, 1), &how, sizeof how);
  if (file < 0) return file;
  struct statfs status;
  long result = call(SYS_fstatfs, file, &status);
  if (result >= 0 && status.f_type != PROC_SUPER_MAGIC) result = -EXDEV;
  if (result >= 0) result = write_all(context, (int)file, string(context, operation, 2), operation->argument[3]);
  return finish((int)file, result);
}

static long write_file(context_t *context, operation_t *operation) {
  return write_all(context, slot(context, operation, 0), string(context, operation, 1), operation->argument[2]);
}

// MARK: identity and privileges

static long ids(context_t *context, operation_t *operation) {
  uint64_t uid = operation->argument[0], gid = operation->argument[1];
  long result = call(SYS_setresgid, gid, gid, gid);
  if (result >= 0) result = call(SYS_setresuid, uid, uid, uid);
  return result;
}

static long bounding(context_t *context, operation_t *operation) {
  for (int capability = 0; capability < 64; capability++) {
    if (operation->argument[0] >> capability & 1) continue;
    long result = call(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (result == -EINVAL) break;  // past the kernel's last capability
    if (result < 0) return result;
  }
  return 0;
}

static long capabilities(context_t *context, operation_t *operation) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  for (int half = 0; half < 2; half++) {
    data[half].effective = (uint32_t)(operation->argument[0] >> (32 * half));
    data[half].permitted = (uint32_t)(operation->argument[1] >> (32 * half));
    data[half].inheritable = (uint32_t)(operation->argument[2] >> (32 * half));
  }
  return call(SYS_capset, &header, data);
}

static long ambient(context_t *context, operation_t *operation) {
  long result = call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int capability = 0; result >= 0 && capability < 64; capability++)
    if (operation->argument[0] >> capability & 1)
      result = call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  return result;
}

static long seccomp(context_t *context, operation_t *operation) {
  struct sock_fprog program = {
      .len = (unsigned short)(operation->argument[1] / 8),
      .filter = (struct sock_filter *)string(context, operation, 0),
  };
  long result = call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, operation->flags, &program);
  // With SECCOMP_FILTER_FLAG_NEW_LISTENER the result is a descriptor.
  if (result >= 0 && operation->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER && operation->argument[2] < CI_SLOTS) context->slots[operation->argument[2]] = (int)result;
  return result;
}

static long session_keyring(context_t *context, operation_t *operation) {
  long result = call(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, optional_string(context, operation, 0));
  // A kernel without keyrings has none to leak.
  return result == -ENOSYS ? 0 : result;
}

static long attribute(context_t *context, operation_t *operation) {
  const uint64_t *argument = operation->argument;
  const char *data = string(context, operation, 3);
  switch (argument[0]) {
    case 1: return call(SYS_sched_setattr, 0, data, 0);
    case 2: return call(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, argument[1]);
    case 3: return call(SYS_set_mempolicy, argument[1], argument[4] ? data : NULL, argument[2]);
    case 5: return call(SYS_sched_setaffinity, 0, argument[4], data);
    default: {
      long result = call(SYS_personality, argument[1]);
      return result < 0 ? result : 0;
    }
  }
}

static long resource_limit(context_t *context, operation_t *operation) {
  uint64_t limits[2] = {operation->argument[1], operation->argument[2]};
  return call(SYS_prlimit64, 0, operation->argument[0], limits, 0);
}

// MARK: Landlock

static long landlock_ruleset(context_t *context, operation_t *operation) {
  // struct landlock_ruleset_attr; an older kernel takes the longer one where the tail is 0.
  uint64_t attributes[3] = {operation->argument[1], operation->argument[2], operation->argument[3]};
  long ruleset = call(SYS_landlock_create_ruleset, attributes, sizeof attributes, 0);
  if (ruleset < 0) return ruleset;
  fill(context, operation, 0, ruleset);
  return 0;
}

static long landlock_path(context_t *context, operation_t *operation) {
  long file = open_in_root(context, slot(context, operation, 1), string(context, operation, 2), O_PATH, 0);
  if (file == -ENOENT && operation->flags & 1) return 0;
  if (file < 0) return file;
  struct __attribute__((packed)) {
    uint64_t access;
    int32_t parent;
  } rule = {operation->argument[3], (int32_t)file};
  struct stat status;
  long result = call(SYS_newfstatat, file, "", &status, AT_EMPTY_PATH);
  if (result < 0) return finish((int)file, result);
  // Only some rights mean something for a file that is no directory; the kernel refuses the others there.
  if (!S_ISDIR(status.st_mode)) rule.access &= CI_LANDLOCK_FILE_RIGHTS;
  if (rule.access == 0) return finish((int)file, 0);
  return finish((int)file, call(SYS_landlock_add_rule, slot(context, operation, 0), 1 /* PATH_BENEATH */, &rule, 0));
}

static long landlock_port(context_t *context, operation_t *operation) {
  uint64_t rule[2] = {operation->argument[2], operation->argument[1]};
  return call(SYS_landlock_add_rule, slot(context, operation, 0), 2 /* NET_PORT */, rule, 0);
}

// MARK: terminal and streams

static long terminal(context_t *context, operation_t *operation) {
  long controller = open_in_root(context, slot(context, operation, 0), "ptmx", O_RDWR | O_NOCTTY, RESOLVE_NO_SYMLINKS);
  if (controller < 0) return controller;
  int unlock = 0;
  long result = call(SYS_ioctl, controller, TIOCSPTLCK, &unlock);
  if (result < 0) return finish((int)controller, result);
  // The other end without a path that something could stand in for.
  long peer = call(SYS_ioctl, controller, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (peer < 0) return finish((int)controller, peer);
  struct winsize size = {.ws_row = (unsigned short)operation->argument[3],
                         .ws_col = (unsigned short)operation->argument[4]};
  if (size.ws_row && size.ws_col) result = call(SYS_ioctl, peer, TIOCSWINSZ, &size);
  if (result >= 0 && operation->argument[5]) result = call(SYS_fchown, peer, operation->argument[5], -1);
  fill(context, operation, 1, controller);
  fill(context, operation, 2, peer);
  return result < 0 ? result : 0;
}

static long send_descriptor(context_t *context, operation_t *operation) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  ci_zero(&control, sizeof control);
  char byte = 0;  // a barrier's byte is never 0
  struct iovec vector = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  *(int *)CMSG_DATA(&control.header) = slot(context, operation, 1);
  // The kernel ignores the registers behind the third; a seccomp filter sees them.
  long result = call(SYS_sendmsg, slot(context, operation, 0), &message, MSG_NOSIGNAL, 0, 0, operation->argument[2]);
  return result < 0 ? result : 0;
}

static long standard_streams(context_t *context, operation_t *operation) {
  int sources[3];
  // First out of the way of 0, 1 and 2, then into place.
  for (int number = 0; number < 3; number++) {
    sources[number] = slot(context, operation, number);
    if (sources[number] < 0 || sources[number] > 2) continue;
    long copy = call(SYS_fcntl, sources[number], F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return copy;
    sources[number] = (int)copy;
  }
  for (int number = 0; number < 3; number++) {
    if (sources[number] < 0) continue;
    long result = call(SYS_dup3, sources[number], number, 0);
    if (result < 0) return result;
  }
  return 0;
}

// MARK: the parent and other processes

static char **list(context_t *context, operation_t *operation, int index, char **pointers);

static long barrier(context_t *context, operation_t *operation) {
  char byte = (char)operation->argument[1];
  int parent = slot(context, operation, 0);
  long result = call(SYS_sendto, parent, &byte, 1, MSG_NOSIGNAL, 0, 0);
  if (result < 0) return result;
  do result = call(SYS_read, parent, &byte, 1);
  while (result == -EINTR);
  if (result < 0) return result;
  return result == 1 && byte == 0 ? 0 : -ECANCELED;
}

static void second_entry(void *argument) {
  context_t *context = argument;
  context->next++;
  ci_run(context);
}

// The program must be a child of the parent, in a pid namespace that this process can enter for its children only.
static long fork_again(context_t *context) {
  struct clone_args arguments = {
      .flags = (context->detached ? 0 : CLONE_VM | CLONE_VFORK) | CLONE_PARENT | CLONE_PARENT_SETTID,
      .stack = (uint64_t)(context->second_stack - context->second_size),
      .stack_size = context->second_size,
      .parent_tid = (uint64_t)&context->report->pid,
  };
  context->report->call = SYS_clone3;
  long result = ci_clone3(&arguments, sizeof arguments, second_entry, context);
  if (result < 0) return result;
  context->second_has_left = 1;
#ifdef CI_FUZZ
  return -ECANCELED;
#else
  while (1) ci_call(SYS_exit_group, 0);
#endif
}

// The program that made this process may have gone: from here on, whoever connects starts the program and hears of a
// failure. Nothing else of the host stays open meanwhile.
static long await_start(context_t *context, operation_t *operation) {
  int listener = (int)operation->argument[1];
  long result = 0;
  if (slot(context, operation, 0) != listener) result = call(SYS_dup3, slot(context, operation, 0), listener, O_CLOEXEC);
  if (result >= 0) result = call(SYS_close_range, listener + 1, ~0u, 0);
  if (result < 0) return result;
  for (int32_t index = 0; index < CI_SLOTS; index++) context->slots[index] = -1;
  while (1) {
    long connection = call(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC);
    if (connection == -EINTR || connection == -ECONNABORTED) continue;
    if (connection < 0) return connection;
    char byte;
    do result = call(SYS_read, connection, &byte, 1);
    while (result == -EINTR);
    if (result == 1) {
      context->starter = (int32_t)connection;
      return finish(listener, 0);
    }
    // Somebody who thought better of it.
    close_descriptor((int)connection);
  }
}

struct hook_call {
  context_t *context;
  const char *path;
  char **arguments, **environment;
  int input;
  long error;
};

static void hook_entry(void *argument) {
  struct hook_call *hook = argument;
  uint64_t none = 0;
  hook->error = ci_call(SYS_dup3, hook->input, 0, 0);
  if (hook->error >= 0) hook->error = ci_call(SYS_close_range, 3, ~0u, 0);
  if (hook->error >= 0) hook->error = ci_call(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, 0, sizeof none);
  if (hook->error >= 0) hook->error = ci_call(SYS_execve, hook->path, hook->arguments, hook->environment);
  while (1) ci_call(SYS_exit_group, 127);
}

static void say(context_t *context, const char *text, int number) {
  char *out = context->report->message, digits[12];
  int count = 0;
  while (*text) *out++ = *text++;
  do digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  while (count > 0) *out++ = digits[--count];
  *out = 0;
}

static long wait_for_hook(context_t *context, int process, uint32_t seconds) {
  struct {
    int fd;
    short events, revents;
  } entry = {.fd = process, .events = 1 /* POLLIN */};
  struct timespec limit = {.tv_sec = (time_t)seconds};
  long result;
  // The kernel keeps the rest of the time in `limit`.
  do result = call(SYS_ppoll, &entry, 1, seconds ? &limit : NULL, 0, 0);
  while (result == -EINTR);
  if (result < 0) return result;
  int is_late = result == 0;
  if (is_late) ci_call(SYS_pidfd_send_signal, process, 9, 0, 0);
  siginfo_t information;
  do result = call(SYS_waitid, P_PIDFD, process, &information, WEXITED, 0);
  while (result == -EINTR);
  if (result < 0) return result;
  if (is_late) return -ETIMEDOUT;
  if (information.si_code == CLD_EXITED && information.si_status == 0) return 0;
  say(context, information.si_code == CLD_EXITED ? "status " : "signal ", information.si_status);
  return -ECANCELED;
}

// Runs a program of the host's or the container's, whichever tree this process sees now, and waits for its end.
static long hook(context_t *context, operation_t *operation) {
  struct hook_call hook = {.context = context, .arguments = context->pointers + 1};
  hook.environment = list(context, operation, 0, context->pointers);
  hook.path = context->pointers[0];
  list(context, operation, 2, hook.environment);
  long input = call(SYS_memfd_create, "state", 1 /* MFD_CLOEXEC */);
  if (input < 0) return input;
  // A NUL stands for the id of this process, which nobody knew when the plan was made.
  const char *text = string(context, operation, 4);
  uint64_t size = operation->argument[5], head = 0;
  while (head < size && text[head]) head++;
  long result = write_all(context, (int)input, text, head);
  if (result >= 0 && head < size) {
    say(context, "", (int)ci_call(SYS_getpid));
    result = write_all(context, (int)input, context->report->message, ci_length(context->report->message));
    context->report->message[0] = 0;
    if (result >= 0) result = write_all(context, (int)input, text + head + 1, size - head - 1);
  }
  if (result >= 0) result = call(SYS_lseek, input, 0, SEEK_SET);
  if (result < 0) return finish((int)input, result);
  hook.input = (int)input;
  int process = -1;
  _Alignas(16) char stack[8192];
  struct clone_args arguments = {
      .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
      .pidfd = (uint64_t)&process,
      .exit_signal = SIGCHLD,
      .stack = (uint64_t)stack,
      .stack_size = sizeof stack,
  };
  context->report->call = SYS_clone3;
  result = ci_clone3(&arguments, sizeof arguments, hook_entry, &hook);
  close_descriptor((int)input);
  if (result < 0) return result;
  result = wait_for_hook(context, process, operation->flags);
  close_descriptor(process);
  if (hook.error < 0) {
    context->report->call = SYS_execve;
    context->report->message[0] = 0;
    return hook.error;
  }
  return result;
}

static long interface_up(context_t *context, operation_t *operation) {
  struct ifreq request = {0};
  const char *name = string(context, operation, 0);
  for (size_t index = 0; name[index]; index++) {
    if (index == IFNAMSIZ - 1) return -ENAMETOOLONG;
    request.ifr_name[index] = name[index];
  }
  long control = call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control == -EAFNOSUPPORT) control = call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return control;
  request.ifr_flags = IFF_UP;
  return finish((int)control, call(SYS_ioctl, control, SIOCSIFFLAGS, &request));
}

static long signals(context_t *context, operation_t *operation) {
  struct {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
  } standard = {0};
  // CLONE_CLEAR_SIGHAND leaves what the parent ignores.
  for (int number = 1; number <= 64; number++)
    if (number != 9 && number != 19) ci_call(SYS_rt_sigaction, number, &standard, 0, sizeof(uint64_t));
  uint64_t blocked = operation->argument[0];
  return call(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &blocked, 0, sizeof blocked);
}

// MARK: the program

// Refuses a program, or the interpreter in its first line, that is a magic link of procfs: /proc/self/exe is the parent's
// program as long as its memory is shared.
static long check_program(context_t *context, const char *path) {
  struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
  for (int depth = 0; depth < 5; depth++) {
    long file = call(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (file == -ELOOP) return -EACCES;
    if (file == -EACCES || file == -ETXTBSY) {
      // It may be executable all the same, but no script.
      how.flags = O_PATH | O_CLOEXEC;
      file = call(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
      if (file == -ELOOP) return -EACCES;
      return file < 0 ? file : finish((int)file, 0);
    }
    if (file < 0) return file;
    struct stat status;
    long result = call(SYS_newfstatat, file, "", &status, AT_EMPTY_PATH);
    if (result >= 0 && !S_ISREG(status.st_mode)) result = -EACCES;
    char *line = context->path;
    long count = result < 0 ? result : call(SYS_pread64, file, line, 256, 0);
    close_descriptor((int)file);
    if (count < 0) return count;
    if (count < 3 || line[0] != '#' || line[1] != '!') return 0;
    line[count] = 0;
    char *start = line + 2;
    while (*start == ' ' || *start == '\t') start++;
    char *end = start;
    while (*end && *end != ' ' && *end != '\t' && *end != '\n') end++;
    *end = 0;
    if (end == start) return 0;  // the kernel will say ENOEXEC
    path = start;                // stays readable: the next turn reads it before it writes over it
  }
  return 0;
}

// Tells early what CI_EXECUTE would find out, as far as can be told without executing.
static long find_program(context_t *context, operation_t *operation) {
  const uint32_t *paths = (const uint32_t *)string(context, operation, 0);
  long answer = -ENOENT;
  for (uint64_t index = 0; index < operation->argument[1]; index++) {
    const char *path = string_at(context, paths[index]);
    struct stat status;
    long result = call(SYS_newfstatat, AT_FDCWD, path, &status, 0);
    if (result >= 0) result = S_ISREG(status.st_mode) ? call(SYS_faccessat2, AT_FDCWD, path, 1 /* X_OK */, 0x200 /* AT_EACCESS */) : -EACCES;
    if (result >= 0) return 0;
    if (result != -ENOENT && result != -ENOTDIR) answer = result;
  }
  context->report->call = SYS_execve;
  return answer;
}

static char **list(context_t *context, operation_t *operation, int index, char **pointers) {
  const uint32_t *offsets = (const uint32_t *)string(context, operation, index);
  uint64_t count = operation->argument[index + 1];
  for (uint64_t item = 0; item < count; item++) pointers[item] = (char *)string_at(context, offsets[item]);
  pointers[count] = NULL;
  return pointers + count + 1;
}

static long execute(context_t *context, operation_t *operation) {
  char **arguments = context->pointers;
  char **environment = list(context, operation, 2, arguments);
  list(context, operation, 4, environment);
  const uint32_t *paths = (const uint32_t *)string(context, operation, 0);
  long answer = -ENOENT;
  int32_t answering_call = SYS_execve;
  for (uint64_t index = 0; index < operation->argument[1]; index++) {
    const char *path = string_at(context, paths[index]);
    long result = operation->flags & CI_EXECUTE_ANY_LINK ? 0 : check_program(context, path);
    if (result >= 0) {
      if (operation->flags & CI_EXECUTE_BY_DESCRIPTOR) {
        struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
        result = call(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
        if (result >= 0) {
          long file = result;
          result = call(SYS_execveat, file, "", arguments, environment, AT_EMPTY_PATH);
          close_descriptor((int)file);
          // A script's interpreter cannot reopen a descriptor that closes on exec.
          if (result == -ENOENT) result = call(SYS_execve, path, arguments, environment);
        }
      } else {
        result = call(SYS_execve, path, arguments, environment);
      }
    }
    // As execvp(3): go on where nothing was there, remember what could not be executed.
    if (result == -ENOENT || result == -ENOTDIR) continue;
    answer = result;
    answering_call = context->report->call;
    if (result != -EACCES) break;
  }
  context->report->call = answering_call;
  return answer;
}

// MARK: the walk

static long perform(context_t *context, operation_t *operation) {
  const uint64_t *argument = operation->argument;
  switch ((enum ci_code)operation->code) {
    case CI_PROPAGATION: return propagation(context, operation);
    case CI_MOUNT: return mount_new(context, operation);
    case CI_BIND: return bind_tree(context, operation);
    case CI_MOUNT_ATTRIBUTES: return mount_attributes(context, operation);
    case CI_ATTACH: return attach(context, operation);
    case CI_MAKE_DIRECTORY: return make_directory(context, operation);
    case CI_SYMBOLIC_LINK: return symbolic_link(context, operation);
    case CI_DEVICE: return device(context, operation);
    case CI_MASK: return mask(context, operation);
    case CI_READ_ONLY: return read_only(context, operation);
    case CI_PIVOT: return pivot(context, operation);
    case CI_CHANGE_ROOT: return change_root(context, operation);
    case CI_HOSTNAME:
      return call(SYS_sethostname, string(context, operation, 0), ci_length(string(context, operation, 0)));
    case CI_DOMAIN_NAME:
      return call(SYS_setdomainname, string(context, operation, 0), ci_length(string(context, operation, 0)));
    case CI_WRITE_PROC: return write_proc(context, operation);
    case CI_WRITE: return write_file(context, operation);
    case CI_RESOURCE_LIMIT: return resource_limit(context, operation);
    case CI_GROUPS: return call(SYS_setgroups, argument[1] / sizeof(uint32_t), string(context, operation, 0));
    case CI_IDS: return ids(context, operation);
    case CI_BOUNDING: return bounding(context, operation);
    case CI_CAPABILITIES: return capabilities(context, operation);
    case CI_AMBIENT: return ambient(context, operation);
    case CI_CONTROL: return call(SYS_prctl, argument[0], argument[1], 0, 0, 0);
    case CI_SECCOMP: return seccomp(context, operation);
    case CI_NEW_SESSION: return call(SYS_setsid);
    case CI_TERMINAL: return terminal(context, operation);
    case CI_SEND: return send_descriptor(context, operation);
    case CI_STANDARD_STREAMS: return standard_streams(context, operation);
    case CI_CONTROLLING_TERMINAL: return call(SYS_ioctl, slot(context, operation, 0), TIOCSCTTY, 0);
    case CI_WORKING_DIRECTORY: return working_directory(context, operation);
    case CI_BARRIER: return barrier(context, operation);
    case CI_JOIN: return call(SYS_setns, slot(context, operation, 0), argument[1]);
    case CI_UNSHARE: return call(SYS_unshare, argument[0]);
    case CI_FORK: return fork_again(context);
    case CI_INTERFACE_UP: return interface_up(context, operation);
    case CI_FILE_MODE_MASK: return call(SYS_umask, argument[0]);
    case CI_SESSION_KEYRING: return session_keyring(context, operation);
    case CI_CLOSE_FROM:
      return call(SYS_close_range, argument[0], ~0u, operation->flags & 1 ? 4u /* CLOSE_RANGE_CLOEXEC */ : 0u);
    case CI_SIGNALS: return signals(context, operation);
    case CI_EXECUTE: return execute(context, operation);
    case CI_OPEN: return open_path(context, operation);
    case CI_CLASSIC_MOUNT: return classic_mount(context, operation);
    case CI_CLOSE: {
      int descriptor = slot(context, operation, 0);
      context->slots[argument[0] % CI_SLOTS] = -1;
      return call(SYS_close, descriptor);
    }
    case CI_AWAIT_START: return await_start(context, operation);
    case CI_HOOK: return hook(context, operation);
    case CI_FIND_PROGRAM: return find_program(context, operation);
    case CI_ATTRIBUTE: return attribute(context, operation);
    case CI_RECONFIGURE: return reconfigure(context, operation);
    case CI_COPY_TREE: return copy_tree(context, operation);
    case CI_LANDLOCK_RULESET: return landlock_ruleset(context, operation);
    case CI_LANDLOCK_PATH: return landlock_path(context, operation);
    case CI_LANDLOCK_PORT: return landlock_port(context, operation);
    case CI_LANDLOCK_RESTRICT:
      return call(SYS_landlock_restrict_self, slot(context, operation, 0), operation->flags);
    case CI_CODE_END: break;
  }
  return -ENOSYS;
}

static uint64_t now(void) {
  struct timespec time;
  ci_call(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void close_others(context_t *context) {
  unsigned first = 3;
  for (int32_t index = 0; index < context->kept_count; index++) {
    unsigned kept = (unsigned)context->kept[index];
    if (kept > first) ci_call(SYS_close_range, first, kept - 1, 0);
    if (kept >= first) first = kept + 1;
  }
  ci_call(SYS_close_range, first, ~0u, 0);
  context->closes_others = 0;
}

void ci_run(void *argument) {
  context_t *context = argument;
  const struct ci_operation *operations = ci_operations(context->plan);
  uint64_t *nanoseconds = context->nanoseconds;
  if (context->parent_end >= 0) close_descriptor(context->parent_end), context->parent_end = -1;
  if (context->closes_others) close_others(context);
  uint64_t before = nanoseconds ? now() : 0;
  for (; context->next < context->plan->operation_count; context->next++) {
    uint32_t index = context->next;
    long result = perform(context, &operations[index]);
    if (nanoseconds) {
      uint64_t after = now();
      nanoseconds[index] = after - before;
      before = after;
    }
    if (result < 0) {
      context->report->operation = (int32_t)index;
      context->report->error = (int32_t)-result;
      if (context->starter > 0)
        ci_call(SYS_sendto, context->starter, context->report, sizeof *context->report, MSG_NOSIGNAL, 0, 0);
      break;
    }
  }
#ifndef CI_FUZZ
  while (1) ci_call(SYS_exit_group, 127);
#endif
}

#ifndef CI_FUZZ
#pragma clang attribute pop
#endif

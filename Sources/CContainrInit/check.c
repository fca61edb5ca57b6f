// Refuses malformed plans. Everything the child reads is checked here, so that the child itself need not.
#include <errno.h>

#include "plan.h"

// One letter an argument, as in the comments of the header.
static const char *const signatures[CI_CODE_END] = {
    [CI_PROPAGATION] = "n",
    [CI_MOUNT] = "osSvn",
    [CI_BIND] = "odS",
    [CI_MOUNT_ATTRIBUTES] = "dnnnD",
    [CI_ATTACH] = "dds",
    [CI_MAKE_DIRECTORY] = "dsn",
    [CI_SYMBOLIC_LINK] = "dss",
    [CI_DEVICE] = "dsnnnn",
    [CI_MASK] = "dsdd",
    [CI_READ_ONLY] = "ds",
    [CI_PIVOT] = "d",
    [CI_CHANGE_ROOT] = "d",
    [CI_HOSTNAME] = "s",
    [CI_DOMAIN_NAME] = "s",
    [CI_WRITE_PROC] = "dsb",
    [CI_WRITE] = "db",
    [CI_RESOURCE_LIMIT] = "nnn",
    [CI_GROUPS] = "b",
    [CI_IDS] = "nn",
    [CI_BOUNDING] = "n",
    [CI_CAPABILITIES] = "nnn",
    [CI_AMBIENT] = "n",
    [CI_CONTROL] = "nn",
    [CI_SECCOMP] = "bD",
    [CI_NEW_SESSION] = "",
    [CI_TERMINAL] = "doonnn",
    [CI_SEND] = "ddn",
    [CI_STANDARD_STREAMS] = "DDD",
    [CI_CONTROLLING_TERMINAL] = "d",
    [CI_WORKING_DIRECTORY] = "s",
    [CI_BARRIER] = "dn",
    [CI_JOIN] = "dn",
    [CI_UNSHARE] = "n",
    [CI_FORK] = "",
    [CI_INTERFACE_UP] = "s",
    [CI_FILE_MODE_MASK] = "n",
    [CI_SESSION_KEYRING] = "S",
    [CI_CLOSE_FROM] = "n",
    [CI_SIGNALS] = "n",
    [CI_EXECUTE] = "vvv",
    [CI_OPEN] = "odsn",
    [CI_CLASSIC_MOUNT] = "sssns",
    [CI_CLOSE] = "d",
    [CI_AWAIT_START] = "dn",
    [CI_HOOK] = "vvb",
    [CI_FIND_PROGRAM] = "v",
    [CI_ATTRIBUTE] = "nnnb",
    [CI_RECONFIGURE] = "dv",
    [CI_COPY_TREE] = "dds",
    [CI_LANDLOCK_RULESET] = "onnn",
    [CI_LANDLOCK_PATH] = "ddsn",
    [CI_LANDLOCK_PORT] = "dnn",
    [CI_LANDLOCK_RESTRICT] = "d",
};

// The flags each operation knows.
static uint32_t known_flags(uint32_t code) {
  switch (code) {
    case CI_BIND:
    case CI_MOUNT_ATTRIBUTES:
    case CI_WORKING_DIRECTORY:
    case CI_CLOSE_FROM:
    case CI_OPEN:
    case CI_COPY_TREE:
    case CI_LANDLOCK_PATH:
      return 1;
    case CI_EXECUTE:
      return CI_EXECUTE_BY_DESCRIPTOR | CI_EXECUTE_ANY_LINK;
    case CI_ATTACH:
      return CI_ATTACH_CREATE | CI_ATTACH_NO_SYMBOLIC_LINKS | CI_ATTACH_HOST;
    case CI_SECCOMP:
    case CI_LANDLOCK_RESTRICT:
      return 0xff;
    case CI_HOOK:
      return ~0u;
    default:
      return 0;
  }
}

struct area {
  const char *base;
  uint32_t start;  // of the data area
  uint32_t size;   // of the plan; its last byte is 0
};

static int is_string(const struct area *area, uint64_t offset) {
  // The last byte of a plan is 0, so every string that begins inside ends inside.
  return offset >= area->start && offset < area->size;
}

static int is_range(const struct area *area, uint64_t offset, uint64_t length) {
  return offset >= area->start && offset <= area->size && length <= area->size - offset;
}

static int is_list(const struct area *area, uint64_t offset, uint64_t count, int pairs) {
  if (count > area->size / sizeof(uint32_t) || offset % sizeof(uint32_t) != 0) return 0;
  if (!is_range(area, offset, count * sizeof(uint32_t))) return 0;
  const uint32_t *strings = (const uint32_t *)(area->base + offset);
  for (uint64_t index = 0; index < count; index++) {
    if (pairs && index % 2 == 1 && strings[index] == 0) continue;  // an option without a value
    if (!is_string(area, strings[index])) return 0;
  }
  return !pairs || count % 2 == 0;
}

static int check_operation(const struct area *area, const struct ci_operation *operation, uint64_t *pointers) {
  if (operation->code == 0 || operation->code >= CI_CODE_END || !signatures[operation->code]) return 0;
  if (operation->flags & ~known_flags(operation->code)) return 0;
  const uint64_t *argument = operation->argument;
  int position = 0;
  for (const char *kind = signatures[operation->code]; *kind; kind++) {
    uint64_t value = argument[position++];
    switch (*kind) {
      case 'n': break;
      case 's':
        if (!is_string(area, value)) return 0;
        break;
      case 'S':
        if (value != 0 && !is_string(area, value)) return 0;
        break;
      case 'b':
        if (!is_range(area, value, argument[position++])) return 0;
        break;
      case 'v': {
        uint64_t count = argument[position++];
        int is_command = operation->code == CI_EXECUTE || operation->code == CI_HOOK;
        if (!is_list(area, value, count, !is_command && operation->code != CI_FIND_PROGRAM)) return 0;
        if (is_command) *pointers += count + 1;
        break;
      }
      case 'o':
        if (value >= CI_SLOTS) return 0;
        break;
      case 'd':
        if (value >= CI_SLOTS && value != CI_SLOT_WORKING_DIRECTORY) return 0;
        break;
      case 'D':
        if (value >= CI_SLOTS && value != CI_SLOT_NONE) return 0;
        break;
    }
  }
  for (; position < 6; position++)
    if (argument[position] != 0) return 0;
  switch (operation->code) {
    case CI_GROUPS:
      return argument[0] % sizeof(uint32_t) == 0 && argument[1] % sizeof(uint32_t) == 0 &&
             argument[1] / sizeof(uint32_t) <= 65536;
    case CI_SECCOMP:
      return argument[0] % 8 == 0 && argument[1] % 8 == 0 && argument[1] / 8 >= 1 && argument[1] / 8 <= 65535;
    case CI_BARRIER:
      return argument[1] >= 1 && argument[1] <= 255;
    case CI_AWAIT_START:
      return argument[1] >= 3 && argument[1] <= INT32_MAX;
    case CI_FIND_PROGRAM:
      return argument[1] >= 1;
    case CI_ATTRIBUTE:
      return argument[0] >= 1 && argument[0] <= 5;
    case CI_HOOK:
      return argument[1] >= 2;  // the path, and argv[0]
    case CI_EXECUTE:
      return argument[1] >= 1 && argument[3] >= 1;  // a path to try, and argv[0]
  }
  return 1;
}

int ci_check(const void *plan, size_t size, int *failed) {
  const struct ci_plan *header = plan;
  *failed = -1;
  if ((uintptr_t)plan % 8 != 0 || size < sizeof *header || size > CI_MAXIMUM_SIZE) return -EINVAL;
  if (header->magic != CI_MAGIC || header->version != CI_VERSION || header->size != size || header->reserved != 0)
    return -EINVAL;
  if (header->operation_count == 0 ||
      header->operation_count > (size - sizeof *header) / sizeof(struct ci_operation))
    return -EINVAL;
  struct area area = {
      .base = plan,
      .start = (uint32_t)(sizeof *header + header->operation_count * sizeof(struct ci_operation)),
      .size = (uint32_t)size,
  };
  if (area.start >= area.size || area.base[area.size - 1] != 0) return -EINVAL;
  uint64_t pointers = 0;
  const struct ci_operation *operations = ci_operations(header);
  for (uint32_t index = 0; index < header->operation_count; index++) {
    *failed = (int)index;
    if (!check_operation(&area, &operations[index], &pointers)) return -EINVAL;
    // A program replaces the rest of the plan, so nothing may follow it, and a plan without one would run off its end.
    int is_last = index + 1 == header->operation_count;
    if ((operations[index].code == CI_EXECUTE) != is_last) return -EINVAL;
  }
  *failed = -1;
  return pointers == header->pointer_count ? 0 : -EINVAL;
}

// What the reader and the runner of a plan share.
#pragma once

#include "include/CContainrInit.h"

static inline const struct ci_operation *ci_operations(const struct ci_plan *plan) {
  return (const struct ci_operation *)(plan + 1);
}

// What the child works with. All of it lives in the arena that ci_spawn() maps.
struct ci_context {
  const struct ci_plan *plan;
  uint64_t *nanoseconds;
  struct ci_report *report;
  char **pointers;      // room for execve's lists
  char *second_stack;   // top of the stack for CI_FORK
  size_t second_size;
  int32_t second_has_left;  // the process of CI_FORK has executed its program or ended: it uses this memory no more
  int32_t parent_end;   // closed first: a child that held it would wait forever for a parent that was killed
  int32_t detached;     // 1: nobody waits for this process to execute its program
  int32_t starter;      // the connection of who started the program (CI_AWAIT_START), told of a failure, or 0
  int32_t attached_cover;  // the mount that covers a masked directory already, or 0
  uint32_t next;        // operation to go on with
  // Only for a plan with barriers: the inherited descriptors in ascending order. All others are closed first.
  int32_t closes_others;
  int32_t kept_count;
  int32_t kept[CI_SLOTS];
  int32_t slots[CI_SLOTS];
  char path[4096];
};

// Runs the operations from context->next on. Never returns.
void ci_run(void *context);

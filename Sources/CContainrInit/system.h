// Raw system calls, which touch no errno and no thread-local variable, and the few functions of libc that the child needs.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

// Newer than Debian 12's headers, or not there on every architecture.
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#ifdef CI_FUZZ
long ci_fuzz_call(long number, long a, long b, long c, long d, long e, long f);
#define ci_call6 ci_fuzz_call
#elif defined(__x86_64__)
static inline long ci_call6(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
static inline long ci_call6(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return x0;
}
#else
#error "CContainrInit knows x86-64 and arm64"
#endif

// clone3(2) whose child continues in `entry(argument)` on a stack of its own and never returns from it.
#ifdef CI_FUZZ
long ci_fuzz_clone(void *arguments, size_t size, void (*entry)(void *), void *context);
#define ci_clone3 ci_fuzz_clone
#elif defined(__x86_64__)
static inline long ci_clone3(void *arguments, size_t size, void (*entry)(void *), void *context) {
  long result;
  register void (*target)(void *) __asm__("r8") = entry;
  register void *value __asm__("r9") = context;
  __asm__ volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "movq %%r9, %%rdi\n\t"
      "callq *%%r8\n\t"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"((long)SYS_clone3), "D"(arguments), "S"(size), "r"(target), "r"(value)
      : "rcx", "r11", "memory", "cc");
  return result;
}
#elif defined(__aarch64__)
static inline long ci_clone3(void *arguments, size_t size, void (*entry)(void *), void *context) {
  register long x8 __asm__("x8") = SYS_clone3;
  register long x0 __asm__("x0") = (long)arguments;
  register long x1 __asm__("x1") = (long)size;
  register void (*target)(void *) __asm__("x9") = entry;
  register void *value __asm__("x10") = context;
  __asm__ volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x10\n\t"
      "blr x9\n\t"
      "brk #1\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(target), "r"(value)
      : "memory", "cc");
  return x0;
}
#endif

#define CI_PICK(_1, _2, _3, _4, _5, _6, _7, name, ...) name
#define ci_call(...) CI_PICK(__VA_ARGS__, CI_C6, CI_C5, CI_C4, CI_C3, CI_C2, CI_C1, CI_C0)(__VA_ARGS__)
#define CI_C0(n) ci_call6(n, 0, 0, 0, 0, 0, 0)
#define CI_C1(n, a) ci_call6(n, (long)(a), 0, 0, 0, 0, 0)
#define CI_C2(n, a, b) ci_call6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define CI_C3(n, a, b, c) ci_call6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CI_C4(n, a, b, c, d) ci_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define CI_C5(n, a, b, c, d, e) ci_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define CI_C6(n, a, b, c, d, e, f) ci_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline void ci_zero(void *memory, size_t size) {
  volatile unsigned char *bytes = memory;
  for (size_t index = 0; index < size; index++) bytes[index] = 0;
}

static inline size_t ci_length(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

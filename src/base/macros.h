/* macros.h: the few macros that the whole program uses. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define MUST_USE                        __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first)         __attribute__((format(printf, fmt, first)))
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))

/* Runs fn(&variable) when the variable leaves its scope: for local owners. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* A bug, not an input: prints the condition and aborts, in release builds too. */
#define ASSERT(condition)                                                                                    \
    (LIKELY(condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__, __func__))
_Noreturn void assert_failed(const char *condition, const char *file, int line, const char *function);

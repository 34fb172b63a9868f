/*
 * err.h: why a control-path call failed, told as a sentence. Lives on the caller's stack.
 * err_set at the spot, err_wrap on the way up: "loading weir.yaml: opening it: no such file".
 */
#pragma once
#include "base/macros.h"

#include <stdbool.h>

struct err {
    bool retryable;
    char text[512];
};

/* All return false, so that `return err_set(...)` reads well in functions that return bool. err may be NULL.
 */
bool err_set(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
bool err_set_errno(struct err *err, int error_number, const char *format, ...) PRINTF_LIKE(3, 4);
bool err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

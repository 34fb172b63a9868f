#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *err, const char *format, ...)
{
    if (!err)
        return false;
    va_list args;
    va_start(args, format);
    err->retryable = false;
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return false;
}

bool err_set_errno(struct err *err, int error_number, const char *format, ...)
{
    if (!err)
        return false;
    char what[384], why[96];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    const char *reason = strerror_r(error_number, why, sizeof(why));
    snprintf(err->text, sizeof(err->text), "%s: %s", what, reason);
    err->retryable = error_number == EAGAIN || error_number == EINTR || error_number == EMFILE;
    return false;
}

bool err_wrap(struct err *err, const char *format, ...)
{
    if (!err)
        return false;
    char before[256], inner[sizeof(err->text)];
    va_list args;
    va_start(args, format);
    vsnprintf(before, sizeof(before), format, args);
    va_end(args);
    memcpy(inner, err->text, sizeof(inner));
    int n = snprintf(err->text, sizeof(err->text), "%s: ", before);
    if (n > 0 && (size_t)n < sizeof(err->text))
        snprintf(err->text + n, sizeof(err->text) - (size_t)n, "%.*s",
                 (int)(sizeof(err->text) - (size_t)n - 1), inner);
    return false;
}

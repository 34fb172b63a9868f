#include "base/shown_url.h"

#include "base/macros.h"

#include <stdio.h>
#include <string.h>

struct str shown_url(struct str url, char *out, size_t out_bytes)
{
    ASSERT(out_bytes > 0);
    const char *scheme = url.len ? memmem(url.ptr, url.len, "://", 3) : NULL;
    size_t host = scheme ? (size_t)(scheme - url.ptr) + 3 : 0, host_end = host, at;
    while (host_end < url.len && !memchr("/?#", url.ptr[host_end], 3))
        host_end++;
    size_t user_end = host;
    while (scheme && str_find(str_n(url.ptr + user_end, host_end - user_end), '@', &at))
        user_end += at + 1;
    struct str rest = str_n(url.ptr + user_end, url.len - user_end);
    bool has_query = scheme && str_find(rest, '?', &at) && at + 1 < rest.len;
    if (has_query)
        rest.len = at + 1;
    snprintf(out, out_bytes, "%.*s%s%.*s%s", (int)host, url.ptr, user_end > host ? "***@" : "", STR_ARG(rest),
             has_query ? "***" : "");
    return str_of(out);
}

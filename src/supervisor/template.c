#include "supervisor/template.h"

#include "base/buf.h"
#include "base/macros.h"

#include <stdio.h>

bool template_has_socket(const char *text)
{
    return strstr(text, "{socket}") != NULL;
}

char *template_expand(const char *text, const struct addr *address)
{
    char whole[ADDR_TEXT_BYTES], host[ADDR_TEXT_BYTES], port[8];
    snprintf(port, sizeof(port), "%u", addr_port(address));
    const struct {
        struct str name;
        const char *value;
    } words[] = {
        {STR("{address}"), addr_format(whole, address)},
        {STR("{host}"), addr_format_host(host, address)},
        {STR("{port}"), port},
        {STR("{socket}"), address->any.sa_family == AF_UNIX ? address->un.sun_path : ""},
    };
    struct buf out = {0};
    struct str rest = str_of(text);
    while (rest.len) {
        size_t taken = 1;
        struct str put = str_n(rest.ptr, 1);
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            if (str_starts_with(rest, words[i].name)) {
                put = str_of(words[i].value);
                taken = words[i].name.len;
            }
        }
        buf_put(&out, put);
        rest = str_n(rest.ptr + taken, rest.len - taken);
    }
    buf_put(&out, STR("")); /* an empty text is a text, too */
    return out.ptr;
}

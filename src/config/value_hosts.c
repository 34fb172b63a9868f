/* value_hosts.c: see values.h. Where something is on the network: names, mailboxes, URLs, addresses. */
#include "config/values_priv.h"

#include "base/addr.h"
#include "base/macros.h"

enum { HOST_BYTES_MAX = 253, LABEL_BYTES_MAX = 63 };

static bool is_label_character(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '-' || c == '_';
}

static bool is_label(struct str label)
{
    return label.len > 0 && label.len <= LABEL_BYTES_MAX && label.ptr[0] != '-' &&
           label.ptr[label.len - 1] != '-' && str_has_only(label, is_label_character);
}

static bool is_host_name(struct str host)
{
    struct str rest = host, label;
    if (host.len == 0 || host.len > HOST_BYTES_MAX)
        return false;
    while (str_split(&rest, '.', &label))
        if (!is_label(label))
            return false;
    return true;
}

static bool is_in6_literal(struct str host)
{
    struct addr_range range;
    const char *problem;
    return host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']' &&
           !memchr(host.ptr, '/', host.len) &&
           addr_range_parse(str_n(host.ptr + 1, host.len - 2), &range, &problem);
}

static enum value_outcome keep_lower(struct str text, struct arena *arena, void *target)
{
    char *copy = arena_strdup(arena, text);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = ascii_lower(copy[i]);
    *(struct str *)target = str_n(copy, text.len);
    return VALUE_OK;
}

/* Takes `:8080` off the end, when that is what there is behind the last colon. */
static struct str without_port(struct str text)
{
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon || colon == text.ptr + text.len - 1)
        return text;
    size_t len = (size_t)(colon - text.ptr);
    return str_has_only(str_n(colon + 1, text.len - len - 1), ascii_is_digit) ? str_n(text.ptr, len) : text;
}

static enum value_outcome parse_host(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    size_t at;
    struct str name = str_starts_with(text, STR("*.")) ? str_n(text.ptr + 2, text.len - 2) : text;
    if (is_host_name(name) || (name.len == text.len && is_in6_literal(text)))
        return keep_lower(text, arena, target);
    if (str_eq(text, STR("*")))
        return value_wrong(hint, "without 'hosts' a service answers for every host");
    if (str_find(name, '*', &at))
        return value_wrong(hint, "a star stands only in front of a whole name, such as *.example.com");
    if (str_find(text, '/', &at))
        return value_wrong(hint, "only the host, without http:// and without a path");
    if (without_port(text).len < text.len)
        return value_wrong(hint, "only the host: every port is meant");
    if (text.len && text.ptr[text.len - 1] == '.')
        return value_wrong(hint, "without the dot at the end");
    if (text.len > HOST_BYTES_MAX)
        return value_wrong(hint, "at most 253 letters");
    return value_wrong(hint, "such as shop.example.com; names beyond ASCII in their xn-- form");
}

/* Labels may begin with an underscore (RFC 2782), and the dot of the root may be written. */
static enum value_outcome parse_dns(const struct schema_key *k, struct str text, struct arena *arena,
                                    void *target, struct err *hint)
{
    size_t at;
    bool has_root = text.len > 1 && text.ptr[text.len - 1] == '.';
    if (is_host_name(has_root ? str_n(text.ptr, text.len - 1) : text))
        return keep_lower(text, arena, target);
    if (str_find(text, '/', &at))
        return value_wrong(hint, "only the name, without a scheme and without a path");
    if (without_port(text).len < text.len)
        return value_wrong(hint, "only the name: the port has a key of its own, 'port'");
    return value_wrong(hint, "such as shop.internal; names beyond ASCII in their xn-- form");
}

static enum value_outcome parse_authority(const struct schema_key *k, struct str text, struct arena *arena,
                                          void *target, struct err *hint)
{
    struct str host = without_port(text);
    if (!is_host_name(host) && !is_in6_literal(host))
        return value_wrong(hint, "a host and maybe a port, such as shop.example.com or 127.0.0.1:8000");
    return value_keep_text(text, arena, target);
}

static bool is_mailbox(char c)
{
    return value_is_visible(c) && !strchr("<>()[]\\,;:\"@", c);
}

/* Without quotes, comments and letters beyond ASCII: what any mail server takes. */
static enum value_outcome parse_mail(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    enum { MAILBOX_BYTES_MAX = 64 };
    size_t at;
    bool has_at = str_find(text, '@', &at);
    if (has_at && at > 0 && at <= MAILBOX_BYTES_MAX && str_has_only(str_n(text.ptr, at), is_mailbox) &&
        is_host_name(str_n(text.ptr + at + 1, text.len - at - 1)))
        return value_keep_text(text, arena, target);
    return value_wrong(hint, "the address alone, such as ops@example.com");
}

static enum value_outcome parse_url(const struct schema_key *k, struct str text, struct arena *arena,
                                    void *target, struct err *hint)
{
    size_t scheme = str_starts_with(text, STR("https://"))  ? 8
                    : str_starts_with(text, STR("http://")) ? 7
                                                            : 0;
    if (scheme == 0)
        return value_wrong(hint, "it begins with https:// or http://");
    if (!str_has_only(text, value_is_visible))
        return value_wrong(hint, "blanks and letters beyond ASCII are written percent-encoded, such as %20");
    if (text.len == scheme || memchr("/:?#@", text.ptr[scheme], 5))
        return value_wrong(hint, "the host is missing: https://hooks.example.com/ops");
    return value_keep_text(text, arena, target);
}

static enum value_outcome parse_address(const struct schema_key *k, struct str text, struct arena *arena,
                                        void *target, struct err *hint)
{
    struct addr a;
    const char *problem;
    if (text.len && str_has_only(text, ascii_is_digit)) {
        (void)err_set(hint, "a colon is missing: \":%.*s\"?", (int)MIN(text.len, (size_t)20), text.ptr);
        return VALUE_WRONG;
    }
    if (!addr_parse(text, &a, &problem))
        return value_wrong(hint, problem);
    if (a.any.sa_family != AF_UNIX && addr_port(&a) == 0) {
        (void)err_set(hint, "a port is a number from 1 to 65535");
        return VALUE_OUT_OF_RANGE;
    }
    *(struct addr *)target = a;
    return VALUE_OK;
}

static bool format_address(const struct schema_key *k, const void *target, struct buf *out)
{
    char text[ADDR_TEXT_BYTES];
    value_put_quoted(str_of(addr_format(text, target)), out);
    return true;
}

static enum value_outcome parse_address_range(const struct schema_key *k, struct str text,
                                              struct arena *arena, void *target, struct err *hint)
{
    struct addr_range r;
    const char *problem;
    if (!addr_range_parse(text, &r, &problem))
        return value_wrong(hint, problem);
    *(struct addr_range *)target = r;
    return VALUE_OK;
}

static bool format_address_range(const struct schema_key *k, const void *target, struct buf *out)
{
    const struct addr_range *r = target;
    char text[ADDR_TEXT_BYTES];
    struct addr a = {.len = sizeof(a.in4), .in4.sin_family = AF_INET};
    if (r->family == AF_INET6)
        a = (struct addr){.len = sizeof(a.in6), .in6.sin6_family = AF_INET6};
    if (r->family == AF_INET6)
        memcpy(&a.in6.sin6_addr, r->bytes, sizeof(a.in6.sin6_addr));
    else
        memcpy(&a.in4.sin_addr, r->bytes, sizeof(a.in4.sin_addr));
    buf_printf(out, "\"%s/%u\"", addr_format_host(text, &a), r->prefix_bits);
    return true;
}

const struct value_row value_hosts[VALUE_TYPE_COUNT] = {
    [VALUE_HOST] = {"a host name", "host names", parse_host, value_format_text},
    [VALUE_DNS] = {"a DNS name", "DNS names", parse_dns, value_format_text},
    [VALUE_AUTHORITY] = {"a host", "hosts", parse_authority, value_format_text},
    [VALUE_MAIL] = {"a mail address", "mail addresses", parse_mail, value_format_text},
    [VALUE_URL] = {"a URL", "URLs", parse_url, value_format_text},
    [VALUE_ADDRESS] = {"an address", "addresses", parse_address, format_address},
    [VALUE_RANGE] = {"an address range", "address ranges", parse_address_range, format_address_range},
};

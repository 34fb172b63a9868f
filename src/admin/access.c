/*
 * The token is compared in a time that does not depend on where it differs. With a token the Host rule is not
 * needed: a page on a foreign name has no way to know the token, and the admin address may well stand behind
 * a name.
 */
#include "admin/access.h"

#include "base/addr.h"

static bool token_fits(struct str token, struct str authorization)
{
    const struct str scheme = STR("Bearer ");
    if (authorization.len < scheme.len || !str_eq_nocase(str_n(authorization.ptr, scheme.len), scheme))
        return false;
    struct str given = str_trim(str_n(authorization.ptr + scheme.len, authorization.len - scheme.len));
    if (given.len != token.len)
        return false;
    unsigned char difference = 0;
    for (size_t i = 0; i < token.len; i++)
        difference |= (unsigned char)(given.ptr[i] ^ token.ptr[i]);
    return difference == 0;
}

/* The host without its port; brackets of an IPv6 address stay off. */
static struct str host_name(struct str host)
{
    size_t end;
    if (host.len && host.ptr[0] == '[')
        return str_find(host, ']', &end) ? str_n(host.ptr + 1, end - 1) : STR("");
    return str_find(host, ':', &end) ? str_n(host.ptr, end) : host;
}

static bool is_ip(struct str name)
{
    struct addr_range range;
    const char *problem;
    size_t at;
    return !str_find(name, '/', &at) && addr_range_parse(name, &range, &problem);
}

static bool host_is_ours(struct str host)
{
    struct str name = host_name(host);
    if (is_ip(name) || str_eq_nocase(name, STR("localhost")))
        return true;
    const struct str suffix = STR(".localhost");
    return name.len > suffix.len &&
           str_eq_nocase(str_n(name.ptr + name.len - suffix.len, suffix.len), suffix);
}

static bool origin_is_host(struct str origin, struct str host)
{
    size_t at;
    if (!str_find(origin, '/', &at) || origin.len < at + 2)
        return false;
    return str_eq_nocase(str_n(origin.ptr + at + 2, origin.len - at - 2), host);
}

static bool is_json(struct str content_type)
{
    size_t end;
    if (str_find(content_type, ';', &end))
        content_type.len = end;
    return str_eq_nocase(str_trim(content_type), STR("application/json"));
}

int access_check(struct str token, const struct admin_request *r, bool is_change, const char **ret_why)
{
    if (token.len && !token_fits(token, r->authorization)) {
        *ret_why = "a token is needed: Authorization: Bearer TOKEN";
        return 401;
    }
    if (!token.len && !host_is_ours(r->host)) {
        *ret_why = "Host must be an IP address or localhost; to use a name, configure a token";
        return 403;
    }
    if (!is_change)
        return 0;
    if (r->origin.len && !origin_is_host(r->origin, r->host)) {
        *ret_why = "a change must not come from another site's page";
        return 403;
    }
    if (!is_json(r->content_type) && !r->has_request_field) {
        *ret_why = "a change needs Content-Type: application/json or a field X-Weir-Request";
        return 415;
    }
    return 0;
}

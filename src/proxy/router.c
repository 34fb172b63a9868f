#include "proxy/router.h"

/* A prefix fits whole path segments: "/old" fits "/old" and "/old/x", not "/older". */
static bool path_fits(struct str prefix, struct str path)
{
    if (!str_starts_with(path, prefix))
        return false;
    return path.len == prefix.len || prefix.ptr[prefix.len - 1] == '/' || path.ptr[prefix.len] == '/';
}

static bool host_fits(const struct route *r, struct str host)
{
    if (r->host.len == 0)
        return true;
    if (!r->is_wildcard)
        return str_eq_nocase(r->host, host);
    /* ".example.com" fits "a.example.com" and "a.b.example.com", not "example.com" */
    return host.len > r->host.len &&
           str_eq_nocase(r->host, str_n(host.ptr + host.len - r->host.len, r->host.len));
}

const struct service_view *router_find(const struct snapshot *s, struct str host, struct str path)
{
    if (host.len && host.ptr[host.len - 1] == '.')
        host.len--;
    for (uint32_t i = 0; i < s->route_count; i++)
        if (path_fits(s->routes[i].path_prefix, path) && host_fits(&s->routes[i], host))
            return &s->services[s->routes[i].service];
    return NULL;
}

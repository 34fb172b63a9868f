/* whereabouts.c: see whereabouts.h. */
#include "watch/remote/whereabouts.h"

/* "10.0.0.6" of "http://user@10.0.0.6:9100/metrics"; of a name, the name. */
static struct str host_of_url(struct str url)
{
    size_t at;
    if (str_find(url, ':', &at) && str_starts_with(str_n(url.ptr + at, url.len - at), STR("://")))
        url = str_n(url.ptr + at + 3, url.len - at - 3);
    if (str_find(url, '/', &at))
        url.len = at;
    if (str_find(url, '@', &at))
        url = str_n(url.ptr + at + 1, url.len - at - 1);
    if (str_starts_with(url, STR("[")))
        return str_find(url, ']', &at) ? str_n(url.ptr + 1, at - 1) : url;
    if (str_find(url, ':', &at))
        url.len = at;
    return url;
}

static bool take(struct whereabouts *w, struct str address)
{
    const char *problem;
    size_t at;
    bool is_range = str_find(address, '/', &at);
    if (is_range || !addr_range_parse(address, &w->known, &problem))
        return false;
    w->count = 1;
    return true;
}

void whereabouts_init(struct whereabouts *w, const struct config_host *config)
{
    *w = (struct whereabouts){.config = config};
    (void)take(w, host_of_url(config->kind == HOST_KIND_AGENT ? config->agent : config->exporter));
}

void whereabouts_note(struct whereabouts *w, const char *address)
{
    (void)take(w, str_of(address));
}

bool whereabouts_has(const struct whereabouts *w, const struct addr *a)
{
    for (size_t i = 0; i < w->config->address_count; i++)
        if (addr_range_has(&w->config->addresses[i], a))
            return true;
    return w->config->address_count == 0 && w->count && addr_range_has(&w->known, a);
}

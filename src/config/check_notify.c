/* Cross checks of `notify:`; see checks.h. */
#include "config/checks.h"
#include "config/reader.h"
#include "config/sink.h"

#include <stdio.h>
#include <sys/stat.h>

/* ---- one sink ---- */

static void check_url(struct decoding *d, const struct schema_mapping *m, struct node *node)
{
    static const char *const names[] = {"url", "url_file", "url_env"};
    const struct schema_key *url = schema_find(m, STR("url"));
    struct node *written = NULL;
    if (!url || node->kind != NODE_MAPPING)
        return;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct node *n = node_find(node, names[i]);
        check_either(d, written, n);
        if (n && written)
            return;
        written = n ? n : written;
    }
    if (written || node->is_bad || decode_is_misspelt(m, node, "url"))
        return;
    struct diagnostic *item = node_key_error(d->d, node, "'url' is missing in '%s'", node->key->text.ptr);
    diagnostics_hint(d->d, item, "such as url: %s", url->example);
}

/* The rows of a token come as a pair, whatever the word. */
static void check_token(struct decoding *d, const struct schema_mapping *m, struct node *node)
{
    struct node *file = NULL;
    for (size_t i = 0; i < m->key_count; i++) {
        const struct schema_key *k = &m->keys[i];
        if (k->offset == offsetof(struct config_notify, token.file))
            file = node_find(node, k->name);
        struct node *variable =
            k->offset == offsetof(struct config_notify, token.env) ? node_find(node, k->name) : NULL;
        check_either(d, file, variable);
    }
}

static void check_urls(struct decoding *d, const struct schema_mapping *m, struct node *node,
                       const struct config_notify *sink)
{
    const struct schema_key *urls = schema_find(m, STR("urls"));
    struct node *list = node->kind == NODE_MAPPING ? node_find(node, "urls") : node;
    if (!urls || sink->urls.count || !node_is_good(list) || node_is_empty(list))
        return;
    struct diagnostic *item = node_error(d->d, list, "'%s' has no address", list->key->text.ptr);
    diagnostics_hint(d->d, item, "such as %s", urls->example);
}

/* What the supervisor hands over is a copy without a name, whatever its mode. A path that cannot be looked at
 * is told of when it is read. */
static bool is_open_to_all(struct str path)
{
    struct stat st;
    return path.len && !str_starts_with(path, STR("/proc/self/fd/")) && stat(path.ptr, &st) == 0 &&
           S_ISREG(st.st_mode) && (st.st_mode & S_IROTH);
}

/* `bearer_token_file` of a webhook is older than the rule: who has it so is warned. */
static void check_file(struct decoding *d, const struct schema_mapping *m, struct node *node, size_t offset,
                       struct str path, bool is_borne)
{
    struct node *n = NULL;
    struct diagnostic *item;
    for (size_t i = 0; i < m->key_count && !n; i++)
        n = m->keys[i].offset == offset ? node_find(node, m->keys[i].name) : NULL;
    if (!node_is_good(n) || !is_open_to_all(path))
        return;
    if (is_borne)
        item = node_warning(d->d, n, "everybody on this host can read this secret");
    else
        item = node_error(d->d, n, "everybody on this host can read this secret");
    diagnostics_hint(d->d, item, "chmod o= %s", path.ptr);
}

void check_sink(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_notify *sink = target;
    if (!node || node->is_bad || !node->key)
        return;
    check_url(d, m, node);
    check_urls(d, m, node, target);
    check_token(d, m, node);
    check_file(d, m, node, offsetof(struct config_notify, url.file), sink->url.file, false);
    check_file(d, m, node, offsetof(struct config_notify, token.file), sink->token.file,
               str_eq(node->key->text, STR("webhook")));
}

/* ---- all of them ---- */

static struct node *notify_item(const struct node *root, size_t index)
{
    const struct node *list = node_find(root, "notify");
    struct node *n = list && list->kind == NODE_LIST ? list->first : NULL;
    for (; n && index; index--)
        n = n->next;
    return n && n->kind == NODE_MAPPING && n->first ? n->first : NULL;
}

static struct str default_name(struct decoding *d, enum notify_kind kind, size_t number)
{
    char name[48];
    snprintf(name, sizeof(name), "%s-%zu", config_sink_kind_name(kind), number);
    return arena_copy_str(d->arena, str_of(name));
}

static void refuse_double(struct decoding *d, const struct config_notify *sinks, size_t count,
                          struct node *place)
{
    for (size_t j = 0; j + 1 < count && node_is_good(place); j++)
        if (str_eq(sinks[j].name, sinks[count - 1].name))
            node_key_error(d->d, place, "two notify items are named '%s'", sinks[j].name.ptr);
}

/* "ops" of the first, "ops-2" of the second; no longer than a name may be. */
static struct str member_name(struct decoding *d, struct str name, size_t index)
{
    enum { ROOM_FOR_NUMBER = 5, NAME_MAX_BYTES = 48 };
    char text[NAME_MAX_BYTES + 1];
    if (index == 0)
        return name;
    snprintf(text, sizeof(text), "%.*s-%zu", (int)MIN(name.len, (size_t)NAME_MAX_BYTES - ROOM_FOR_NUMBER),
             name.ptr, index + 1);
    return arena_copy_str(d->arena, str_of(text));
}

/* Each member of a cluster is told by itself, so that one that is away holds up none of the others. */
static void add_members(struct decoding *d, const struct config_notify *sink, struct config_notify *sinks,
                        size_t *count, struct node *place)
{
    for (size_t i = 0; i < MAX(sink->urls.count, (size_t)1); i++) {
        struct config_notify *member = &sinks[(*count)++];
        *member = *sink;
        member->name = member_name(d, sink->name, i);
        if (sink->urls.count)
            member->urls = (struct config_strings){.count = 1, .items = &sink->urls.items[i]};
        refuse_double(d, sinks, *count, place);
    }
}

static size_t count_sinks(const struct config *c)
{
    size_t count = 1;
    for (size_t i = 0; i < c->notify_count; i++)
        count += MAX(c->notify[i].urls.count, (size_t)1);
    return count;
}

/* The log comes first, whether it was written or not; what has no name gets one, and what is there twice is
 * refused. */
void check_notify(struct decoding *d, struct node *root, struct config *c)
{
    struct config_notify *sinks = ARENA_ARRAY(d->arena, struct config_notify, count_sinks(c));
    size_t count = 1, of_kind[NOTIFY_KIND_COUNT] = {0};
    sinks[0] = (struct config_notify){.kind = NOTIFY_LOG, .name = STR("log")};
    for (size_t i = 0; i < c->notify_count; i++) {
        struct config_notify *sink = &c->notify[i];
        struct node *place = notify_item(root, i);
        size_t number = ++of_kind[sink->kind];
        if (sink->kind == NOTIFY_LOG) {
            if (number > 1 && place)
                node_key_error(d->d, place, "'log' is given twice");
            continue;
        }
        if (sink->words.language == LANGUAGE_UNSET)
            sink->words.language = c->watch.language;
        if (sink->name.len == 0)
            sink->name = default_name(d, sink->kind, number);
        add_members(d, sink, sinks, &count, place);
    }
    if (count > CONFIG_SINKS_MAX + 1) {
        struct diagnostic *item =
            node_key_error(d->d, node_find(root, "notify"), "more than %d sinks", CONFIG_SINKS_MAX);
        diagnostics_hint(d->d, item, "each address of an Alertmanager is one");
    }
    c->notify = sinks;
    c->notify_count = count;
}

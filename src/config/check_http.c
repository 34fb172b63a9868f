/* Cross checks of `scale: {http}`; see checks.h. */
#include "config/checks.h"
#include "config/model.h"

#include <stdio.h>

/* ---- what is asked ---- */

static bool has_word(struct str text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* In a path braces are always ours; in a body they are mostly JSON. */
static void check_placeholders(struct decoding *d, struct node *n, const char *const *names,
                               size_t name_count)
{
    struct str rest = n->text;
    size_t open, close;
    while (str_find(rest, '{', &open)) {
        rest = str_n(rest.ptr + open + 1, rest.len - open - 1);
        struct str word = str_find(rest, '}', &close) ? str_n(rest.ptr, close) : rest;
        const char *nearest = str_nearest(word, names, name_count);
        if (nearest && str_eq(word, str_of(nearest)))
            continue;
        char shown[SHOWN_BYTES];
        struct diagnostic *item =
            node_error(d->d, n, "'{%s}' stands for nothing here", decode_shown(shown, word));
        diagnostics_hint(d->d, item, nearest ? "did you mean '{%s}'?" : "such as '{%s}'",
                         nearest ? nearest : names[0]);
        return;
    }
}

static void check_path(struct decoding *d, struct node *path, bool may_count)
{
    static const char *const names[] = {"service", "owner", "provider", "region", "count", "scale_up"};
    enum { NAMES_OF_A_LIST = 4 };
    if (node_is_good(path))
        check_placeholders(d, path, names, may_count ? ARRAY_LEN(names) : NAMES_OF_A_LIST);
}

static void check_count(struct decoding *d, struct node *node, const struct config_http *h)
{
    struct node *path = node_find(node, "path"), *body = node_find(node, "body");
    struct node *written = node_is_good(path) ? path : body;
    if (!node_is_good(written) || (path && path->is_bad) || (body && body->is_bad) ||
        has_word(h->path, "{count}") || has_word(h->body, "{count}"))
        return;
    struct diagnostic *item = node_error(d->d, written, "the API is not told how many servers are wanted");
    diagnostics_hint(d->d, item, "use {count} in 'path' or 'body'");
}

void check_headers(struct decoding *d, struct node *headers)
{
    if (!node_is_good(headers))
        return;
    for (struct node *n = headers->kind == NODE_LIST ? headers->first : headers; n;
         n = headers->kind == NODE_LIST ? n->next : NULL) {
        size_t colon = 0, at;
        bool is_field = str_find(n->text, ':', &colon) && colon > 0 &&
                        !str_find(str_n(n->text.ptr, colon), ' ', &at) && !str_find(n->text, '\n', &at) &&
                        !str_find(n->text, '\r', &at);
        if (n->is_bad || is_field)
            continue;
        diagnostics_hint(d->d, node_error(d->d, n, "this is no field of a request"),
                         "a name, a colon and a value, in quotes: \"X-Team: shop\"");
    }
}

void check_http(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_http *h = target;
    if (!node_is_good(node))
        return;
    check_either(d, node_find(node, "token_file"), node_find(node, "token_env"));
    check_path(d, node_find(node, "path"), true);
    check_count(d, node, h);
    check_headers(d, node_find(node, "headers"));
}

/* ---- what is answered ---- */

static void set_default_words(struct decoding *d, struct config_strings *words, const char *defaults)
{
    enum { WORDS_MAX = 4 };
    struct str rest = str_of(defaults), word;
    if (words->count)
        return;
    words->items = ARENA_ARRAY(d->arena, struct str, WORDS_MAX);
    while (str_split(&rest, ' ', &word))
        words->items[words->count++] = arena_copy_str(d->arena, word);
}

static bool is_pointer(struct str text)
{
    return text.len == 0 || text.ptr[0] == '/' || str_eq(text, STR("#"));
}

static void check_pointer(struct decoding *d, struct node *list, const char *key, bool may_be_port)
{
    struct node *n = node_find(list, key);
    uint64_t port = 0;
    if (!node_is_good(n) || is_pointer(n->text))
        return;
    if (may_be_port && str_parse_u64(n->text, &port) && port > 0 && port <= UINT16_MAX)
        return;
    struct diagnostic *item =
        node_error(d->d, n, "'%s' takes a JSON pointer%s", key, may_be_port ? " or a port" : "");
    char shown[SHOWN_BYTES];
    diagnostics_hint(d->d, item, may_be_port ? "such as /port, or 8000" : "such as /%s",
                     decode_shown(shown, n->text));
}

void check_http_list(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    static const char *const pointers[] = {"items", "id", "address", "state", "started", "price", "next"};
    struct config_http_list *list = target;
    set_default_words(d, &list->pending, "pending creating starting");
    set_default_words(d, &list->running, "running active ready");
    set_default_words(d, &list->stopping, "stopping terminating draining");
    set_default_words(d, &list->ended, "ended stopped terminated failed");
    if (!node_is_good(node))
        return;
    for (size_t i = 0; i < ARRAY_LEN(pointers); i++)
        check_pointer(d, node, pointers[i], false);
    check_pointer(d, node, "port", true);
    check_path(d, node_find(node, "path"), false);
}

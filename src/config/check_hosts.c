/* Cross checks of another machine; see checks.h. */
#include "config/checks.h"
#include "config/model.h"
#include "rule/selector.h"

void check_number(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config_number *c = target;
    struct selector selector;
    struct rule_mistake mistake;
    bool is_short = node && node->kind == NODE_SCALAR;
    struct node *text = is_short ? node : node ? node_find(node, m->keys[c->kind].name) : NULL;
    if (!text || text->is_bad || text->kind != NODE_SCALAR || node_is_empty(text))
        return;
    if (!selector_parse(c->series, d->arena, &selector, &mistake)) {
        check_tell_mistake(d, text, &mistake);
        return;
    }
    CLEANUP(buf_fini) struct buf canonical = {0};
    selector_format(&selector, &canonical);
    c->series = arena_copy_str(d->arena, buf_str(&canonical));
}

/* Keys that only make sense for an exporter. */
static void check_agent_keys(struct decoding *d, struct node *node)
{
    static const char *const keys[] = {"numbers", "max_series"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct node *key = node_find(node, keys[i]);
        if (key)
            diagnostics_hint(d->d, node_key_error(d->d, key, "'%s' goes with 'exporter'", keys[i]),
                             "a Weir tells all that it knows by itself");
    }
}

void check_host(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config_host *c = target;
    if (!node_is_good(node))
        return;
    struct node *exporter = node_find(node, "exporter"), *agent = node_find(node, "agent");
    if (exporter && agent)
        diagnostics_hint(d->d, node_key_error(d->d, agent, "a host has both 'exporter' and 'agent'"),
                         "its numbers come from one of them");
    if (node->kind == NODE_MAPPING && !exporter && !agent && !decode_is_misspelt(m, node, "exporter") &&
        !decode_is_misspelt(m, node, "agent"))
        diagnostics_hint(d->d, node_key_error(d->d, node, "'exporter' or 'agent' is missing in a host"),
                         "such as {exporter: \"http://web-2.internal:9100/metrics\"}");
    c->kind = agent ? HOST_KIND_AGENT : HOST_KIND_EXPORTER;
    if (agent && !exporter)
        check_agent_keys(d, node);
    check_either(d, node_find(node, "token_file"), node_find(node, "token_env"));
    struct node *timeout = node_find(node, "timeout");
    if (!timeout)
        c->timeout_ns = MIN(c->timeout_ns, c->interval_ns);
    else if (c->timeout_ns > c->interval_ns && !timeout->is_bad)
        diagnostics_hint(d->d, node_error(d->d, timeout, "'timeout' is longer than 'interval'"),
                         "an answer must be there before the next question");
}

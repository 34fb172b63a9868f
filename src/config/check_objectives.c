/* Cross checks of `objectives:` and `maintenance:`; see checks.h. */
#include "config/checks.h"
#include "config/model.h"
#include "rule/matcher.h"

void check_objectives(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    enum { AVAILABILITY_MIN = 50 };
    struct node *availability = node_find(node, "availability");
    const struct config_objectives *o = target;
    if (!node_is_good(availability) || (o->availability >= AVAILABILITY_MIN && o->availability < 100))
        return;
    struct diagnostic *item = node_error(d->d, availability, "'availability' is %s",
                                         o->availability < 100 ? "less than half" : "all of it");
    diagnostics_hint(d->d, item,
                     "from 50%% to less than 100%%, such as 99.9%%: what is left is the error budget");
}

void check_maintenance(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_maintenance *w = target;
    struct node *match = node_find(node, "match");
    if (!node_is_good(match))
        return;
    struct node *n = match->kind == NODE_LIST ? match->first : match;
    for (size_t i = 0; i < w->match.count && n; i++, n = n->next) {
        struct matcher matcher;
        struct rule_mistake mistake;
        if (!n->is_bad && !matcher_parse(w->match.items[i], &matcher, &mistake))
            check_tell_mistake(d, n, &mistake);
    }
}

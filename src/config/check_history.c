/* Cross checks of `history:`; see checks.h. */
#include "base/units.h"
#include "config/checks.h"

/* A coarser level takes over from a finer one: it has to last as long at least. */
void check_history_keep(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_history_keep *k = target;
    const int64_t kept_ns[] = {k->second_ns, k->ten_seconds_ns, k->minute_ns, k->hour_ns};
    for (size_t i = 1; i < ARRAY_LEN(kept_ns); i++) {
        const char *finer = m->keys[i - 1].name, *coarser = m->keys[i].name;
        struct node *written = node_find(node, coarser) ? node_find(node, coarser) : node_find(node, finer);
        char text[UNITS_TEXT_BYTES];
        if (kept_ns[i] >= kept_ns[i - 1] || !written || written->is_bad)
            continue;
        struct diagnostic *item =
            node_error(d->d, written, "points of %s are kept for less time than those of %s", coarser, finer);
        diagnostics_hint(d->d, item, "%s: %s at least, or less for %s", coarser,
                         units_format_duration(text, kept_ns[i - 1]), finer);
    }
}

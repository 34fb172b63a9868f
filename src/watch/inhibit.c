/*
 * inhibit.c: see inhibit.h. A small table by names (rule/default_rules.c) and one general rule: of alerts
 * about the same number the worst hides the others. What hides is never hidden by what it hides, so there are
 * no circles: a row goes from a cause to an effect, and about the same number a worse alert is no effect of a
 * lesser one, whatever the configuration makes of their names.
 */
#include "watch/inhibit.h"

#include "rule/default_rules.h"

static bool have_same(const struct alert *a, const struct alert *b, const char *label)
{
    const char *of_a = alert_label(a, label), *of_b = alert_label(b, label);
    return of_a && of_b && strcmp(of_a, of_b) == 0;
}

/* Two alerts about different services have nothing to do with each other. */
static bool is_same_service(const struct alert *a, const struct alert *b)
{
    return !alert_label(a, "service") || !alert_label(b, "service") || have_same(a, b, "service");
}

/* An alert about a server is of the machine that the server is on, one about its service of this one. */
static bool is_same_machine(const struct alert *source, const struct alert *a, const char *label)
{
    bool is_server_of_it = strcmp(label, "service") == 0 && alert_label(a, "server");
    return is_server_of_it || have_same(source, a, "instance");
}

static bool explains(const struct alert *source, const struct alert *a)
{
    for (size_t i = 0; i < default_inhibition_count; i++) {
        const struct default_inhibition *row = &default_inhibitions[i];
        bool is_itself = strcmp(row->source, a->name) == 0; /* another series of the same rule */
        if (strcmp(row->source, source->name) == 0 && !is_itself &&
            rule_glob(str_of(row->hidden), str_of(a->name)) && have_same(source, a, row->label) &&
            is_same_machine(source, a, row->label) && is_same_service(source, a))
            return true;
    }
    return false;
}

const struct alert *inhibit_find(const struct inhibit_item *items, size_t count,
                                 const struct inhibit_item *of, const char **ret_why)
{
    for (size_t i = 0; i < count; i++) {
        const struct inhibit_item *source = &items[i];
        if (source->alert == of->alert)
            continue;
        bool is_same_number = source->metric == of->metric && source->series_id == of->series_id;
        if (is_same_number && source->alert->severity < of->alert->severity) {
            *ret_why = "says it more urgently";
            return source->alert;
        }
        bool is_lesser = is_same_number && source->alert->severity > of->alert->severity;
        if (!is_lesser && explains(source->alert, of->alert)) {
            *ret_why = "explains it";
            return source->alert;
        }
    }
    return NULL;
}

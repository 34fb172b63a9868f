/* reference.c: see reference.h. */
#include "rule/reference.h"

#include "base/macros.h"
#include "rule/default_rules.h"
#include "rule/metric.h"

/* ---- metrics ---- */

static const struct {
    const char *title;
    const char *label; /* how its subjects are told apart, in words */
} kinds[SUBJECT_KIND_COUNT] = {
    [SUBJECT_HOST] = {"The machine", "One a machine"},
    [SUBJECT_CPU] = {"Each CPU", "One a CPU"},
    [SUBJECT_DISK] = {"Each file system", "One a mounted file system"},
    [SUBJECT_DEVICE] = {"Each block device", "One a device"},
    [SUBJECT_INTERFACE] = {"Each network interface", "One an interface"},
    [SUBJECT_SERVICE] = {"Each service", "One a service"},
    [SUBJECT_SERVER] = {"Each server", "One a server of a service"},
    [SUBJECT_OBJECTIVE] = {"Each objective", "One an objective of a service"},
    [SUBJECT_NUMBER] = {"Each number of an exporter", "One a number that is declared for a host"},
    [SUBJECT_PROBE] = {"Each probe", "One a probe"},
    [SUBJECT_SINK] = {"Each sink", "One a sink of notifications"},
    [SUBJECT_PROCESS] = {"Weir itself", "One a process of Weir"},
};

static const char *example_of(enum metric_unit unit)
{
    static const char *const examples[] = {
        [METRIC_UNIT_PERCENT] = "`90%`",       [METRIC_UNIT_SECONDS] = "`1m30s`",
        [METRIC_UNIT_BYTES] = "`2GiB`",        [METRIC_UNIT_BYTES_PER_SECOND] = "`10MiB/s`",
        [METRIC_UNIT_PER_SECOND] = "`5/s`",    [METRIC_UNIT_COUNT] = "`3`",
        [METRIC_UNIT_RATIO] = "`14.4`",        [METRIC_UNIT_NUMBER] = "`0.25`",
        [METRIC_UNIT_FLAG] = "the name alone",
    };
    ASSERT((size_t)unit < ARRAY_LEN(examples));
    return examples[unit];
}

static void put_labels(enum subject_kind kind, struct buf *out)
{
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        if (subject_label(kind, i)[0])
            buf_printf(out, "`%s`, ", subject_label(kind, i));
    buf_put(out, STR("`instance`"));
}

static void put_kind(enum subject_kind kind, struct buf *out)
{
    bool has_title = false;
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        const struct metric_info *info = &metric_infos[m];
        if (info->subject != kind)
            continue;
        if (!has_title) {
            buf_printf(out, "\n## %s\n\n%s. Labels: ", kinds[kind].title, kinds[kind].label);
            put_labels(kind, out);
            buf_put(out, STR(".\n\n| metric | unit | in a rule | what it is |\n| --- | --- | --- | --- |\n"));
            has_title = true;
        }
        buf_printf(out, "| `%s` | %s | %s | %s |\n", info->name, metric_unit_name(info->unit),
                   example_of(info->unit), info->help);
    }
}

void rule_reference_metrics(struct buf *out)
{
    buf_put(
        out,
        STR("# What is watched\n\n"
            "Every number that Weir watches, under the name by which [rules](rules.md), the history and the "
            "API know it. This page is\nwritten from the catalogue that the program is built from "
            "(`src/rule/metric.h`).\n\n"
            "A number that cannot be read is *unknown*, never 0. `instance` is the machine's name.\n"));
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++)
        put_kind((enum subject_kind)kind, out);
}

/* ---- default rules ---- */

void rule_reference_defaults(struct buf *out)
{
    buf_put(out, STR("| alert | severity | rule | what people are told |\n| --- | --- | --- | --- |\n"));
    for (size_t i = 0; i < default_rule_count; i++) {
        const struct default_rule *d = &default_rules[i];
        buf_printf(out, "| `%s` | %s | `%s` | %s |\n", d->name, alert_severity_name(d->severity), d->when,
                   d->summary);
    }
    buf_put(out, STR("\n| while this is active | this is hidden | of the same |\n| --- | --- | --- |\n"));
    for (size_t i = 0; i < default_inhibition_count; i++)
        buf_printf(out, "| `%s` | `%s` | %s |\n", default_inhibitions[i].source,
                   default_inhibitions[i].hidden, default_inhibitions[i].label);
}

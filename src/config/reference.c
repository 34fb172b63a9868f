/*
 * Two writers over one walk: the mappings in the order of the tables, outer ones before inner ones, each a
 * section with a row for every key. Help texts mark code with backticks; the man page makes them bold.
 */
#include "config/reference.h"

#include "config/reader.h"
#include "config/values.h"

#include <stdio.h>

enum { PATH_BYTES = 128 };

/* Calls write for m and for every mapping below it. */
static void walk(struct buf *out, const char *path, const struct schema_mapping *m,
                 void (*write)(struct buf *out, const char *path, const struct schema_mapping *m))
{
    write(out, path, m);
    for (size_t i = 0; i < m->key_count; i++) {
        const struct schema_key *k = &m->keys[i];
        char inner[PATH_BYTES];
        if (k->type != VALUE_MAPPING || k->mapping->key_count == 0)
            continue;
        snprintf(inner, sizeof(inner), "%s%s%s%s", path, *path ? "." : "", k->name,
                 k->shape == SHAPE_NAMED ? ".NAME" : "");
        walk(out, inner, k->mapping, write);
    }
}

static const char *help_of(const struct schema_key *k)
{
    return k->help ? k->help : k->mapping->help;
}

static void put_type(struct buf *out, const struct schema_key *k)
{
    if (k->shape == SHAPE_VARIABLES)
        buf_put(out, STR("a mapping of names to texts"));
    else if (k->shape == SHAPE_NAMED)
        buf_put(out, STR("a mapping of names to mappings"));
    else if (k->shape != SHAPE_ONE)
        buf_printf(out, "a list of %s", k->type == VALUE_MAPPING ? "mappings" : value_row(k->type)->plural);
    else if (k->type == VALUE_MAPPING)
        buf_printf(out, "a mapping%s%s", k->mapping->shorthand ? ", or a value for its key " : "",
                   k->mapping->shorthand ? k->mapping->shorthand : "");
    else if (k->type == VALUE_CHOICE)
        buf_put(out, STR("a word"));
    else
        buf_put(out, str_of(value_row(k->type)->noun));
    if (k->type == VALUE_MAPPING && k->mapping->can_be_off)
        buf_put(out, STR(", or off"));
    if (k->shape == SHAPE_LIST && k->type != VALUE_MAPPING)
        buf_put(out, STR(", or one"));
    if (k->max) {
        buf_put(out, STR(", "));
        value_format_range(k, out);
    }
}

static void put_default(struct buf *out, const struct schema_key *k)
{
    if (k->is_required)
        buf_put(out, STR("required"));
    else if (k->default_shown)
        buf_put(out, str_of(k->default_shown));
    else if (k->default_text)
        buf_printf(out, "`%s`", k->default_text);
    else
        buf_put(out, STR("see its keys"));
}

static void put_choices(struct buf *out, const struct schema_key *k)
{
    for (const struct schema_choice *c = k->choices; c && c->name; c++)
        buf_printf(out, "%s`%s`: %s", c == k->choices ? " " : "; ", c->name, c->help);
    if (k->choices)
        buf_put_char(out, '.');
}

static const char preamble[] = "Weir reads one YAML file, and only the plain part of YAML: mappings, lists, "
                               "texts and comments, in block or flow style "
                               "(so JSON is fine, too). A value is what its key says it is: `no`, `1.10` and "
                               "`22:22` hold no surprises. Anchors, aliases, "
                               "merge keys, tags, tabs as indentation, several documents, unknown keys and "
                               "keys given twice are errors. `weir check FILE` "
                               "tells all mistakes at once, each with its line.";

static const char units[] = "Durations and sizes carry their unit: `250ms`, `30s`, `1m30s`, `1h`, `2d`; "
                            "`512B`, `64KiB`, `10MB`, `1GiB` (KiB is 1024 "
                            "bytes, kB is 1000). Percentages are written `90%`. Only `0` needs no unit. "
                            "Every default is filled in key by key, so an "
                            "empty mapping is a working choice. A text that begins with one of `* & ! % @ { "
                            "[ : ,` or a backtick, or that holds `: ` or "
                            "` #`, needs quotes: `\"{address}\"`, `\"*.example.com\"`.";

/* ---- markdown ---- */

static void put_cell(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            buf_put_char(out, '\\');
        buf_put_char(out, text.ptr[i]);
    }
}

/* As GitHub makes it from the heading: small letters without dots. */
static void put_anchor(struct buf *out, const char *path, const struct schema_key *k)
{
    CLEANUP(buf_fini) struct buf whole = {0};
    buf_printf(&whole, "%s%s%s", path, k->name, k->shape == SHAPE_NAMED ? "NAME" : "");
    for (size_t i = 0; i < whole.len; i++)
        if (whole.ptr[i] != '.')
            buf_put_char(out, ascii_lower(whole.ptr[i]));
}

static void write_markdown_row(struct buf *out, const char *path, const struct schema_key *k)
{
    CLEANUP(buf_fini) struct buf cell = {0};
    buf_printf(out, "| `%s` | ", k->name);
    put_type(&cell, k);
    put_cell(out, buf_str(&cell));
    buf_put(out, STR(" | "));
    put_default(out, k);
    buf_put(out, STR(" | "));
    buf_clear(&cell);
    buf_put(&cell, str_of(help_of(k)));
    put_choices(&cell, k);
    put_cell(out, buf_str(&cell));
    if (k->type == VALUE_MAPPING && k->mapping->key_count) {
        buf_put(out, STR(" [Its keys](#"));
        put_anchor(out, path, k);
        buf_put(out, STR(")."));
    }
    buf_put(out, STR(" | "));
    if (k->example)
        buf_printf(out, "`%s: %s`", k->name, k->example);
    buf_put(out, STR(" |\n"));
}

static void write_markdown_section(struct buf *out, const char *path, const struct schema_mapping *m)
{
    buf_printf(out, "\n## %s\n\n%s\n\n", *path ? path : "Top level", m->help);
    buf_put(out, STR("| key | type | default | meaning | example |\n| --- | --- | --- | --- | --- |\n"));
    for (size_t i = 0; i < m->key_count; i++)
        write_markdown_row(out, path, &m->keys[i]);
}

void config_reference_markdown(struct buf *out)
{
    buf_put(out, STR("<!-- Written by tools/config_pages.c from the tables in src/config; change them, not "
                     "this page. -->\n"
                     "# Configuration\n\n"));
    buf_printf(out, "%s\n\n%s\n\n", preamble, units);
    buf_put(out, STR("The smallest useful file:\n\n```yaml\nservices:\n  shop:\n    servers: [10.0.0.1:8000, "
                     "10.0.0.2:8000]\n"
                     "```\n\nSee `examples/` for larger ones.\n"));
    walk(out, "", &schema_root, write_markdown_section);
    buf_printf(out,
               "\n## Limits of the file itself\n\nAt most %d KiB, %d levels inside each other, %d entries in "
               "a mapping or list, "
               "%d services, %d servers and %d routes (hosts times paths) in all.\n",
               CONFIG_FILE_BYTES_MAX / 1024, CONFIG_DEPTH_MAX, CONFIG_ITEMS_MAX, CONFIG_SERVICES_MAX,
               CONFIG_SERVERS_MAX, CONFIG_ROUTES_MAX);
}

/* ---- man page ---- */

/* Text between backticks becomes bold; hyphens, backslashes and dots at the beginning stay what they are. */
static void put_roff(struct buf *out, struct str text)
{
    bool is_bold = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '`')
            buf_put(out, (is_bold = !is_bold) ? STR("\\fB") : STR("\\fR"));
        else if (c == '\\')
            buf_put(out, STR("\\e"));
        else if (c == '-')
            buf_put(out, STR("\\-"));
        else if (i == 0 && (c == '.' || c == '\''))
            buf_printf(out, "\\&%c", c);
        else
            buf_put_char(out, c);
    }
}

static void write_man_row(struct buf *out, const struct schema_key *k)
{
    CLEANUP(buf_fini) struct buf text = {0};
    buf_printf(out, ".TP\n.B %s\n", k->name);
    buf_put(&text, str_of(help_of(k)));
    put_choices(&text, k);
    buf_put(&text, STR(" Takes "));
    put_type(&text, k);
    if (k->is_required || k->default_shown || k->default_text) {
        buf_put(&text, k->is_required ? STR("; ") : STR("; default "));
        put_default(&text, k);
    }
    if (k->example)
        buf_printf(&text, ". Example: `%s: %s`", k->name, k->example);
    buf_put_char(&text, '\n');
    put_roff(out, buf_str(&text));
}

static void write_man_section(struct buf *out, const char *path, const struct schema_mapping *m)
{
    buf_put(out, STR(".SS "));
    put_roff(out, *path ? str_of(path) : STR("Top level"));
    buf_put_char(out, '\n');
    put_roff(out, str_of(m->help));
    buf_put_char(out, '\n');
    for (size_t i = 0; i < m->key_count; i++)
        write_man_row(out, &m->keys[i]);
}

void config_reference_man(struct buf *out)
{
    buf_put(out, STR(".\\\" Written by tools/config_pages.c from the tables in src/config; change them, not "
                     "this page.\n"
                     ".TH WEIR.YAML 5 \"\" \"Weir\" \"File formats\"\n"
                     ".SH NAME\nweir.yaml \\- configuration of the load balancer weir\n.SH DESCRIPTION\n"));
    put_roff(out, str_of(preamble));
    buf_put(out, STR("\n.PP\n"));
    put_roff(out, str_of(units));
    buf_put(out, STR("\n.SH KEYS\n"));
    walk(out, "", &schema_root, write_man_section);
    buf_put(out,
            STR(".SH EXAMPLES\n.nf\nservices:\n  shop:\n    servers: [10.0.0.1:8000, 10.0.0.2:8000]\n.fi\n"
                ".SH SEE ALSO\n.BR weir (1)\n"));
}

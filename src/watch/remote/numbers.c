/*
 * numbers.c: see numbers.h.
 *
 * One pass over the rows of an answer adds each to the numbers whose selector it fits. A sum is made on the
 * way. For a rate the value of each series is kept until the next answer, under a hash of its labels: each
 * counter grows by itself, and one that began anew, as with its process, would not show in their sum. Both
 * lists are sorted, so that one walk over them finds what has grown.
 *
 * A series that was not there before does not count yet, as in Prometheus: nobody knows since when it grows.
 */
#include "watch/remote/numbers.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "rule/selector.h"
#include "watch/formula.h"
#include "watch/remote/exposition_reader.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { LABEL_BYTES = 2048 }; /* longer ones are cut; no pattern is as long */
static_assert((int)LABEL_BYTES > (int)SELECTOR_BYTES_MAX, "a value that was cut is no pattern's");

static const char not_read[] = "the exporter has not told anything yet";
static const char not_told[] = "the exporter tells no such series";
static const char no_number[] = "a series of it is no finite number";
static const char too_many[] = "more series fit than max_series allows";
static const char began_anew[] = "a counter of it began anew";

struct counter {
    uint64_t series; /* a hash of its labels */
    double value;
};

struct counters {
    size_t count, capacity;
    struct counter *items; /* owned; sorted when the answer is read */
};

struct number {
    const struct config_number *config;
    struct selector selector;
    struct counters now, before; /* of a rate */
    /* Of the latest answer. */
    uint32_t series_count;
    bool is_too_many;
    double sum;
    struct reading reading;
};

struct numbers {
    struct arena *arena; /* owned; of the selectors */
    uint32_t series_max, series_count;
    uint64_t left_out;
    int64_t read_ns; /* when the latest answer was asked for; 0: none yet */
    size_t count;
    struct number *items; /* owned */
};

/* ---- life ---- */

struct numbers *numbers_new(const struct config_host *config)
{
    struct numbers *n = NEW(struct numbers);
    struct rule_mistake mistake;
    n->arena = arena_new();
    n->series_max = config->series_max;
    n->count = config->number_count;
    n->items = NEW_ARRAY(struct number, MAX(n->count, (size_t)1));
    for (size_t i = 0; i < n->count; i++) {
        struct number *one = &n->items[i];
        one->config = &config->numbers[i];
        one->reading = reading_unknown(not_read);
        bool is_good = selector_parse(one->config->series, n->arena, &one->selector, &mistake);
        ASSERT(is_good); /* the configuration was checked */
    }
    return n;
}

void numbers_free(struct numbers *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->count; i++) {
        free(n->items[i].now.items);
        free(n->items[i].before.items);
    }
    free(n->items);
    arena_free(n->arena);
    free(n);
}

/* ---- reading ---- */

static bool fits(const struct selector *s, const struct exposition_row *row)
{
    char value[LABEL_BYTES];
    if (!str_eq(row->name, s->metric))
        return false;
    for (size_t i = 0; i < s->label_count; i++) {
        const struct selector_label *l = &s->labels[i];
        (void)exposition_label(row, l->name.ptr, value, sizeof(value));
        if (rule_glob(l->pattern, str_of(value)) == l->is_not)
            return false;
    }
    return true;
}

/* FNV-1a. An exporter writes the labels of a series in the same order each time. */
static uint64_t hash(struct str labels)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < labels.len; i++)
        h = (h ^ (unsigned char)labels.ptr[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void push(struct counters *c, struct counter item)
{
    if (c->count == c->capacity) {
        c->capacity = MAX(2 * c->capacity, (size_t)4);
        c->items = mem_realloc(c->items, c->capacity * sizeof(struct counter));
    }
    c->items[c->count++] = item;
}

static void take_row(struct numbers *n, struct number *one, const struct exposition_row *row)
{
    if (n->series_count == n->series_max) {
        n->left_out++;
        one->is_too_many = true;
        return;
    }
    n->series_count++;
    one->series_count++;
    one->sum += row->value;
    if (one->config->kind == NUMBER_RATE)
        push(&one->now, (struct counter){hash(row->labels), row->value});
}

static int compare_counters(const void *a, const void *b)
{
    const struct counter *left = a, *right = b;
    return left->series < right->series ? -1 : left->series > right->series;
}

/* Of the series that are in both answers; both lists are sorted. */
static struct reading grown(const struct counters *before, const struct counters *now)
{
    double sum = 0;
    bool has_both = false;
    for (size_t i = 0, k = 0; i < now->count; i++) {
        while (k < before->count && before->items[k].series < now->items[i].series)
            k++;
        if (k == before->count || before->items[k].series != now->items[i].series)
            continue;
        if (now->items[i].value < before->items[k].value)
            return reading_unknown(began_anew);
        sum += now->items[i].value - before->items[k].value;
        has_both = true;
        k++;
    }
    return has_both ? reading_known(sum) : reading_unknown(formula_first_sample);
}

static struct reading rate_of(const struct number *one, int64_t elapsed_ns)
{
    struct reading r = grown(&one->before, &one->now);
    r.value *= (double)NS_PER_S / (double)elapsed_ns;
    return r.is_known && !isfinite(r.value) ? reading_unknown(no_number) : r;
}

static void settle(struct number *one, int64_t elapsed_ns)
{
    if (one->now.count > 1)
        qsort(one->now.items, one->now.count, sizeof(struct counter), compare_counters);
    if (one->is_too_many)
        one->reading = reading_unknown(too_many);
    else if (one->series_count == 0)
        one->reading = reading_unknown(not_told);
    else if (!isfinite(one->sum))
        one->reading = reading_unknown(no_number);
    else if (one->config->kind == NUMBER_SUM)
        one->reading = reading_known(one->sum);
    else
        one->reading = elapsed_ns > 0 ? rate_of(one, elapsed_ns) : reading_unknown(formula_first_sample);
}

static void begin(struct number *one)
{
    struct counters latest = one->now;
    one->now = one->before;
    one->before = latest;
    one->now.count = one->series_count = 0;
    one->is_too_many = false;
    one->sum = 0;
}

void numbers_read(struct numbers *n, struct str text, int64_t now_ns)
{
    struct exposition_reader e;
    struct exposition_row row;
    int64_t elapsed_ns = n->read_ns ? now_ns - n->read_ns : 0;
    n->series_count = 0;
    n->left_out = 0;
    for (size_t i = 0; i < n->count; i++)
        begin(&n->items[i]);
    exposition_reader_init(&e, text);
    while (n->count && exposition_reader_next(&e, &row))
        for (size_t i = 0; i < n->count; i++)
            if (fits(&n->items[i].selector, &row))
                take_row(n, &n->items[i], &row);
    for (size_t i = 0; i < n->count; i++)
        settle(&n->items[i], elapsed_ns);
    n->read_ns = now_ns;
}

/* ---- telling ---- */

static void put_one(const struct number *one, struct board *b)
{
    struct subject subject = {.names = {one->config->name.ptr}};
    struct str series = one->config->series;
    bool is_rate = one->config->kind == NUMBER_RATE;
    if (is_rate && one->series_count > 1)
        board_put_note(b, METRIC_HOST_NUMBER, &subject, one->reading, "the growth a second of %u series %.*s",
                       one->series_count, STR_ARG(series));
    else if (is_rate)
        board_put_note(b, METRIC_HOST_NUMBER, &subject, one->reading, "the growth a second of %.*s",
                       STR_ARG(series));
    else if (one->series_count > 1)
        board_put_note(b, METRIC_HOST_NUMBER, &subject, one->reading, "the sum of %u series %.*s",
                       one->series_count, STR_ARG(series));
    else
        board_put_note(b, METRIC_HOST_NUMBER, &subject, one->reading, "%.*s", STR_ARG(series));
}

void numbers_put(const struct numbers *n, struct board *b)
{
    for (size_t i = 0; i < n->count; i++)
        put_one(&n->items[i], b);
}

void numbers_write_json(const struct numbers *n, const char *doubt, struct json *j)
{
    json_begin_array(j);
    for (size_t i = 0; i < n->count; i++) {
        const struct number *one = &n->items[i];
        struct reading r = doubt ? reading_unknown(doubt) : one->reading;
        json_begin_object(j);
        json_put_text(j, "name", one->config->name.ptr);
        json_put_text(j, one->config->kind == NUMBER_RATE ? "rate_of" : "sum_of", one->config->series.ptr);
        json_put_int(j, "series", one->series_count);
        json_put_double_if(j, "value", r.is_known, r.value);
        json_put_text(j, "why_unknown", r.is_known ? NULL : r.why_unknown);
        json_end_object(j);
    }
    json_end_array(j);
}

void numbers_write_rows(const struct numbers *n, const char *name, const char *host, struct buf *out)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->items[i].reading.is_known)
            buf_printf(out, "%s{host=\"%s\",number=\"%s\"} %.15g\n", name, host, n->items[i].config->name.ptr,
                       n->items[i].reading.value);
}

uint64_t numbers_left_out(const struct numbers *n)
{
    return n->left_out;
}

/*
 * Any bytes as what is asked of the admin API beyond HTTP itself, the query about the history and the body
 * that sets a silence, and as what a sink's receiver answers. What must hold: nothing crashes; what is taken
 * is within its limits; what is refused has words; and what is told of an answer is one line.
 */
#include "admin/history_query.h"
#include "net/json_value.h"
#include "watch/notify/kind.h"
#include "watch/silence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_S INT64_C(1795702500)

static void try_query(struct str text)
{
    static struct history_query q;
    struct err err = {0};
    if (!history_query_parse(&q, text, NOW_S, &err)) {
        ASSERT(err.text[0]);
        return;
    }
    ASSERT(q.from_s < q.to_s && q.to_s <= NOW_S && q.step_s >= 0);
    ASSERT(q.label_count <= HISTORY_QUERY_LABELS_MAX && memchr(q.metric, '\0', sizeof(q.metric)));
    for (size_t i = 0; i < q.label_count; i++)
        ASSERT(memchr(q.labels[i].name, '\0', sizeof(q.labels[i].name)) &&
               memchr(q.labels[i].value, '\0', sizeof(q.labels[i].value)));
}

static void try_silence(const struct json_value *body)
{
    static struct silence_wish wish;
    char id[SILENCE_ID_BYTES];
    struct err err = {0};
    if (!silence_wish_read(body, NOW_S * 1000000000, &wish, &err)) {
        ASSERT(err.text[0]);
        return;
    }
    struct silences *s = silences_new();
    struct buf out = {0};
    struct json j;
    if (silences_add(s, &wish, NOW_S * 1000000000, id, &err)) {
        ASSERT(id[0]);
        silences_step(s, NOW_S * 1000000000);
    } else {
        ASSERT(err.text[0]);
    }
    json_init(&j, &out);
    silences_write(s, &j, NOW_S * 1000000000);
    struct json_value *told = json_value_parse(buf_str(&out), NULL);
    ASSERT(json_value_is_array(told));
    json_value_free(told);
    buf_fini(&out);
    silences_free(s);
}

static void try_answer(enum notify_kind kind, struct str body)
{
    const struct sink_kind *k = sink_kind(kind);
    struct fetch_response response = {.status = 429, .retry_after_s = -1};
    struct sink_answer a = {
        .verdict = RETRY_LATER, .status = 429, .retry_after_s = -1, .text = "it answered 429"};
    if (!k || !k->judge)
        return;
    buf_put(&response.body, body);
    k->judge(&response, &a);
    ASSERT(a.retry_after_s >= -1 && memchr(a.text, '\0', sizeof(a.text)));
    for (const char *c = a.text; *c; c++)
        ASSERT((unsigned char)*c >= ' ');
    buf_fini(&response.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size);
    struct json_value *v = json_value_parse(text, NULL);
    try_query(text);
    try_silence(v);
    json_value_free(v);
    for (int kind = 0; kind < NOTIFY_KIND_COUNT; kind++)
        try_answer((enum notify_kind)kind, text);
    return 0;
}

/* Silences and who is told: matching, ends, windows, bounds, what a silence that ends brings, and that all of
 * it is kept. The clock is virtual. */
#include "watch/alert_labels.h"
#include "watch/silence.h"
#include "watch/telling.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define START_NS (INT64_C(1795415400) * NS_PER_S) /* 2026-11-23 06:30, a Monday */
#define HOUR_NS  (3600 * NS_PER_S)

static const struct config_silences plain = {.count_max = 3, .longest_ns = 48 * HOUR_NS};

static struct alert disk_alert(const char *path)
{
    struct alert a;
    alert_init(&a, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
    alert_add_label(&a, "path", str_of(path));
    return a;
}

/* A request's body, in full. */
static bool add(struct silences *s, const char *matchers, int64_t from_ns, int64_t until_ns, int64_t now_ns,
                char *ret_id, struct err *err)
{
    char body[512], from[CLOCK_RFC3339_BYTES], until[CLOCK_RFC3339_BYTES];
    struct silence_wish wish;
    snprintf(body, sizeof(body),
             "{\"matchers\": [%s], \"startsAt\": \"%s\", \"endsAt\": \"%s\", \"createdBy\": \"anna\", "
             "\"comment\": \"why\"}",
             matchers, clock_format_rfc3339(from, from_ns), clock_format_rfc3339(until, until_ns));
    struct json_value *v = json_value_parse(str_of(body), err);
    bool is_added =
        v && silence_wish_read(v, now_ns, &wish, err) && silences_add(s, &wish, now_ns, ret_id, err);
    json_value_free(v);
    return is_added;
}

static struct silences *new_silences(const struct config_silences *config)
{
    struct silences *s = silences_new();
    silences_configure(s, config);
    silences_step(s, START_NS);
    return s;
}

static void a_silence_holds_from_its_beginning_to_its_end(void **state)
{
    char id[SILENCE_ID_BYTES];
    struct err err = {0};
    struct alert a = disk_alert("/srv"), other = disk_alert("/var");
    struct silences *s = new_silences(&plain);
    assert_true(
        add(s, "{\"name\": \"path\", \"value\": \"/s*\"}, {\"name\": \"severity\", \"value\": \"warning\"}",
            START_NS + HOUR_NS, START_NS + 2 * HOUR_NS, START_NS, id, &err));
    assert_null(silences_find(s, &a, START_NS).id);
    assert_null(silences_find(s, &a, START_NS + HOUR_NS - 1).id);
    struct silence_hit hit = silences_find(s, &a, START_NS + HOUR_NS);
    assert_string_equal(hit.id, id);
    assert_string_equal(hit.who, "anna");
    assert_string_equal(hit.comment, "why");
    assert_int_equal(hit.until_wall_ns, START_NS + 2 * HOUR_NS);
    assert_null(silences_find(s, &other, START_NS + HOUR_NS).id);
    assert_null(silences_find(s, &a, START_NS + 2 * HOUR_NS).id);
    silences_free(s);
}

static void the_later_end_counts_and_an_end_comes_early(void **state)
{
    char first[SILENCE_ID_BYTES], second[SILENCE_ID_BYTES];
    struct err err = {0};
    struct alert a = disk_alert("/srv");
    struct silences *s = new_silences(&plain);
    const char *all = "{\"name\": \"alertname\", \"value\": \"*\"}";
    assert_true(add(s, all, START_NS, START_NS + 2 * HOUR_NS, START_NS, first, &err));
    assert_true(add(s, all, START_NS, START_NS + HOUR_NS, START_NS, second, &err));
    assert_string_not_equal(first, second);
    assert_string_equal(silences_find(s, &a, START_NS).id, first);
    assert_true(silences_end(s, str_of(first), START_NS + 5, &err));
    assert_string_equal(silences_find(s, &a, START_NS + 5).id, second);
    assert_false(silences_end(s, str_of(first), START_NS + 6, &err));
    assert_true(err.retryable);
    assert_false(silences_end(s, STR("nobody"), START_NS + 6, &err));
    assert_false(err.retryable);
    silences_free(s);
}

static void a_clock_that_is_set_changes_only_when_it_ends(void **state)
{
    char begun[SILENCE_ID_BYTES], ended[SILENCE_ID_BYTES], later[SILENCE_ID_BYTES];
    struct err err = {0};
    struct alert a = disk_alert("/srv"), b = disk_alert("/var"), c = disk_alert("/tmp");
    struct silences *s = new_silences(&plain);
    int64_t until_ns = START_NS + 24 * HOUR_NS;
    assert_true(
        add(s, "{\"name\": \"path\", \"value\": \"/srv\"}", START_NS, until_ns, START_NS, begun, &err));
    assert_true(
        add(s, "{\"name\": \"path\", \"value\": \"/var\"}", START_NS, until_ns, START_NS, ended, &err));
    assert_true(add(s, "{\"name\": \"path\", \"value\": \"/tmp\"}", START_NS + HOUR_NS, until_ns, START_NS,
                    later, &err));
    assert_true(silences_end(s, str_of(ended), START_NS + NS_PER_S, &err));
    static const int hours[] = {-1, 0, -2, 2, -1, 23}; /* the third begins on the way, and has then begun */
    for (size_t i = 0; i < ARRAY_LEN(hours); i++) {
        int64_t wall_ns = START_NS + hours[i] * HOUR_NS;
        silences_step(s, wall_ns);
        assert_non_null(silences_find(s, &a, wall_ns).id);
        assert_null(silences_find(s, &b, wall_ns).id);
        assert_int_equal(silences_find(s, &c, wall_ns).id != NULL, i >= 3);
    }
    silences_step(s, until_ns);
    assert_null(silences_find(s, &a, until_ns).id);
    silences_free(s);
}

static void bounds_hold(void **state)
{
    char id[SILENCE_ID_BYTES];
    struct err err = {0};
    struct silences *s = new_silences(&plain);
    const char *all = "{\"name\": \"alertname\", \"value\": \"*\"}";
    assert_false(add(s, all, START_NS, START_NS + 49 * HOUR_NS, START_NS, id, &err));
    assert_non_null(strstr(err.text, "watch.silences.longest"));
    assert_false(add(s, all, START_NS - HOUR_NS, START_NS, START_NS, id, &err));
    assert_false(add(s, all, START_NS + HOUR_NS, START_NS + HOUR_NS, START_NS, id, &err));
    for (int i = 1; i <= 3; i++)
        assert_true(add(s, all, START_NS, START_NS + i * HOUR_NS, START_NS, id, &err));
    assert_false(add(s, all, START_NS, START_NS + HOUR_NS, START_NS, id, &err));
    assert_true(err.retryable && strstr(err.text, "watch.silences.max is 3"));
    /* The first is over: it makes room. */
    assert_true(add(s, all, START_NS, START_NS + 5 * HOUR_NS, START_NS + HOUR_NS, id, &err));
    struct buf out CLEANUP(buf_fini) = {0};
    silences_write_metrics(s, &out, START_NS + HOUR_NS);
    assert_non_null(strstr(out.ptr, "weir_silences{state=\"active\"} 3\n"));
    assert_non_null(strstr(out.ptr, "weir_silences_refused_total 1\n"));
    silences_free(s);
}

static void wishes_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *body, *says;
    } rows[] = {
        {"{}", "matchers must be a list"},
        {"{\"matchers\": []}", "matchers must be a list"},
        {"{\"matchers\": [{\"name\": \"a\"}]}", "a name and a value"},
        {"{\"matchers\": [{\"name\": \"a-b\", \"value\": \"\"}]}", "letters, digits"},
        {"{\"matchers\": [{\"name\": \"a\", \"value\": \"b(c\", \"isRegex\": true}]}",
         "a=~b(c: this group is not closed, at `(c`"},
        {"{\"matchers\": [{\"name\": \"a\", \"value\": \"b\"}]}", "endsAt must be"},
        {"{\"matchers\": [{\"name\": \"a\", \"value\": \"b\"}], \"endsAt\": 7}", "endsAt must be"},
        {"{\"matchers\": [{\"name\": \"a\", \"value\": \"b\"}], \"endsAt\": \"2026-11-24T00:00:00Z\", "
         "\"startsAt\": \"x\"}",
         "startsAt must be"},
        {"{\"matchers\": [{\"name\": \"a\", \"value\": \"b\"}], \"endsAt\": \"2026-11-24T00:00:00Z\", "
         "\"comment\": \"a\\nb\"}",
         "one line"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct silence_wish wish;
        struct err err = {0};
        struct json_value *v = json_value_parse(str_of(rows[i].body), &err);
        assert_non_null(v);
        if (silence_wish_read(v, START_NS, &wish, &err) || !strstr(err.text, rows[i].says))
            fail_msg("%s: %s", rows[i].body, err.text);
        json_value_free(v);
    }
}

/* 03:00 to 05:00 of each Monday in Berlin is 02:00 to 04:00 UTC. */
static void a_maintenance_window_opens_and_closes(void **state)
{
    struct err hint;
    struct str matcher = STR("path=/srv*");
    struct config_maintenance window = {.for_ns = 2 * HOUR_NS, .match = {.count = 1, .items = &matcher}};
    assert_true(cron_parse(STR("0 3 * * 1"), &window.from.times, &hint));
    assert_true(zone_parse_rule(STR("CET-1CEST,M3.5.0,M10.5.0/3"), &window.zone.rules.rule));
    struct config_silences config = {
        .count_max = 3, .longest_ns = HOUR_NS, .maintenance_count = 1, .maintenance = &window};
    struct silences *s = new_silences(&config);
    struct alert a = disk_alert("/srv"), other = disk_alert("/var");
    int64_t two_ns = START_NS - 4 * HOUR_NS - 1800 * NS_PER_S; /* 02:00 UTC of that Monday */
    silences_step(s, two_ns - NS_PER_S);
    assert_null(silences_find(s, &a, two_ns - NS_PER_S).id);
    silences_step(s, two_ns);
    struct silence_hit hit = silences_find(s, &a, two_ns);
    assert_string_equal(hit.id, "maintenance-1");
    assert_int_equal(hit.until_wall_ns, two_ns + 2 * HOUR_NS);
    assert_null(silences_find(s, &other, two_ns).id);
    assert_false(silences_end(s, STR("maintenance-1"), two_ns, &hint));
    assert_true(hint.retryable);
    silences_step(s, two_ns + 2 * HOUR_NS);
    assert_null(silences_find(s, &a, two_ns + 2 * HOUR_NS).id);
    silences_free(s);
}

static void silences_are_kept(void **state)
{
    char id[SILENCE_ID_BYTES], over[SILENCE_ID_BYTES];
    struct err err = {0};
    struct alert a = disk_alert("/srv");
    struct silences *s = new_silences(&plain), *later = new_silences(&plain);
    assert_true(add(s, "{\"name\": \"path\", \"value\": \"/x\", \"isEqual\": false}", START_NS,
                    START_NS + 3 * HOUR_NS, START_NS, id, &err));
    assert_true(add(s, "{\"name\": \"path\", \"value\": \"/x\"}", START_NS, START_NS + HOUR_NS, START_NS,
                    over, &err));
    struct buf text CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &text);
    silences_save(s, &j);
    struct json_value *v = json_value_parse(buf_str(&text), &err);
    assert_non_null(v);
    silences_restore(later, v, START_NS + 2 * HOUR_NS);
    silences_restore(later, v, START_NS + 2 * HOUR_NS); /* twice is once */
    json_value_free(v);
    struct silence_hit hit = silences_find(later, &a, START_NS + 2 * HOUR_NS);
    assert_string_equal(hit.id, id);
    assert_int_equal(hit.until_wall_ns, START_NS + 3 * HOUR_NS);
    assert_false(silences_end(later, str_of(over), START_NS + 2 * HOUR_NS, &err));
    assert_true(err.retryable); /* it is there, and over */
    silences_step(later, START_NS + 3 * HOUR_NS + SILENCE_KEPT_NS + 1);
    assert_false(silences_end(later, str_of(id), START_NS, &err));
    assert_false(err.retryable);
    silences_free(s);
    silences_free(later);
}

/* ---- who is told ---- */

static struct {
    int fired, ended, passed_over;
} heard;

static void hear(void *context, const struct alert *a, enum alert_change change)
{
    heard.fired += change == ALERT_FIRED;
    heard.ended += change == ALERT_ENDED;
}

static void hear_passing(void *context, const struct alert *a, enum alert_change change,
                         struct silence_hit by)
{
    heard.passed_over++;
}

/* A disk, of which people hear what is not silenced. */
struct stage {
    struct silences *silences;
    struct telling *telling;
    struct alert disk;
};

static void silence_disk(struct stage *g, int64_t from_ns, int64_t until_ns)
{
    char id[SILENCE_ID_BYTES];
    struct err err = {0};
    assert_true(
        add(g->silences, "{\"name\": \"path\", \"value\": \"/srv\"}", from_ns, until_ns, from_ns, id, &err));
}

/* Its first hour is silenced. */
static struct stage open_stage(int64_t hold_ns)
{
    struct stage g = {.silences = new_silences(&plain), .disk = disk_alert("/srv")};
    g.telling = telling_new(&(struct telling_params){.tell = hear, .pass_over = hear_passing}, g.silences);
    g.disk.rule = (struct alert_rule){.limit_count = 1, .limits = {{false, 90, 80}}, .hold_ns = hold_ns};
    memset(&heard, 0, sizeof(heard));
    silence_disk(&g, START_NS, START_NS + HOUR_NS);
    return g;
}

static void close_stage(struct stage *g)
{
    telling_free(g->telling);
    silences_free(g->silences);
}

static enum alert_change fill(struct stage *g, double percent, int64_t second, int64_t wall_ns)
{
    return alert_step(&g->disk, (struct reading[]){reading_known(percent)}, second * NS_PER_S, wall_ns);
}

static void note_filled(struct stage *g, double percent, int64_t second, int64_t wall_ns)
{
    telling_note(g->telling, &g->disk, fill(g, percent, second, wall_ns), wall_ns);
}

static void note_end(struct stage *g, int64_t second, int64_t wall_ns)
{
    telling_note(g->telling, &g->disk, alert_end(&g->disk, second * NS_PER_S, wall_ns), wall_ns);
}

static void what_still_fires_is_told_when_its_silence_ends(void **state)
{
    struct stage g = open_stage(0);
    int64_t end_ns = START_NS + HOUR_NS, later_ns = START_NS + 2 * HOUR_NS;
    note_filled(&g, 95, 1, START_NS);
    assert_int_equal(heard.passed_over, 1);
    telling_step(g.telling, &g.disk, end_ns - 1);
    assert_int_equal(heard.fired, 0);
    telling_step(g.telling, &g.disk, end_ns);
    telling_step(g.telling, &g.disk, end_ns + 1);
    assert_int_equal(heard.fired, 1);
    /* Its end is told, for its beginning was, although it is silenced again. */
    silence_disk(&g, end_ns, START_NS + 3 * HOUR_NS);
    note_filled(&g, 10, 2, later_ns);
    assert_int_equal(heard.ended, 1);
    /* The next one begins and ends in silence. */
    note_filled(&g, 95, 3, later_ns);
    note_end(&g, 4, later_ns);
    telling_step(g.telling, &g.disk, START_NS + 4 * HOUR_NS);
    assert_int_equal(heard.fired, 1);
    assert_int_equal(heard.ended, 1);
    assert_int_equal(heard.passed_over, 3);
    close_stage(&g);
}

/* "It is high!" about a number that is fine again would be false, and its end told right after. */
static void what_recovers_is_not_told_when_its_silence_ends(void **state)
{
    struct stage g = open_stage(60 * NS_PER_S);
    int64_t end_ns = START_NS + HOUR_NS;
    note_filled(&g, 95, 1, START_NS);
    (void)fill(&g, 10, 2, end_ns);
    assert_int_equal(g.disk.life.state, ALERT_RECOVERING);
    telling_step(g.telling, &g.disk, end_ns);
    assert_int_equal(heard.fired, 0);
    /* It comes back: that is told. */
    (void)fill(&g, 95, 3, end_ns);
    telling_step(g.telling, &g.disk, end_ns);
    assert_int_equal(heard.fired, 1);
    /* What a rule keeps alive on purpose is told although its number is fine. */
    note_end(&g, 4, end_ns);
    g.disk.rule.keep_ns = 600 * NS_PER_S;
    (void)fill(&g, 95, 5, end_ns);
    (void)fill(&g, 10, 6, end_ns);
    telling_step(g.telling, &g.disk, end_ns);
    assert_int_equal(heard.fired, 2);
    close_stage(&g);
}

static void an_alert_says_how_it_is_silenced(void **state)
{
    struct alert a = disk_alert("/srv/o'hara & co");
    struct buf out CLEANUP(buf_fini) = {0};
    alert_put_silence_command(&a, STR("web-1"), &out);
    assert_string_equal(out.ptr, "weir silence alertname=HostDiskHigh path='/srv/o'\\''hara & co' --for 2h");
    buf_clear(&out);
    alert_put_silence_command(&a, STR("web-2"), &out);
    assert_non_null(strstr(out.ptr, " instance=web-1 path="));
    buf_clear(&out);
    a.fingerprint = 0xba3bc400778e8bc5;
    alert_put_link(&a, "http://127.0.0.1:9900", &out);
    assert_string_equal(out.ptr, "http://127.0.0.1:9900/#alert-ba3bc400778e8bc5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silence_holds_from_its_beginning_to_its_end),
        cmocka_unit_test(the_later_end_counts_and_an_end_comes_early),
        cmocka_unit_test(a_clock_that_is_set_changes_only_when_it_ends),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(wishes_that_are_none_are_refused),
        cmocka_unit_test(a_maintenance_window_opens_and_closes),
        cmocka_unit_test(silences_are_kept),
        cmocka_unit_test(what_still_fires_is_told_when_its_silence_ends),
        cmocka_unit_test(what_recovers_is_not_told_when_its_silence_ends),
        cmocka_unit_test(an_alert_says_how_it_is_silenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

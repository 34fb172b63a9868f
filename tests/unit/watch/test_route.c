/* Which alerts a sink is told of, and when. */
#include "watch/notify/route.h"

#include "base/clock.h"
#include "base/macros.h"
#include "config/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The sink that `only` makes. */
static struct config *read_only(const char *only)
{
    char text[512];
    struct diagnostics d;
    snprintf(text, sizeof(text),
             "notify:\n  - webhook: {url: \"http://a.test/\", name: ops, only: %s}\n"
             "services: {a: {servers: [127.0.0.1:1]}}\n",
             only);
    struct config *c = config_read("weir.yaml", str_of(text), &d);
    assert_non_null(c);
    diagnostics_fini(&d);
    return c;
}

static bool takes(const char *only, const char *name, enum alert_severity severity, const char *label,
                  const char *value)
{
    struct alert a;
    struct notice n;
    struct config *c = read_only(only);
    alert_init(&a, name, "a summary", severity, STR("web-1"));
    if (label)
        alert_add_label(&a, label, str_of(value));
    notice_init(&n, &a, ALERT_FIRED, (struct notice_words){.line = "a line"});
    bool is_taken = route_takes(&c->notify[1], &n);
    notice_fini(&n);
    config_free(c);
    return is_taken;
}

static void test_which(void **state)
{
    static const struct {
        const char *only;
        bool cpu_warning, disk_notice, shop_critical;
    } rows[] = {
        {"{}", true, true, true},
        {"{severity: critical}", false, false, true},
        {"{severity: [warning, notice]}", true, true, false},
        {"{alerts: HostCpuHigh}", true, false, false},
        {"{alerts: [\"Host*\", SinkFailing]}", true, true, false},
        {"{services: \"sh*\"}", false, false, true},
        {"{services: [blog]}", false, false, false},
        {"{labels: {path: \"/srv*\"}}", false, true, false},
        {"{labels: {path: /}}", false, false, false},
        {"{labels: {instance: \"web-?\"}, severity: notice}", false, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *only = rows[i].only;
        assert_int_equal(takes(only, "HostCpuHigh", ALERT_WARNING, NULL, NULL), rows[i].cpu_warning);
        assert_int_equal(takes(only, "HostDiskHigh", ALERT_NOTICE, "path", "/srv/x"), rows[i].disk_notice);
        assert_int_equal(takes(only, "ServiceDown", ALERT_CRITICAL, "service", "shop"),
                         rows[i].shop_critical);
    }
}

static void test_why_not(void **state)
{
    static const struct {
        const char *only, *why; /* what the reason ends with; "": there is none */
    } rows[] = {
        {"{}", ""},
        {"{severity: critical, services: [blog]}", "only.severity"},
        {"{alerts: \"Host*\"}", "only.alerts"},
        {"{services: [blog]}", "only.services"},
        {"{labels: {service: blog}}", "only.labels"},
    };
    static const struct notice_label label = {(char *)"service", (char *)"shop"};
    struct notice n = {.name = (char *)"QueueWaiting", .severity = ALERT_WARNING, .label_count = 1};
    n.labels = (struct notice_label *)&label;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config *c = read_only(rows[i].only);
        const char *why = route_why_not(&c->notify[1], &n);
        assert_int_equal(why == NULL, rows[i].why[0] == '\0');
        if (why && !str_ends_with(str_of(why), str_of(rows[i].why)))
            fail_msg("%s: %s", rows[i].only, why);
        config_free(c);
    }
}

/* A sink that is away is not asked to tell that it is. */
static void test_not_about_itself(void **state)
{
    struct config *c = read_only("{}");
    struct notice_label labels[] = {{(char *)"sink", (char *)"ops"}, {(char *)"sink", (char *)"other"}};
    struct notice n = {.name = (char *)"SinkFailing", .label_count = 1, .labels = &labels[0]};
    assert_false(route_takes(&c->notify[1], &n));
    n.labels = &labels[1];
    assert_true(route_takes(&c->notify[1], &n));
    config_free(c);
}

#define THURSDAY_S INT64_C(1795651200) /* 2026-11-26T00:00:00Z */

static void test_when(void **state)
{
    static const struct {
        const char *only;
        int64_t wall_s;
        bool is_open;
    } rows[] = {
        {"{}", THURSDAY_S, true},
        {"{hours: \"09:00-18:00\"}", THURSDAY_S + 9 * 3600 - 1, false},
        {"{hours: \"09:00-18:00\"}", THURSDAY_S + 9 * 3600, true},
        {"{hours: \"09:00-18:00\"}", THURSDAY_S + 18 * 3600, false},
        {"{hours: \"09:00-18:00\", zone: Asia/Seoul}", THURSDAY_S, true}, /* 09:00 there */
        {"{hours: \"09:00-18:00\", zone: Asia/Seoul}", THURSDAY_S - 1, false},
        {"{hours: \"09:00-18:00\", zone: Asia/Seoul, days: mon-wed}", THURSDAY_S, false},
        {"{days: [mon-wed, thu]}", THURSDAY_S, true},
        {"{days: sat-sun}", THURSDAY_S, false},
        {"{hours: \"22:00-06:00\", days: wed}", THURSDAY_S + 3600, true}, /* Wednesday's night */
        {"{hours: \"22:00-06:00\", days: thu}", THURSDAY_S + 3600, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config *c = read_only(rows[i].only);
        if (route_is_open(&c->notify[1], rows[i].wall_s) != rows[i].is_open)
            fail_msg("row %zu", i);
        config_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_which), cmocka_unit_test(test_why_not),
                                       cmocka_unit_test(test_not_about_itself), cmocka_unit_test(test_when)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

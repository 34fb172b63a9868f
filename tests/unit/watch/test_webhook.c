/* The bodies for Prometheus' receivers, byte for byte, and when it is tried again. */
#include "watch/notify/kind.h"
#include "watch/notify/retry.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LABELS                                                                                               \
    "{\"alertname\":\"HostDiskHigh\",\"instance\":\"web-1\",\"path\":\"/srv/"                                \
    "\\\"a\\\"\",\"severity\":\"warning\"}"
#define ANNOTATIONS "{\"description\":\"/srv is 95.0 % full\",\"summary\":\"Disk usage is high\"}"
#define SILENCE     "weir silence alertname=HostDiskHigh --for 2h"
#define FIRING_ANNOTATIONS                                                                                   \
    "{\"description\":\"/srv is 95.0 % full\",\"silence\":\"" SILENCE "\",\"summary\":\"Disk usage is "      \
    "high\"}"

static struct alert disk_alert(void)
{
    struct alert a;
    alert_init(&a, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
    alert_add_label(&a, "path", STR("/srv/\"a\""));
    a.started_wall_ns = INT64_C(1700000000) * NS_PER_S + 250 * NS_PER_MS;
    a.ended_wall_ns = INT64_C(1700000600) * NS_PER_S;
    a.fingerprint = 0xabc;
    snprintf(a.evidence, sizeof(a.evidence), "/srv is 95.0 %% full");
    return a;
}

static void assert_body(const struct alert *alerts, const enum alert_change *changes, size_t count,
                        const char *url, const char *expected)
{
    struct notice notices[4];
    struct outgoing out = {.method = "POST"};
    for (size_t i = 0; i < count; i++)
        notice_init(&notices[i], &alerts[i], changes[i],
                    (struct notice_words){.line = "ALERT: Disk usage is high!",
                                          .link = url[0] ? "http://web-1:9900/#alert-abc" : "",
                                          .silence = SILENCE});
    struct alert_message m = {
        .receiver = "webhook-1", .external_url = url, .count = count, .notices = notices};
    struct sink_setup setup = {.url = "http://hook.test/", .token = "secret"};
    sink_webhook.write(&m, &setup, &out);
    assert_string_equal(out.body.ptr, expected);
    assert_string_equal(out.headers.ptr, "Content-Type: application/json\n");
    assert_string_equal(out.bearer_token, "secret");
    for (size_t i = 0; i < count; i++)
        notice_fini(&notices[i]);
    buf_fini(&out.body);
    buf_fini(&out.headers);
}

static void test_firing(void **state)
{
    struct alert a = disk_alert();
    assert_body(&a, (enum alert_change[]){ALERT_FIRED}, 1, "http://web-1:9900",
                "{\"receiver\":\"webhook-1\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\","
                "\"labels\":" LABELS ",\"annotations\":" FIRING_ANNOTATIONS
                ",\"startsAt\":\"2023-11-14T22:13:20.250Z\","
                "\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"http://web-1:9900/#alert-abc\","
                "\"fingerprint\":\"0000000000000abc\"}],\"groupLabels\":{\"alertname\":\"HostDiskHigh\"},"
                "\"commonLabels\":" LABELS ",\"commonAnnotations\":" ANNOTATIONS
                ",\"externalURL\":\"http://web-1:9900\",\"version\":\"4\","
                "\"groupKey\":\"{}:{alertname=\\\"HostDiskHigh\\\"}\",\"truncatedAlerts\":0}");
}

static void test_resolved(void **state)
{
    struct alert a = disk_alert();
    assert_body(&a, (enum alert_change[]){ALERT_ENDED}, 1, "",
                "{\"receiver\":\"webhook-1\",\"status\":\"resolved\",\"alerts\":[{\"status\":\"resolved\","
                "\"labels\":" LABELS ",\"annotations\":" ANNOTATIONS
                ",\"startsAt\":\"2023-11-14T22:13:20.250Z\","
                "\"endsAt\":\"2023-11-14T22:23:20.000Z\",\"generatorURL\":\"\","
                "\"fingerprint\":\"0000000000000abc\"}],\"groupLabels\":{\"alertname\":\"HostDiskHigh\"},"
                "\"commonLabels\":" LABELS ",\"commonAnnotations\":" ANNOTATIONS
                ",\"externalURL\":\"\",\"version\":\"4\","
                "\"groupKey\":\"{}:{alertname=\\\"HostDiskHigh\\\"}\",\"truncatedAlerts\":0}");
}

/* What they share is said once, what they do not is not common. */
static void test_group(void **state)
{
    struct alert alerts[] = {disk_alert(), disk_alert()};
    alert_init(&alerts[1], "HostCpuHigh", "CPU usage is high", ALERT_CRITICAL, STR("web-1"));
    alerts[1].fingerprint = 0xdef;
    alerts[1].ended_wall_ns = INT64_C(1700000600) * NS_PER_S;
    assert_body(
        alerts, (enum alert_change[]){ALERT_FIRED, ALERT_ENDED}, 2, "",
        "{\"receiver\":\"webhook-1\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\","
        "\"labels\":" LABELS ",\"annotations\":" FIRING_ANNOTATIONS
        ",\"startsAt\":\"2023-11-14T22:13:20.250Z\","
        "\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"\",\"fingerprint\":\"0000000000000abc\"},"
        "{\"status\":\"resolved\",\"labels\":{\"alertname\":\"HostCpuHigh\",\"instance\":\"web-1\","
        "\"severity\":\"critical\"},\"annotations\":{\"description\":\"\",\"summary\":\"CPU usage is "
        "high\"},\"startsAt\":\"1970-01-01T00:00:00.000Z\",\"endsAt\":\"2023-11-14T22:23:20.000Z\","
        "\"generatorURL\":\"\",\"fingerprint\":\"0000000000000def\"}],\"groupLabels\":{},"
        "\"commonLabels\":{\"instance\":\"web-1\"},\"commonAnnotations\":{},\"externalURL\":\"\","
        "\"version\":\"4\",\"groupKey\":\"{}:{}\",\"truncatedAlerts\":0}");
}

/* Alertmanager's API: the address is the one of the configuration, endsAt ahead while it fires. */
static void test_alertmanager(void **state)
{
    struct alert a = disk_alert();
    struct notice notices[2];
    struct outgoing out = {.method = "POST"};
    struct str url = STR("http://am.test:9093/base/");
    struct config_notify config = {.kind = NOTIFY_ALERTMANAGER, .urls = {1, &url}};
    struct notice_words words = {
        .line = "a line", .link = "http://web-1:9900/#alert-abc", .silence = SILENCE};
    notice_init(&notices[0], &a, ALERT_FIRED, words);
    notice_init(&notices[1], &a, ALERT_ENDED, words);
    struct alert_message m = {.receiver = "alertmanager-1",
                              .external_url = "http://web-1:9900",
                              .wall_ns = INT64_C(1700000300) * NS_PER_S,
                              .count = 2,
                              .notices = notices};
    sink_alertmanager.write(&m, &(struct sink_setup){.config = &config, .url = "", .token = ""}, &out);
    assert_string_equal(out.url.ptr, "http://am.test:9093/base/api/v2/alerts");
    assert_string_equal(out.body.ptr,
                        "[{\"labels\":" LABELS ",\"annotations\":" FIRING_ANNOTATIONS
                        ",\"startsAt\":\"2023-11-14T22:13:20.250Z\",\"endsAt\":\"2023-11-14T22:22:20.000Z\","
                        "\"generatorURL\":\"http://web-1:9900/#alert-abc\"},"
                        "{\"labels\":" LABELS ",\"annotations\":" ANNOTATIONS
                        ",\"startsAt\":\"2023-11-14T22:13:20.250Z\",\"endsAt\":\"2023-11-14T22:23:20.000Z\","
                        "\"generatorURL\":\"http://web-1:9900/#alert-abc\"}]");
    notice_fini(&notices[0]);
    notice_fini(&notices[1]);
    buf_fini(&out.url);
    buf_fini(&out.body);
    buf_fini(&out.headers);
}

static void test_verdicts(void **state)
{
    static const struct {
        struct retry_answer answer;
        enum retry_verdict verdict;
    } rows[] = {
        {{.has_status = true, .status = 200}, RETRY_DELIVERED},
        {{.has_status = true, .status = 204}, RETRY_DELIVERED},
        {{.has_status = true, .status = 202}, RETRY_DELIVERED},
        {{.has_status = true, .status = 302}, RETRY_LATER}, /* the address can be mended... */
        {{.has_status = true, .status = 404}, RETRY_LATER},
        {{.has_status = true, .status = 410}, RETRY_LATER},
        {{.has_status = true, .status = 401}, RETRY_LATER}, /* ...and the token... */
        {{.has_status = true, .status = 403}, RETRY_LATER},
        {{.has_status = true, .status = 400}, RETRY_NEVER}, /* ...but not the message */
        {{.has_status = true, .status = 413}, RETRY_NEVER},
        {{.has_status = true, .status = 422}, RETRY_NEVER},
        {{.has_status = true, .status = 429}, RETRY_LATER},
        {{.has_status = true, .status = 500}, RETRY_LATER},
        {{.has_status = true, .status = 503}, RETRY_LATER},
        {{.has_status = false}, RETRY_LATER},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(retry_judge(&rows[i].answer), rows[i].verdict);
}

static void test_delays(void **state)
{
    struct random random = {.state = 7};
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t delay = retry_delay_ns(3, -1, &random); /* 4 s, half of it chance */
        least = MIN(least, delay);
        most = MAX(most, delay);
    }
    assert_in_range(least, 2000 * NS_PER_MS, 2050 * NS_PER_MS);
    assert_in_range(most, 3950 * NS_PER_MS, 4000 * NS_PER_MS);
    assert_in_range(retry_delay_ns(1, -1, &random), NS_PER_S / 2, NS_PER_S);
    assert_in_range(retry_delay_ns(UINT32_MAX, -1, &random), RETRY_LONGEST_NS / 2, RETRY_LONGEST_NS);
    assert_int_equal(retry_delay_ns(1, 30, &random), 30 * NS_PER_S);
    assert_in_range(retry_delay_ns(9, 3, &random), RETRY_LONGEST_NS / 3,
                    RETRY_LONGEST_NS); /* asked for less */
    assert_int_equal(retry_delay_ns(1, INT64_MAX, &random), RETRY_ASKED_MAX_NS);
    assert_in_range(retry_delay_ns(1, 0, &random), NS_PER_S / 2, NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_firing),       cmocka_unit_test(test_resolved), cmocka_unit_test(test_group),
        cmocka_unit_test(test_alertmanager), cmocka_unit_test(test_verdicts), cmocka_unit_test(test_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

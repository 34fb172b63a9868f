/* test_evidence.c: the sentences about alerts, in each language. */
#include "watch/evidence.h"

#include "base/clock.h"
#include "base/macros.h"
#include "rule/default_rules.h"
#include "watch/evidence_korean.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct armed_rule *find_rule(const struct rule_set *s, const char *name)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->rules[i].name, name) != 0)
        i++;
    assert_true(i < s->count);
    return &s->rules[i];
}

static const struct config_rule own_rules[] = {
    {.name = STR("Own"), .is_enabled = true, .when = STR("load1 > 8 for 2m")},
    {.name = STR("OwnFlag"), .is_enabled = true, .when = STR("clock_synchronised")},
    {.name = STR("OwnBelow"), .is_enabled = true, .when = STR("disk_free < 1GiB clear 2GiB")},
    /* A default's name, about something else: its sentence would be wrong. */
    {.name = STR("ProbeSlow"), .is_enabled = true, .when = STR("probe_failures > 5")},
};

static const struct config_watch config = {
    .cpu = {.is_enabled = true, .above = 90, .clear = 80, .for_ns = 300 * NS_PER_S},
    .disk = {.is_enabled = true, .above = 90, .clear = 87, .for_ns = 120 * NS_PER_S},
    .error_rate = {.is_enabled = true, .above = 5, .clear = 2, .for_ns = 60 * NS_PER_S},
    .crash_count = 3,
    .discovery_ns = 300 * NS_PER_S,
    .rule_count = ARRAY_LEN(own_rules),
    .rules = (struct config_rule *)own_rules,
};

#define BEGAN_NS (1000 * NS_PER_S)

/* Of an alert that fired 125 s after it began to be pending. */
struct said {
    const char *rule, *label, *label_value, *note;
    double value, value_2;
    const char *english, *korean;           /* when it fires */
    const char *english_over, *korean_over; /* 14 minutes and 12 seconds later */
    const char *note_over;
    double value_over;
};

static void put_labels(struct alert *a, const struct said *s)
{
    alert_init(a, s->rule, "", ALERT_WARNING, STR("web-1"));
    if (s->label)
        alert_add_label(a, s->label, str_of(s->label_value));
}

static void check(const struct rule_set *set, const struct said *s)
{
    static struct alert a; /* large */
    const struct armed_rule *rule = find_rule(set, s->rule);
    assert_non_null(rule);
    put_labels(&a, s);
    a.rule = rule->limits;
    a.life = (struct alert_life){.state = ALERT_FIRING,
                                 .is_known = true,
                                 .values = {s->value, s->value_2},
                                 .means = {s->value, s->value_2},
                                 .passed_since_ns = BEGAN_NS,
                                 .firing_since_ns = BEGAN_NS + 125 * NS_PER_S,
                                 .state_since_ns = BEGAN_NS + 125 * NS_PER_S};
    evidence_write(&a, rule, s->note, ALERT_FIRED, a.life.firing_since_ns);
    assert_string_equal(a.evidence, s->english);
    assert_string_equal(a.evidence_korean, s->korean);
    if (!s->korean_over)
        return;
    a.life.state = ALERT_RESOLVED;
    a.life.values[0] = a.life.values[1] = s->value_over;
    a.life.state_since_ns += 852 * NS_PER_S;
    evidence_write(&a, rule, s->note_over ? s->note_over : s->note, ALERT_ENDED, a.life.state_since_ns);
    assert_string_equal(a.evidence, s->english_over);
    assert_string_equal(a.evidence_korean, s->korean_over);
}

static void what_fires_and_ends(void **state)
{
    static const struct said all[] = {
        {.rule = "HostCpuHigh",
         .note = "of 4 CPUs",
         .value = 93.44,
         .english = "93.4 % of 4 CPUs for 2m5s (threshold 90 %, clears at 80 %)",
         .korean = "평균 값은 93.4%입니다(CPU 4개 기준). 2분 5초 동안 기준 90%보다 높았으며, 80% 이하가 되면 "
                   "해결됩니다.",
         .value_over = 45,
         .english_over = "45.0 % of 4 CPUs now, at most 80 %, after 14m12s",
         .korean_over = "현재 값은 45%입니다(CPU 4개 기준). 14분 12초 만에 해제 기준 80% 이하가 되었습니다."},
        {.rule = "HostDiskHigh",
         .label = "path",
         .label_value = "/srv",
         .note = "500MiB of 10GiB left",
         .value = 95,
         .english = "/srv is 95.0 % full for 2m5s (threshold 90 %, clears at 87 %); 500MiB of 10GiB left",
         .korean =
             "/srv 파일 시스템의 평균 사용률은 95%입니다(10GiB 중 500MiB 남음). 2분 5초 동안 기준 90%보다 "
             "높았으며, 87% 이하가 되면 해결됩니다."},
        {.rule = "HostDiskFilling",
         .label = "path",
         .label_value = "/srv",
         .note = "3GiB left",
         .value = 3 * 3600 + 60,
         .english = "/srv will be full in 3h1m if it goes on like this; 3GiB left",
         .korean = "이대로라면 /srv 파일 시스템은 3시간 1분 뒤에 가득 찹니다(3GiB 남음).",
         .english_over = "/srv does not fill so fast any more; 3GiB left",
         .korean_over = "/srv 파일 시스템은 이제 그렇게 빨리 차지 않습니다(3GiB 남음)."},
        {.rule = "ServiceDown",
         .label = "service",
         .label_value = "shop",
         .note = "shop has had none for 12s; 2 wanted",
         .value = 1,
         .english = "shop has had none for 12s; 2 wanted",
         .korean = "shop 서비스에 12초 동안 정상 서버가 없습니다. 필요한 서버는 2대입니다.",
         .note_over = "shop has 1 healthy of 2 wanted again",
         .english_over = "shop has 1 healthy of 2 wanted again after 14m12s",
         .korean_over = "shop 서비스에 필요한 서버 2대 가운데 1대가 다시 정상입니다. 14분 12초 만에 "
                        "해결되었습니다."},
        {.rule = "ServiceDown",
         .label = "service",
         .label_value = "shop",
         .note = "shop has had none for 12s; 2 wanted; shop-1: status 500",
         .value = 1,
         .english = "shop has had none for 12s; 2 wanted; shop-1: status 500",
         .korean =
             "shop 서비스에 12초 동안 정상 서버가 없습니다. 필요한 서버는 2대입니다(shop-1: status 500)."},
        {.rule = "ErrorRateHigh",
         .label = "service",
         .label_value = "shop",
         .note = "12 of 100 within 1m",
         .value = 12,
         .english = "12.0 % of shop's requests failed: 12 of 100 within 1m (threshold 5 %, clears at 2 %)",
         .korean =
             "shop 서비스의 요청 가운데 12%가 실패했습니다(1분 동안 100건 중 12건). 기준은 5%, 해제 기준은 "
             "2%입니다."},
        {.rule = "HostDown",
         .label = "instance",
         .label_value = "web-2",
         .note = "http://web-2:9100/metrics: connection refused",
         .value = 3,
         .english = "web-2 could not be read 3 times in a row; http://web-2:9100/metrics: connection refused",
         .korean =
             "web-2 시스템을 3번 연속으로 읽지 못했습니다(http://web-2:9100/metrics: connection refused).",
         .english_over = "web-2 can be read again after 14m12s",
         .korean_over = "14분 12초 만에 web-2 시스템을 다시 읽을 수 있습니다."},
        {.rule = "ServiceSlow",
         .label = "service",
         .label_value = "shop",
         .note = "61 answers within a minute, usually 50ms",
         .value = 4,
         .value_2 = 80,
         .english = "half of shop's answers take 4s or longer for 2m5s (thresholds 3s and "
                    "3, clears at 2s or 2); 61 answers within a minute, usually 50ms",
         .korean = "shop 서비스의 응답 시간 중앙값은 4초입니다(1분 동안 응답 61건, 평소 "
                   "50밀리초). 2분 5초 동안 각 기준 "
                   "3초, 3보다 높았으며, 2초 또는 2 이하가 되면 해결됩니다.",
         .value_over = 0.25,
         .english_over =
             "half of shop's answers begin within 250ms now, after 14m12s; 61 answers within a minute, "
             "usually 50ms",
         .korean_over = "14분 12초 만에 끝났습니다. shop 서비스의 응답 시간 중앙값은 이제 "
                        "250밀리초입니다(1분 동안 응답 61건, "
                        "평소 50밀리초)."},
        {.rule = "ServerCrashing",
         .label = "service",
         .label_value = "shop",
         .note = "3 servers of shop died within 5m (limit 3); the last, shop-2, 1m3s ago: exit status 1",
         .value = 3,
         .english = "3 servers of shop died within 5m (limit 3); the last, shop-2, 1m3s ago: exit status 1",
         .korean =
             "shop 서비스의 서버가 5분 안에 3번 비정상 종료되었습니다(기준 3번). 마지막은 1분 3초 전 shop-2: "
             "exit status 1.",
         .note_over = "no server of shop died for 5m",
         .english_over = "no server of shop died for 5m",
         .korean_over = "shop 서비스의 서버가 5분 동안 비정상 종료되지 않았습니다."},
        {.rule = "DiscoveryFailing",
         .label = "service",
         .label_value = "shop",
         .note = "shop.internal: no such host",
         .value = 301,
         .english = "for 5m1s, where the servers of shop are listed could not be read: shop.internal: no "
                    "such host",
         .korean = "5분 1초 동안 shop 서비스의 서버 목록을 읽지 못했습니다(shop.internal: no such host).",
         .note_over = "16m30s",
         .english_over = "the servers of shop can be found again after 16m30s",
         .korean_over = "16분 30초 만에 shop 서비스의 서버 목록을 다시 읽을 수 있습니다."},
        {.rule = "ErrorBudgetBurn1h",
         .label = "service",
         .label_value = "shop",
         .note = "of the budget of 0.1 % of errors",
         .value = 20.1,
         .value_2 = 18,
         .english = "shop used 20.1 times its share of the budget of 0.1 % of errors in the last hour, 18 "
                    "times in the last 5 minutes, for 2m5s (thresholds 14.4 and 14.4)",
         .korean = "shop 서비스가 최근 1시간 동안 허용된 속도의 20.1배, 최근 5분 동안 18배로 예산을 썼습니다"
                   "(오류 예산 0.1% 기준). 2분 5초 동안 각 기준 14.4, 14.4보다 높았습니다.",
         .value_over = 2.5,
         .english_over = "shop used 2.5 times its share of the budget of 0.1 % of errors in the last hour, "
                         "2.5 times in the last 5 minutes; it was too much for 14m12s",
         .korean_over =
             "14분 12초 만에 shop 서비스가 예산을 쓰는 속도가 다시 기준 이하입니다(최근 1시간 동안 "
             "2.5배, 최근 5분 동안 2.5배)."},
        {.rule = "Own",
         .note = "on 4 CPUs",
         .value = 9,
         .english = "9 for 2m5s (threshold 8); on 4 CPUs",
         .korean = "평균 값은 9입니다(CPU 4개). 2분 5초 동안 기준 8보다 높았습니다."},
        {.rule = "OwnFlag",
         .note = "",
         .value = 1,
         .english = "clock_synchronised for 2m5s",
         .korean = "clock_synchronised 상태: 2분 5초 동안 이어지고 있습니다.",
         .english_over = "clock_synchronised no more after 14m12s",
         .korean_over = "clock_synchronised 상태: 14분 12초 만에 끝났습니다."},
        {.rule = "OwnBelow",
         .label = "path",
         .label_value = "/srv",
         .note = "",
         .value = 512 << 20,
         .english = "/srv: 512MiB for 2m5s (threshold 1GiB, clears at 2GiB)",
         .korean = "/srv: 현재 값은 512MiB입니다. 2분 5초 동안 기준 1GiB보다 낮았으며, 2GiB 이상이 되면 "
                   "해결됩니다.",
         .value_over = (double)(UINT64_C(3) << 30),
         .english_over = "/srv: 3GiB now, at least 2GiB, after 14m12s",
         .korean_over = "/srv: 현재 값은 3GiB입니다. 14분 12초 만에 해제 기준 2GiB 이상이 되었습니다."},
        {.rule = "ProbeSlow",
         .label = "probe",
         .label_value = "site",
         .note = "https://shop.example/: status 503",
         .value = 6,
         .english = "site: 6 for 2m5s (threshold 5); https://shop.example/: status 503",
         .korean = "site: 현재 값은 6입니다(https://shop.example/: status 503). 2분 5초 동안 기준 5보다 "
                   "높았습니다."},
    };
    struct rule_set set;
    rule_set_build(&set, &config);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        check(&set, &all[i]);
    rule_set_fini(&set);
}

static void what_nobody_sees_and_what_flaps(void **state)
{
    static struct alert a;
    struct rule_set set;
    rule_set_build(&set, &config);
    const struct armed_rule *rule = find_rule(&set, "HostCpuHigh");
    alert_init(&a, "HostCpuHigh", "", ALERT_WARNING, STR("web-1"));
    a.rule = rule->limits;
    a.why_unknown = "Permission denied";
    a.life = (struct alert_life){.state = ALERT_FIRING, .is_blind = true, .unknown_since_ns = BEGAN_NS};
    evidence_write(&a, rule, "", ALERT_FIRED, BEGAN_NS + 300 * NS_PER_S);
    assert_string_equal(a.evidence, "there has been no reading for 5m: Permission denied");
    assert_string_equal(a.evidence_korean, "5분 동안 측정값이 없습니다(Permission denied).");
    a.life.firing_count = ALERT_FLAPPING_AT;
    for (size_t i = 0; i < ALERT_FLAPPING_AT; i++)
        a.life.firings_ns[i] = BEGAN_NS;
    evidence_write(&a, rule, "", ALERT_FIRED, BEGAN_NS + 300 * NS_PER_S);
    assert_string_equal(a.evidence_korean, "5분 동안 측정값이 없습니다(Permission denied). 발생과 해결이 "
                                           "되풀이되어, 30분 동안 이상이 없어야 해결됩니다.");
    rule_set_fini(&set);
}

static void notes(void **state)
{
    static const struct {
        enum metric metric;
        const char *note, *korean;
    } cases[] = {
        {METRIC_CPU, "of the 1.50 CPUs that control group /a b/c may use",
         "컨트롤 그룹 /a b/c에 허용된 CPU 1.50개 기준"},
        {METRIC_MEMORY, "of 16GiB; 3.2GiB available", "전체 16GiB, 사용 가능 3.2GiB"},
        {METRIC_CGROUP_PIDS, "9 of 10, the limit of /x", "/x의 한도 10개 중 9개"},
        {METRIC_BURN_6H, "of the budget of 1 % slower than 250ms", "250밀리초보다 느린 응답의 예산 1% 기준"},
        {METRIC_QUEUE_LENGTH, "the first has waited for 1h2m3s", "가장 오래 기다린 요청은 1시간 2분 3초"},
        {METRIC_QUEUE, "80 of 100", "100자리 중 80자리"},
        {METRIC_DISK, "500MiB of 10GiB left", "10GiB 중 500MiB 남음"},
        {METRIC_DISK, "30GiB of 1.9TiB left on tank, which 7 mounts share",
         "마운트 7개가 함께 쓰는 tank: 1.9TiB 중 30GiB 남음"},
        {METRIC_DISK_FULL_IN, "30GiB left on tank, which 7 mounts share",
         "마운트 7개가 함께 쓰는 tank: 30GiB 남음"},
        /* What is not of the form stays as it is. */
        {METRIC_QUEUE, "80 of ", "80 of "},
        {METRIC_QUEUE_LENGTH, "the first has waited for ages", "the first has waited for ages"},
        {METRIC_PROVIDER_FAILING, "provider docker, list: 3 of 4 left", "provider docker, list: 3 of 4 left"},
        {METRIC_CPU, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out = {0};
        evidence_korean_put_note(cases[i].metric, str_of(cases[i].note), &out);
        assert_string_equal(buf_str(&out).ptr, cases[i].korean);
    }
}

/* Every default rule with a sentence of its own has it in Korean, for the same occasions. */
static void every_sentence_is_there_in_korean(void **state)
{
    for (size_t i = 0; i < default_rule_count; i++) {
        const struct default_rule *d = &default_rules[i];
        const struct evidence_korean *k = evidence_korean_find(d->name);
        if ((d->says != NULL) != (k != NULL))
            fail_msg("%s: a row in evidence_korean.c, if and only if it has a sentence of its own", d->name);
        if (k && (d->says_at_end != NULL) != (k->says_at_end != NULL))
            fail_msg("%s: a sentence for its end in one language alone", d->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fires_and_ends),
        cmocka_unit_test(what_nobody_sees_and_what_flaps),
        cmocka_unit_test(notes),
        cmocka_unit_test(every_sentence_is_there_in_korean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

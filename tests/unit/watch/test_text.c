/* test_text.c: alerts in words, in each language, with templates and without. */
#include "watch/notify/text.h"

#include "notices.h"
#include "base/macros.h"
#include "rule/default_rules.h"
#include "watch/notify/phrases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct config_words english = {.language = LANGUAGE_ENGLISH};
static const struct config_words korean = {.language = LANGUAGE_KOREAN};

static void put_shouting(struct buf *out, struct str s)
{
    buf_printf(out, "<%.*s>", STR_ARG(s));
}

typedef void write_text(const struct text_voice *v, const struct notice *n, struct buf *out);

static void check_with(write_text *write, const struct alert_message *m, const struct config_words *words,
                       text_put *put, const char *expected)
{
    CLEANUP(buf_fini) struct buf out = {0};
    struct text_voice v = {.message = m, .words = words, .put = put};
    write(&v, &m->notices[0], &out);
    assert_string_equal(buf_str(&out).ptr, expected);
}

static void check_lines(const struct alert_message *m, const struct config_words *words, const char *expected)
{
    CLEANUP(buf_fini) struct buf out = {0};
    struct text_voice v = {.message = m, .words = words, .put = text_put_plain};
    text_write_headline(&v, &out);
    for (size_t i = 0; i < m->count; i++) {
        buf_put(&out, STR("\n"));
        text_write_lines(&v, &m->notices[i], &out);
    }
    assert_string_equal(buf_str(&out).ptr, expected);
}

static void a_firing_alert(void **state)
{
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    check_lines(&m, &english,
                "WARNING: Disk usage is high (/srv, web-1)\n"
                "/srv is 95.0 % full for 2m (threshold 90 %, clears at 87 %)\n"
                "Severity: warning\n"
                "Value: 95 % (threshold 90 %)\n"
                "Since: 2026-11-23 07:26:59 UTC\n"
                "Just before: 07:20:11 the configuration was reloaded\n"
                "Silence: weir silence HostDiskHigh path=/srv --for 2h\n"
                "Page: http://web-1:9900");
    check_lines(&m, &korean,
                "경고: 디스크 사용률이 높습니다 (/srv, web-1)\n"
                "/srv 파일 시스템의 평균 사용률은 95%입니다. 2분 동안 기준 90%보다 높았습니다.\n"
                "심각도: 경고\n"
                "값: 95% (기준 90%)\n"
                "시작: 2026-11-23 07:26:59 UTC\n"
                "직전에 있었던 일: 07:20:11 설정을 다시 읽었습니다\n"
                "알림 끄기: weir silence HostDiskHigh path=/srv --for 2h\n"
                "페이지: http://web-1:9900");
}

static void what_is_over(void **state)
{
    struct notice n = notice_ended(notice_disk(), 3 * 3600 + 852);
    n.value = 45.23;
    n.evidence = TEXT("/srv is 45.2 % full now");
    n.evidence_korean = TEXT("/srv 파일 시스템의 현재 사용률은 45.2%입니다.");
    n.changes = n.changes_korean = TEXT("");
    struct alert_message m = message_of(&n, 1);
    m.external_url = "";
    check_lines(&m, &english,
                "RESOLVED: Disk usage is high (/srv, web-1)\n"
                "/srv is 45.2 % full now\n"
                "Severity: warning\n"
                "Value: 45.2 % (threshold 90 %)\n"
                "Since: 2026-11-23 07:26:59 UTC\n"
                "Lasted: 3h14m12s");
    check_lines(&m, &korean,
                "해결됨: 디스크 사용률이 높습니다 (/srv, web-1)\n"
                "/srv 파일 시스템의 현재 사용률은 45.2%입니다.\n"
                "심각도: 경고\n"
                "값: 45.2% (기준 90%)\n"
                "시작: 2026-11-23 07:26:59 UTC\n"
                "지속 시간: 3시간 14분 12초");
}

static void several_at_once(void **state)
{
    struct notice n[] = {notice_disk(), notice_down(), notice_ended(notice_disk(), 60)};
    struct alert_message m = message_of(n, 3);
    struct text_voice v = {.message = &m, .words = &english, .put = text_put_plain};
    static const struct {
        const struct config_words *words;
        uint32_t left_out;
        const char *expected;
    } cases[] = {
        {&english, 0, "CRITICAL: 2 alerts, 1 resolved"},
        {&english, 7, "CRITICAL: 2 alerts, 1 resolved, +7"},
        {&korean, 0, "위험: 경보 2건, 해결 1건"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out = {0};
        v.words = cases[i].words;
        m.left_out = cases[i].left_out;
        text_write_headline(&v, &out);
        assert_string_equal(out.ptr, cases[i].expected);
    }
    CLEANUP(buf_fini) struct buf out = {0};
    n[1] = notice_disk();
    v.words = &english;
    m.left_out = 0;
    text_write_headline(&v, &out);
    assert_string_equal(out.ptr, "WARNING: 2 alerts, 1 resolved (Disk usage is high)");
}

/* Whoever is told of some alerts is told how many more there are: in a mail, and by a program. */
static void a_body_tells_how_many_more_there_are(void **state)
{
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    CLEANUP(buf_fini) struct buf alone = {0}, more = {0};
    struct text_voice v = {.message = &m, .words = &english, .put = text_put_plain, .is_short = true};
    text_write_body(&v, &alone);
    m.left_out = 4;
    text_write_body(&v, &more);
    assert_true(str_starts_with(buf_str(&alone), STR("/srv is 95.0 % full")));
    assert_true(str_starts_with(buf_str(&more), STR("WARNING: Disk usage is high (/srv, web-1)\n/srv is")));
    assert_non_null(strstr(more.ptr, "\n\nand 4 more: see the page"));
}

static void a_test_says_that_it_is_one(void **state)
{
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    m.is_test = true;
    check_with(text_write_title, &m, &english, text_put_plain,
               "[TEST] WARNING: Disk usage is high (/srv, web-1)");
    check_with(
        text_write_text, &m, &english, text_put_plain,
        "This is a test: nothing is wrong. /srv is 95.0 % full for 2m (threshold 90 %, clears at 87 %)");
    check_with(text_write_title, &m, &korean, text_put_plain,
               "[시험] 경고: 디스크 사용률이 높습니다 (/srv, web-1)");
}

static void templates_replace_title_text_and_facts(void **state)
{
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    struct config_words words = {
        .language = LANGUAGE_ENGLISH,
        .title = STR("[prod] {alert}\nat {label.path}: {value} {{{status}}}{service}"),
        .text = STR("{summary}, {severity}, since {since}, {duration}, over {threshold}; {labels}; {link}; "
                    "{silence}; {changes}; {subject}|{instance}|{server}|{label.nothing}|{title}|{text}"),
    };
    check_with(text_write_title, &m, &words, text_put_plain, "[prod] HostDiskHigh at /srv: 95 % {firing}");
    check_with(
        text_write_lines, &m, &words, text_put_plain,
        "Disk usage is high, warning, since 2026-11-23 07:26:59 UTC, 5s, over 90 %; instance=web-1, "
        "path=/srv; http://web-1:9900; weir silence HostDiskHigh path=/srv --for 2h; 07:20:11 the "
        "configuration was reloaded; /srv, web-1|web-1|||WARNING: Disk usage is high (/srv, web-1)|/srv "
        "is 95.0 % full for 2m (threshold 90 %, clears at 87 %)");
}

static void only_values_are_escaped_where_a_template_may_have_markup(void **state)
{
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    struct config_words words = {.language = LANGUAGE_ENGLISH, .text = STR("*{value}* {severity}")};
    struct text_voice v = {.message = &m, .words = &words, .put = put_shouting, .has_template_markup = true};
    CLEANUP(buf_fini) struct buf raw = {0};
    CLEANUP(buf_fini) struct buf escaped = {0};
    text_write_text(&v, &n, &raw);
    assert_string_equal(raw.ptr, "*<95 %>* <warning>");
    v.has_template_markup = false;
    text_write_text(&v, &n, &escaped);
    assert_string_equal(escaped.ptr, "<*><95 %><* ><warning>");
}

static void times_are_those_of_the_zone(void **state)
{
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    struct config_words words = {.language = LANGUAGE_ENGLISH, .text = STR("{since}")};
    assert_true(zone_parse_rule(STR("KST-9"), &words.zone.rules.rule));
    check_with(text_write_text, &m, &words, text_put_plain, "2026-11-23 16:26:59 +09:00");
    assert_true(zone_parse_rule(STR("NST3:30"), &words.zone.rules.rule));
    check_with(text_write_text, &m, &words, text_put_plain, "2026-11-23 03:56:59 -03:30");
}

static void what_could_not_be_told_in_time(void **state)
{
    struct notice n = notice_ended(notice_down(), 60);
    n.is_whole_episode = true;
    n.episodes_before = 2;
    struct alert_message m = message_of(&n, 1);
    m.external_url = "";
    check_lines(&m, &english,
                "RESOLVED: A service has no healthy server (shop-2, shop, web-1)\n"
                "shop has had none for 12s; 2 wanted. It began and ended while this could not be told.\n"
                "Severity: critical\n"
                "Since: 2026-11-23 07:26:59 UTC\n"
                "Lasted: 1m\n"
                "Earlier: it began and ended 2 more times while this could not be told");
    check_lines(&m, &korean,
                "해결됨: 서비스에 정상 서버가 없습니다 (shop-2, shop, web-1)\n"
                "shop 서비스에 12초 동안 정상 서버가 없습니다. 필요한 서버는 2대입니다. 알릴 수 없는 동안 "
                "시작되었다가 끝났습니다.\n"
                "심각도: 위험\n"
                "시작: 2026-11-23 07:26:59 UTC\n"
                "지속 시간: 1분\n"
                "이전 발생: 알리지 못하는 동안 2번 더 발생했다가 끝났습니다");
}

static void numbers_by_unit(void **state)
{
    static const struct {
        enum metric_unit unit;
        double value;
        const char *english, *korean;
    } cases[] = {
        {METRIC_UNIT_PERCENT, 93.44, "93.4 %", "93.4%"},
        {METRIC_UNIT_PERCENT, 90, "90 %", "90%"},
        {METRIC_UNIT_SECONDS, 0.25, "250ms", "250밀리초"},
        {METRIC_UNIT_SECONDS, 0.0005, "0.5ms", "0.5밀리초"},
        {METRIC_UNIT_SECONDS, 3.96, "4s", "4초"},
        {METRIC_UNIT_SECONDS, 12.34, "12.3s", "12.3초"},
        {METRIC_UNIT_SECONDS, 61.5, "1m1s", "1분 1초"},
        {METRIC_UNIT_SECONDS, 15120, "4h12m", "4시간 12분"},
        {METRIC_UNIT_SECONDS, 14 * 86400, "14d", "14일"},
        {METRIC_UNIT_SECONDS, 0, "0s", "0초"},
        {METRIC_UNIT_BYTES, 1610612736, "1.5GiB", "1.5GiB"},
        {METRIC_UNIT_BYTES_PER_SECOND, 10485760, "10MiB/s", "10MiB/s"},
        {METRIC_UNIT_PER_SECOND, 5, "5/s", "초당 5"},
        {METRIC_UNIT_COUNT, 3, "3", "3"},
        {METRIC_UNIT_RATIO, 14.4, "14.4", "14.4"},
        {METRIC_UNIT_NUMBER, 100000, "100000", "100000"},
        {METRIC_UNIT_FLAG, 1, "yes", "예"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out = {0};
        phrase_write_value(LANGUAGE_ENGLISH, cases[i].unit, cases[i].value, &out);
        assert_string_equal(out.ptr, cases[i].english);
        buf_clear(&out);
        phrase_write_value(LANGUAGE_KOREAN, cases[i].unit, cases[i].value, &out);
        assert_string_equal(out.ptr, cases[i].korean);
    }
}

static void a_rule_of_the_users_keeps_its_sentence(void **state)
{
    struct notice n = notice_disk();
    n.name = TEXT("MyOwnRule");
    n.summary = TEXT("Somebody should feed the cat");
    struct alert_message m = message_of(&n, 1);
    check_with(text_write_title, &m, &korean, text_put_plain,
               "경고: Somebody should feed the cat (/srv, web-1)");
}

static void every_default_rule_has_its_sentence_in_korean(void **state)
{
    for (size_t i = 0; i < default_rule_count; i++)
        if (!phrase_summary(LANGUAGE_KOREAN, default_rules[i].name, default_rules[i].summary))
            fail_msg("%s: no row in the table of phrases.c", default_rules[i].name);
}

/* The numbers, the unit and what happened before come with the alert. */
static void what_an_alert_knows_is_told(void **state)
{
    struct alert a;
    struct notice n;
    struct alert_past past = {.count = 2,
                              .events = {{.wall_ns = NOTICE_BEGAN_NS - 60 * NS_PER_S,
                                          .text = "requests are taken",
                                          .text_korean = "요청을 받기 시작했습니다"},
                                         {.wall_ns = NOTICE_BEGAN_NS - NS_PER_S,
                                          .text = "shop: 2 servers",
                                          .text_korean = "shop: 서버 2대"}}};
    alert_init(&a, "HostMemoryHigh", "Memory usage is high", ALERT_WARNING, STR("web-1"));
    a.unit = METRIC_UNIT_PERCENT;
    a.started_wall_ns = NOTICE_BEGAN_NS;
    a.rule = (struct alert_rule){.limit_count = 1, .limits = {{.threshold = 80, .clear = 75}}};
    a.life.is_known = true;
    a.life.means[0] = 91.25;
    a.past = &past;
    snprintf(a.evidence, sizeof(a.evidence), "91.2 %% of 8GiB");
    notice_init(&n, &a, ALERT_FIRED, (struct notice_words){.line = "", .link = "http://web-1:9900/#alert-1"});
    struct alert_message m = message_of(&n, 1);
    check_lines(&m, &english,
                "WARNING: Memory usage is high (web-1)\n91.2 % of 8GiB\nSeverity: warning\n"
                "Value: 91.3 % (threshold 80 %)\nSince: 2026-11-23 07:26:59 UTC\n"
                "Just before:\n07:25:59 UTC requests are taken\n07:26:58 UTC shop: 2 servers\n"
                "Page: http://web-1:9900/#alert-1");
    assert_string_equal(n.changes_korean,
                        "07:25:59 UTC 요청을 받기 시작했습니다\n07:26:58 UTC shop: 서버 2대");
    notice_fini(&n);
}

static void a_cut_leaves_characters_and_escapes_whole(void **state)
{
    static const struct {
        const char *text;
        size_t units_max;
        const char *expected;
    } cases[] = {
        {"short", 5, "short"},        {"longer", 5, "long…"},       {"한글입니다", 3, "한글…"},
        {"ab&amp;cd", 6, "ab…"},      {"ab&amp;cd", 8, "ab&amp;…"}, {"ab\\*cdef", 4, "ab…"},
        {"ab\\\\cdef", 5, "ab\\\\…"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out = {0};
        buf_put(&out, STR("before "));
        buf_put(&out, str_of(cases[i].text));
        text_cut(&out, strlen("before "), cases[i].units_max);
        assert_string_equal(out.ptr + strlen("before "), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_firing_alert),
        cmocka_unit_test(what_is_over),
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(a_body_tells_how_many_more_there_are),
        cmocka_unit_test(a_test_says_that_it_is_one),
        cmocka_unit_test(templates_replace_title_text_and_facts),
        cmocka_unit_test(only_values_are_escaped_where_a_template_may_have_markup),
        cmocka_unit_test(times_are_those_of_the_zone),
        cmocka_unit_test(what_could_not_be_told_in_time),
        cmocka_unit_test(numbers_by_unit),
        cmocka_unit_test(a_rule_of_the_users_keeps_its_sentence),
        cmocka_unit_test(every_default_rule_has_its_sentence_in_korean),
        cmocka_unit_test(what_an_alert_knows_is_told),
        cmocka_unit_test(a_cut_leaves_characters_and_escapes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

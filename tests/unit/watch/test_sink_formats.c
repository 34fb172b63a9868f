/* test_sink_formats.c: what each service is sent, read back as JSON, and its limits kept. */
#include "watch/notify/kind.h"

#include "notices.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "net/json_value.h"
#include "watch/notify/mail_text.h"
#include "watch/notify/syslog_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What was written, and the same as JSON. */
struct sent {
    struct outgoing out;
    struct json_value *body;
};

static struct sent write_with(const struct sink_kind *kind, const struct alert_message *m,
                              const struct config_notify *config, const char *url)
{
    struct sent s = {.out = {.method = "POST", .bearer_token = ""}};
    struct sink_setup setup = {.config = config, .url = url, .token = "s3cret"};
    struct err err = {0};
    buf_put(&s.out.url, str_of(url));
    kind->write(m, &setup, &s.out);
    s.body = json_value_parse(buf_str(&s.out.body), &err);
    if (!s.body)
        fail_msg("%s: %s", err.text, s.out.body.ptr);
    assert_non_null(strstr(s.out.headers.ptr, "Content-Type: application/json\n"));
    return s;
}

static void sent_fini(struct sent *s)
{
    json_value_free(s->body);
    buf_fini(&s->out.url);
    buf_fini(&s->out.headers);
    buf_fini(&s->out.body);
}

static const char *text_at(const struct sent *s, const char *pointer)
{
    const char *text = json_value_as_text(json_value_find(s->body, pointer));
    return text ? text : "(none)";
}

static double number_at(const struct sent *s, const char *pointer)
{
    return json_value_to_double(json_value_find(s->body, pointer), -1);
}

static const struct config_notify in_english = {.words = {.language = LANGUAGE_ENGLISH}};

/* Ugly in every format at once. */
#define UGLY "a <b> & *c* _d_ `e` [f](g) \\ @everyone \"h\""

/* ---- Slack ---- */

static void slack_one_alert(void **state)
{
    struct notice n = notice_disk();
    n.evidence = TEXT(UGLY);
    struct alert_message m = message_of(&n, 1);
    CLEANUP(sent_fini) struct sent s = write_with(&sink_slack, &m, &in_english, "https://slack.test/x");
    assert_string_equal(s.out.url.ptr, "https://slack.test/x");
    assert_string_equal(text_at(&s, "/text"), "WARNING: Disk usage is high (/srv, web-1)");
    assert_string_equal(text_at(&s, "/attachments/0/color"), "#F9A825");
    assert_string_equal(text_at(&s, "/attachments/0/fallback"), "WARNING: Disk usage is high (/srv, web-1)");
    assert_string_equal(text_at(&s, "/attachments/0/title"), "Page");
    assert_string_equal(text_at(&s, "/attachments/0/title_link"), "http://web-1:9900");
    assert_string_equal(text_at(&s, "/attachments/0/text"),
                        "a &lt;b&gt; &amp; *c* _d_ `e` [f](g) \\ @everyone \"h\"");
    assert_string_equal(text_at(&s, "/attachments/0/fields/0/title"), "Severity");
    assert_string_equal(text_at(&s, "/attachments/0/fields/1/value"), "95 % (threshold 90 %)");
    assert_string_equal(text_at(&s, "/attachments/0/fields/4/value"),
                        "`weir silence HostDiskHigh path=/srv --for 2h`");
    assert_int_equal(json_value_count(json_value_find(s.body, "/attachments")), 1);
}

static void slack_several_alerts(void **state)
{
    struct notice n[] = {notice_down(), notice_ended(notice_disk(), 60)};
    struct alert_message m = message_of(n, 2);
    m.left_out = 5;
    CLEANUP(sent_fini) struct sent s = write_with(&sink_slack, &m, &in_english, "https://slack.test/x");
    assert_string_equal(text_at(&s, "/text"), "CRITICAL: 1 alert, 1 resolved, +5");
    assert_string_equal(text_at(&s, "/attachments/0/color"), "#D32F2F");
    assert_string_equal(text_at(&s, "/attachments/0/title"),
                        "CRITICAL: A service has no healthy server (shop-2, shop, web-1)");
    assert_string_equal(text_at(&s, "/attachments/1/color"), "#2E7D32");
    assert_string_equal(text_at(&s, "/attachments/2/text"), "and 5 more: see the page");
}

/* ---- Discord ---- */

static void discord_one_alert(void **state)
{
    struct notice n = notice_disk();
    n.evidence = TEXT(UGLY);
    struct alert_message m = message_of(&n, 1);
    CLEANUP(sent_fini) struct sent s = write_with(&sink_discord, &m, &in_english, "https://discord.test/x");
    assert_string_equal(text_at(&s, "/content"), "WARNING: Disk usage is high (/srv, web-1)");
    assert_string_equal(text_at(&s, "/embeds/0/title"), "WARNING: Disk usage is high (/srv, web-1)");
    assert_string_equal(text_at(&s, "/embeds/0/url"), "http://web-1:9900");
    assert_string_equal(text_at(&s, "/embeds/0/description"),
                        "a \\<b\\> & \\*c\\* \\_d\\_ \\`e\\` \\[f\\](g) \\\\ @everyone \"h\"");
    assert_int_equal((int)number_at(&s, "/embeds/0/color"), 0xF9A825);
    assert_string_equal(text_at(&s, "/embeds/0/timestamp"), "2026-11-23T07:26:59.000Z");
    /* Nobody is pinged by what an alert says. */
    assert_true(json_value_is_array(json_value_find(s.body, "/allowed_mentions/parse")));
    assert_int_equal(json_value_count(json_value_find(s.body, "/allowed_mentions/parse")), 0);
}

static void discord_templates_may_ping(void **state)
{
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    struct config_notify config = in_english;
    config.words.title = STR("<@&42> **{summary}**");
    CLEANUP(sent_fini) struct sent s = write_with(&sink_discord, &m, &config, "https://discord.test/x");
    assert_string_equal(text_at(&s, "/content"), "<@&42> **Disk usage is high**");
    assert_int_equal(json_value_count(json_value_find(s.body, "/allowed_mentions/parse")), 3);
}

/* ---- what is too long ---- */

static char *repeat(const char *what, size_t times)
{
    size_t len = strlen(what);
    char *out = mem_alloc(len * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(out + i * len, what, len + 1);
    return out;
}

/* As many and as long as they come. */
static void fill_long(struct notice *notices, size_t count, char *text)
{
    for (size_t i = 0; i < count; i++) {
        notices[i] = notice_disk();
        notices[i].evidence = notices[i].changes = text;
        notices[i].summary = text;
        notices[i].name = TEXT("Own");
    }
}

static size_t units_at(const struct sent *s, const char *pointer)
{
    return utf8_units(str_of(text_at(s, pointer)));
}

static size_t embed_units(const struct sent *s, size_t i)
{
    char pointer[64];
    size_t units = 0;
    snprintf(pointer, sizeof(pointer), "/embeds/%zu/title", i);
    assert_true(units_at(s, pointer) <= 256);
    units += units_at(s, pointer);
    snprintf(pointer, sizeof(pointer), "/embeds/%zu/description", i);
    assert_true(units_at(s, pointer) <= 4096);
    units += units_at(s, pointer);
    snprintf(pointer, sizeof(pointer), "/embeds/%zu/fields", i);
    const struct json_value *fields = json_value_find(s->body, pointer);
    for (size_t k = 0; k < json_value_count(fields); k++) {
        const struct json_value *field = json_value_at(fields, k);
        size_t value = utf8_units(str_of(json_value_text(field, "value", "")));
        assert_true(value > 0 && value <= 1024);
        units += value + utf8_units(str_of(json_value_text(field, "name", "")));
    }
    return units;
}

static void limits_hold_for_long_texts(void **state)
{
    static const char *const whats[] = {"x", "한", "🔥", "<", "*", "\\", "\n", "&\"", "\x01"};
    for (size_t i = 0; i < ARRAY_LEN(whats); i++) {
        struct notice n[20];
        char *text = repeat(whats[i], 4000);
        fill_long(n, 20, text);
        struct alert_message ten = message_of(n, 10), twenty = message_of(n, 20), one = message_of(n, 1);
        CLEANUP(sent_fini)
        struct sent discord = write_with(&sink_discord, &ten, &in_english, "https://d.test");
        size_t units = 0, embeds = json_value_count(json_value_find(discord.body, "/embeds"));
        assert_true(embeds >= 1 && embeds <= 10);
        for (size_t k = 0; k < embeds; k++)
            units += embed_units(&discord, k);
        assert_true(units <= 6000);
        assert_true(units_at(&discord, "/content") <= 2000);
        CLEANUP(sent_fini) struct sent teams = write_with(&sink_teams, &ten, &in_english, "https://t.test");
        assert_true(teams.out.body.len <= 28 * 1024);
        CLEANUP(sent_fini)
        struct sent telegram = write_with(&sink_telegram, &ten, &in_english, "https://t.test");
        assert_true(units_at(&telegram, "/text") <= 4096);
        CLEANUP(sent_fini)
        struct sent ntfy = write_with(&sink_ntfy, &ten, &in_english, "https://n.test/topic");
        assert_true(strlen(text_at(&ntfy, "/message")) <= 4096);
        assert_true(units_at(&ntfy, "/title") <= 250);
        CLEANUP(sent_fini)
        struct sent slack = write_with(&sink_slack, &twenty, &in_english, "https://s.test");
        assert_true(units_at(&slack, "/text") <= 300);
        assert_true(units_at(&slack, "/attachments/19/text") <= 3000);
        CLEANUP(sent_fini)
        struct sent pager = write_with(&sink_pagerduty, &one, &in_english, "https://p.test");
        assert_true(units_at(&pager, "/payload/summary") <= 1024);
        assert_true(pager.out.body.len <= 512 * 1024);
        free(text);
    }
}

/* ---- Teams ---- */

static void teams_one_alert(void **state)
{
    struct notice n = notice_down();
    n.evidence = TEXT("one\n" UGLY);
    n.silence = TEXT("weir silence ServiceDown");
    struct alert_message m = message_of(&n, 1);
    CLEANUP(sent_fini) struct sent s = write_with(&sink_teams, &m, &in_english, "https://teams.test/x?sig=y");
    assert_string_equal(s.out.url.ptr, "https://teams.test/x?sig=y");
    assert_string_equal(text_at(&s, "/type"), "message");
    assert_string_equal(text_at(&s, "/attachments/0/contentType"), "application/vnd.microsoft.card.adaptive");
    assert_string_equal(text_at(&s, "/attachments/0/content/type"), "AdaptiveCard");
    assert_string_equal(text_at(&s, "/attachments/0/content/version"), "1.4");
    assert_string_equal(text_at(&s, "/attachments/0/content/body/0/items/0/text"),
                        "CRITICAL: A service has no healthy server (shop-2, shop, web-1)");
    assert_string_equal(text_at(&s, "/attachments/0/content/body/0/items/0/color"), "attention");
    assert_string_equal(text_at(&s, "/attachments/0/content/body/0/items/1/text"),
                        "one\n\na <b> & \\*c\\* \\_d\\_ \\`e\\` \\[f\\](g) \\\\ @everyone \"h\"");
    assert_string_equal(text_at(&s, "/attachments/0/content/body/0/items/2/facts/0/value"), "critical");
    assert_string_equal(text_at(&s, "/attachments/0/content/body/0/items/3/text"),
                        "Silence: weir silence ServiceDown");
    assert_string_equal(text_at(&s, "/attachments/0/content/actions/0/type"), "Action.OpenUrl");
    assert_string_equal(text_at(&s, "/attachments/0/content/actions/0/url"), "http://web-1:9900");
}

/* ---- Telegram ---- */

static void telegram_one_alert(void **state)
{
    struct notice n = notice_disk();
    n.evidence = TEXT(UGLY);
    struct alert_message m = message_of(&n, 1);
    struct config_notify config = in_english;
    config.telegram = (struct config_telegram){.chat = STR("-100123"), .thread = 7};
    CLEANUP(sent_fini) struct sent s = write_with(&sink_telegram, &m, &config, "https://api.telegram.test/");
    assert_string_equal(s.out.url.ptr, "https://api.telegram.test/bots3cret/sendMessage");
    assert_string_equal(s.out.bearer_token, "");
    assert_string_equal(text_at(&s, "/chat_id"), "-100123");
    assert_int_equal((int)number_at(&s, "/message_thread_id"), 7);
    assert_string_equal(text_at(&s, "/parse_mode"), "HTML");
    assert_string_equal(text_at(&s, "/text"),
                        "<b>WARNING: Disk usage is high (/srv, web-1)</b>\n"
                        "a &lt;b&gt; &amp; *c* _d_ `e` [f](g) \\ @everyone \"h\"\n"
                        "Severity: warning\nValue: 95 % (threshold 90 %)\nSince: 2026-11-23 07:26:59 UTC\n"
                        "Just before: 07:20:11 the configuration was reloaded\n"
                        "Silence: <code>weir silence HostDiskHigh path=/srv --for 2h</code>\n"
                        "<a href=\"http://web-1:9900\">Page</a>");
    assert_false(json_value_bool(s.body, "disable_notification", true));
    n = notice_ended(n, 60);
    n.link = TEXT("http://web-1:9900/?q=\"a&b\"");
    CLEANUP(sent_fini)
    struct sent over = write_with(&sink_telegram, &m, &config, "https://api.telegram.test");
    assert_non_null(
        strstr(text_at(&over, "/text"), "<a href=\"http://web-1:9900/?q=&quot;a&amp;b&quot;\">Page</a>"));
    assert_true(json_value_bool(over.body, "disable_notification", false));
}

static void telegram_escapes_templates(void **state)
{
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    struct config_notify config = in_english;
    config.words.text = STR("<i>{summary}");
    CLEANUP(sent_fini) struct sent s = write_with(&sink_telegram, &m, &config, "https://api.telegram.test");
    assert_string_equal(text_at(&s, "/text"),
                        "<b>WARNING: Disk usage is high (/srv, web-1)</b>\n&lt;i&gt;Disk usage is high");
}

/* ---- PagerDuty ---- */

static void pagerduty_trigger_and_resolve(void **state)
{
    struct notice n = notice_down();
    struct alert_message m = message_of(&n, 1);
    CLEANUP(sent_fini)
    struct sent s = write_with(&sink_pagerduty, &m, &in_english, "https://pd.test/v2/enqueue");
    assert_string_equal(s.out.bearer_token, "");
    assert_string_equal(text_at(&s, "/routing_key"), "s3cret");
    assert_string_equal(text_at(&s, "/event_action"), "trigger");
    assert_string_equal(text_at(&s, "/dedup_key"), "0000000000000def-1a2074d09b8");
    assert_string_equal(text_at(&s, "/payload/summary"),
                        "CRITICAL: A service has no healthy server (shop-2, shop, web-1)");
    assert_string_equal(text_at(&s, "/payload/source"), "web-1");
    assert_string_equal(text_at(&s, "/payload/severity"), "critical");
    assert_string_equal(text_at(&s, "/payload/timestamp"), "2026-11-23T07:26:59.000Z");
    assert_string_equal(text_at(&s, "/payload/component"), "shop-2");
    assert_string_equal(text_at(&s, "/payload/group"), "shop");
    assert_string_equal(text_at(&s, "/payload/class"), "ServiceDown");
    assert_string_equal(text_at(&s, "/payload/custom_details/text"), "shop has had none for 12s; 2 wanted");
    assert_string_equal(text_at(&s, "/links/0/href"), "http://web-1:9900");
    struct notice over = notice_ended(n, 60);
    m.notices = &over;
    CLEANUP(sent_fini)
    struct sent end = write_with(&sink_pagerduty, &m, &in_english, "https://pd.test/v2/enqueue");
    assert_string_equal(text_at(&end, "/event_action"), "resolve");
    assert_string_equal(text_at(&end, "/dedup_key"), text_at(&s, "/dedup_key"));
}

static void pagerduty_severities(void **state)
{
    static const struct {
        enum alert_severity severity;
        const char *name;
    } cases[] = {{ALERT_CRITICAL, "critical"}, {ALERT_WARNING, "warning"}, {ALERT_NOTICE, "info"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct notice n = notice_disk();
        n.severity = cases[i].severity;
        struct alert_message m = message_of(&n, 1);
        CLEANUP(sent_fini) struct sent s = write_with(&sink_pagerduty, &m, &in_english, "https://pd.test");
        assert_string_equal(text_at(&s, "/payload/severity"), cases[i].name);
    }
}

/* ---- ntfy ---- */

static void ntfy_priorities(void **state)
{
    static const struct {
        enum alert_severity severity;
        bool is_over;
        int priority;
        const char *tag;
    } cases[] = {{ALERT_CRITICAL, false, 5, "rotating_light"},
                 {ALERT_WARNING, false, 4, "warning"},
                 {ALERT_NOTICE, false, 3, "information_source"},
                 {ALERT_CRITICAL, true, 2, "white_check_mark"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct notice n = cases[i].is_over ? notice_ended(notice_disk(), 60) : notice_disk();
        n.severity = cases[i].severity;
        struct alert_message m = message_of(&n, 1);
        CLEANUP(sent_fini)
        struct sent s = write_with(&sink_ntfy, &m, &in_english, "https://ntfy.example.com/base/my-topic");
        assert_string_equal(s.out.url.ptr, "https://ntfy.example.com/base/");
        assert_string_equal(s.out.bearer_token, "s3cret");
        assert_string_equal(text_at(&s, "/topic"), "my-topic");
        assert_int_equal((int)number_at(&s, "/priority"), cases[i].priority);
        assert_string_equal(text_at(&s, "/tags/0"), cases[i].tag);
        assert_string_equal(text_at(&s, "/click"), "http://web-1:9900");
        assert_non_null(strstr(text_at(&s, "/message"), "Value: 95 % (threshold 90 %)"));
    }
}

/* ---- answers ---- */

static void words_of_receivers(void **state)
{
    static const struct {
        const struct sink_kind *kind;
        int status;
        const char *body;
        int64_t retry_after_s;
        const char *text;
    } cases[] = {
        {&sink_slack, 403, "action_prohibited", -1, "the receiver answered 403: action_prohibited"},
        {&sink_discord, 429, "{\"message\": \"You are being rate limited.\", \"retry_after\": 0.529}", 1,
         "the receiver answered 429: You are being rate limited."},
        {&sink_discord, 404, "{\"message\": \"Unknown Webhook\", \"code\": 10015}", -1,
         "the receiver answered 404: Unknown Webhook"},
        {&sink_telegram, 429,
         "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after 5\","
         "\"parameters\":{\"retry_after\":5}}",
         5, "the receiver answered 429: Too Many Requests: retry after 5"},
        {&sink_telegram, 400,
         "{\"ok\":false,\"description\":\"Bad Request: group chat was upgraded\","
         "\"parameters\":{\"migrate_to_chat_id\":-1001}}",
         -1, "the receiver answered 400: Bad Request: group chat was upgraded: its number is -1001 now"},
        {&sink_pagerduty, 400,
         "{\"status\":\"invalid event\",\"message\":\"Event object is invalid\",\"errors\":[\"no key\"]}", -1,
         "the receiver answered 400: Event object is invalid: no key"},
        {&sink_telegram, 502, "<html>", -1, "the receiver answered 502"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fetch_response response = {.status = cases[i].status, .retry_after_s = -1};
        struct sink_answer answer = {.verdict = RETRY_NEVER, .status = cases[i].status, .retry_after_s = -1};
        snprintf(answer.text, sizeof(answer.text), "the receiver answered %d", cases[i].status);
        buf_put(&response.body, str_of(cases[i].body));
        cases[i].kind->judge(&response, &answer);
        assert_string_equal(answer.text, cases[i].text);
        assert_int_equal(answer.retry_after_s, cases[i].retry_after_s);
        buf_fini(&response.body);
    }
}

/* ---- mail ---- */

static struct str recipients[] = {{"ops@example.com", 15}, {"boss@example.com", 16}};

static struct config_notify mail_config(void)
{
    struct config_notify config = in_english;
    config.mail.from = STR("weir@example.com");
    config.mail.to = (struct config_strings){.count = 2, .items = recipients};
    return config;
}

static void assert_has(const struct buf *text, const char *part)
{
    if (!strstr(text->ptr, part))
        fail_msg("no '%s' in:\n%s", part, text->ptr);
}

static void mail_fields_and_thread(void **state)
{
    struct config_notify config = mail_config();
    struct notice n = notice_disk(), over = notice_ended(n, 60);
    struct alert_message m = message_of(&n, 1);
    CLEANUP(buf_fini) struct buf firing = {0};
    CLEANUP(buf_fini) struct buf ended = {0};
    mail_text_write(&m, &config, &firing);
    assert_has(&firing, "From: Weir <weir@example.com>\r\nTo: ops@example.com,\r\n boss@example.com\r\n"
                        "Subject: WARNING: Disk usage is high (/srv, web-1)\r\n"
                        "Date: Mon, 23 Nov 2026 07:27:04 +0000\r\n"
                        "Message-ID: <weir.0000000000000abc-1a2074d09b8@example.com>\r\n"
                        "Auto-Submitted: auto-generated\r\n");
    assert_has(&firing, "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                        "/srv is 95.0 % full for 2m (threshold 90 %, clears at 87 %)\r\n");
    assert_null(strstr(firing.ptr, "In-Reply-To"));
    m.notices = &over;
    mail_text_write(&m, &config, &ended);
    assert_has(&ended, "Message-ID: <weir.0000000000000abc-1a2074d09b8.end@example.com>\r\n"
                       "In-Reply-To: <weir.0000000000000abc-1a2074d09b8@example.com>\r\n"
                       "References: <weir.0000000000000abc-1a2074d09b8@example.com>\r\n");
}

static void mail_beyond_ascii(void **state)
{
    struct config_notify config = mail_config();
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    CLEANUP(buf_fini) struct buf out = {0};
    config.words.language = LANGUAGE_KOREAN;
    mail_text_write(&m, &config, &out);
    for (size_t i = 0, column = 0; i < out.len; i++) {
        assert_true((unsigned char)out.ptr[i] < 0x80);
        column = out.ptr[i] == '\n' ? 0 : column + 1;
        assert_true(column <= 77); /* with the CR */
    }
    assert_has(&out, "Subject: =?UTF-8?B?");
    assert_has(&out, "=ED=8F=89=EA=\r\n=B7=A0"); /* 평균 */
}

static void mail_encodings(void **state)
{
    static const struct {
        const char *text, *expected;
    } quoted[] = {
        {"plain", "plain\r\n"},
        {"a = b ", "a =3D b=20\r\n"},
        {"one\ntwo\r\nthree", "one\r\ntwo\r\nthree\r\n"},
        {"end \nof line", "end=20\r\nof line\r\n"},
        {"é", "=C3=A9\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(quoted); i++) {
        CLEANUP(buf_fini) struct buf out = {0};
        mail_text_quote(str_of(quoted[i].text), &out);
        assert_string_equal(out.ptr, quoted[i].expected);
    }
    CLEANUP(buf_fini) struct buf word = {0};
    mail_text_encode(STR("é"), 0, &word);
    assert_string_equal(word.ptr, "=?UTF-8?B?w6k=?=");
    CLEANUP(buf_fini) struct buf folded = {0};
    char *words = repeat("seven77 ", 20);
    mail_text_encode(str_n(words, 159), 9, &folded);
    assert_non_null(strstr(folded.ptr, "seven77\r\n seven77"));
    free(words);
}

/* ---- syslog ---- */

static void syslog_lines(void **state)
{
    struct config_notify config = in_english;
    struct notice n = notice_disk();
    struct alert_message m = message_of(&n, 1);
    char expected[512];
    config.syslog = (struct config_syslog){.transport = SYSLOG_TCP, .format = SYSLOG_RFC5424, .facility = 16};
    CLEANUP(buf_fini) struct buf modern = {0};
    syslog_text_write(&m, &config, 42, 8192, &modern);
    snprintf(
        expected, sizeof(expected),
        "<132>1 2026-11-23T07:27:04.000Z web-1 weir 42 HostDiskHigh [origin software=\"weir\" "
        "swVersion=\"%s\"] "
        "\xEF\xBB\xBFWARNING: Disk usage is high (/srv, web-1): /srv is 95.0 %% full for 2m (threshold 90 "
        "%%, clears at 87 %%)",
        WEIR_VERSION);
    assert_string_equal(modern.ptr, expected);
    config.syslog = (struct config_syslog){.format = SYSLOG_RFC3164, .facility = 3};
    setenv("TZ", "UTC", 1);
    tzset();
    CLEANUP(buf_fini) struct buf local = {0};
    n = notice_ended(n, 60);
    n.evidence = TEXT("two\nlines");
    syslog_text_write(&m, &config, 42, 8192, &local);
    assert_string_equal(
        local.ptr, "<30>Nov 23 07:27:04 weir[42]: RESOLVED: Disk usage is high (/srv, web-1): two lines");
    buf_clear(&local);
    syslog_text_write(&m, &config, 42, 40, &local);
    assert_int_equal(local.len, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slack_one_alert),
        cmocka_unit_test(slack_several_alerts),
        cmocka_unit_test(discord_one_alert),
        cmocka_unit_test(discord_templates_may_ping),
        cmocka_unit_test(limits_hold_for_long_texts),
        cmocka_unit_test(teams_one_alert),
        cmocka_unit_test(telegram_one_alert),
        cmocka_unit_test(telegram_escapes_templates),
        cmocka_unit_test(pagerduty_trigger_and_resolve),
        cmocka_unit_test(pagerduty_severities),
        cmocka_unit_test(ntfy_priorities),
        cmocka_unit_test(words_of_receivers),
        cmocka_unit_test(mail_fields_and_thread),
        cmocka_unit_test(mail_beyond_ascii),
        cmocka_unit_test(mail_encodings),
        cmocka_unit_test(syslog_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* kind.c: the table of the kinds, and what their files have in common. See kind.h. */
#include "watch/notify/kind.h"

#include "base/macros.h"
#include "base/utf8.h"

static const struct sink_kind *const kinds[NOTIFY_KIND_COUNT] = {
    [NOTIFY_WEBHOOK] = &sink_webhook,     [NOTIFY_ALERTMANAGER] = &sink_alertmanager,
    [NOTIFY_SLACK] = &sink_slack,         [NOTIFY_DISCORD] = &sink_discord,
    [NOTIFY_TEAMS] = &sink_teams,         [NOTIFY_TELEGRAM] = &sink_telegram,
    [NOTIFY_PAGERDUTY] = &sink_pagerduty, [NOTIFY_NTFY] = &sink_ntfy,
    [NOTIFY_MAIL] = &sink_mail,           [NOTIFY_EXEC] = &sink_exec,
    [NOTIFY_SYSLOG] = &sink_syslog,
};

const struct sink_kind *sink_kind(enum notify_kind kind)
{
    ASSERT((size_t)kind < ARRAY_LEN(kinds) && (kind == NOTIFY_LOG || kinds[kind]));
    return kinds[kind];
}

size_t alert_message_count(const struct alert_message *m, enum alert_change change)
{
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++)
        count += m->notices[i].change == change;
    return count;
}

bool alert_message_is_over(const struct alert_message *m)
{
    return alert_message_count(m, ALERT_FIRED) == 0;
}

enum alert_severity alert_message_severity(const struct alert_message *m)
{
    bool is_over = alert_message_is_over(m);
    enum alert_severity worst = ALERT_NOTICE;
    for (size_t i = 0; i < m->count; i++)
        if (is_over || !notice_is_over(&m->notices[i]))
            worst = MIN(worst, m->notices[i].severity);
    return worst;
}

void outgoing_put_header(struct outgoing *out, const char *name, const char *value)
{
    ASSERT(!strpbrk(name, "\r\n"));
    buf_printf(&out->headers, "%s: ", name);
    for (const char *c = value; *c; c++) /* a line's end would be a field of somebody else's */
        buf_put_char(&out->headers, *c == '\r' || *c == '\n' ? ' ' : *c);
    buf_put_char(&out->headers, '\n');
}

void sink_answer_quote(struct sink_answer *a, struct str words)
{
    enum { QUOTE_BYTES_MAX = 120 };
    size_t len = strlen(a->text);
    words = utf8_cut(str_trim(words), QUOTE_BYTES_MAX);
    if (a->verdict == RETRY_DELIVERED || words.len == 0 || len + 2 + words.len >= sizeof(a->text))
        return;
    len += str_copy(a->text + len, sizeof(a->text) - len, len ? STR(": ") : STR(""));
    for (size_t i = 0; i < words.len; i++)
        a->text[len++] = (unsigned char)words.ptr[i] < 0x20 ? ' ' : words.ptr[i];
    a->text[len] = '\0';
}

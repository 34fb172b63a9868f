/* kind.c: the table of the kinds, and what their files have in common. See kind.h. */
#include "watch/notify/kind.h"

#include "base/macros.h"

static const struct sink_kind *const kinds[NOTIFY_KIND_COUNT] = {
    [NOTIFY_WEBHOOK] = &sink_webhook,
    [NOTIFY_ALERTMANAGER] = &sink_alertmanager,
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

/*
 * syslog_text.c: see syslog_text.h.
 *
 * RFC 5424 is what log servers read: year, zone, and UTF-8 that says so. At /dev/log the daemons of today
 * (journald, rsyslog) still expect what syslog(3) writes, which is RFC 3164 without the host.
 */
#include "watch/notify/syslog_text.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "watch/notify/text.h"

enum { HOST_BYTES_MAX = 255, MESSAGE_ID_BYTES_MAX = 32 }; /* RFC 5424 section 6 */

/* RFC 5424 table 2. */
static int severity_of(const struct alert_message *m)
{
    enum { CRITICAL = 2, WARNING = 4, NOTICE = 5, INFORMATIONAL = 6 };
    static const int of[] = {[ALERT_CRITICAL] = CRITICAL, [ALERT_WARNING] = WARNING, [ALERT_NOTICE] = NOTICE};
    return m->is_test || alert_message_is_over(m) ? INFORMATIONAL : of[alert_message_severity(m)];
}

/* Visible ASCII, or "-". */
static void put_name(const char *name, size_t bytes_max, struct buf *out)
{
    size_t start = out->len;
    for (const char *c = name; *c && out->len - start < bytes_max; c++)
        buf_put_char(out, *c > 0x20 && *c < 0x7F ? *c : '_');
    if (out->len == start)
        buf_put_char(out, '-');
}

static const char *host_of(const struct notice *n)
{
    const char *instance = notice_label(n, "instance");
    return instance ? instance : "";
}

static void put_head_5424(const struct alert_message *m, int priority, int pid, struct buf *out)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF"; /* what follows is UTF-8 */
    const struct notice *n = &m->notices[0];
    char time[CLOCK_RFC3339_BYTES];
    buf_printf(out, "<%d>1 %s ", priority, clock_format_rfc3339(time, m->wall_ns));
    put_name(host_of(n), HOST_BYTES_MAX, out);
    buf_printf(out, " weir %d ", pid);
    put_name(n->name, MESSAGE_ID_BYTES_MAX, out);
    buf_printf(out, " [origin software=\"weir\" swVersion=\"%s\"] %s", WEIR_VERSION, byte_order_mark);
}

/* "<28>Nov 26 17:45:00 host weir[123]: ", local time. */
static void put_head_3164(const struct alert_message *m, const struct config_syslog *config, int priority,
                          int pid, struct buf *out)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(m->wall_ns / NS_PER_S);
    struct tm t;
    localtime_r(&seconds, &t);
    buf_printf(out, "<%d>%s %2d %02d:%02d:%02d ", priority, months[t.tm_mon], t.tm_mday, t.tm_hour, t.tm_min,
               t.tm_sec);
    if (config->transport != SYSLOG_LOCAL) {
        put_name(host_of(&m->notices[0]), HOST_BYTES_MAX, out);
        buf_put_char(out, ' ');
    }
    buf_printf(out, "weir[%d]: ", pid);
}

static void put_message(const struct alert_message *m, const struct config_notify *config, struct buf *out)
{
    struct text_voice v = {.message = m, .words = &config->words, .put = text_put_plain};
    size_t start = out->len;
    text_write_title(&v, &m->notices[0], out);
    size_t title_end = out->len;
    buf_put(out, STR(": "));
    size_t text_start = out->len;
    text_write_text(&v, &m->notices[0], out);
    if (out->len == text_start)
        buf_cut(out, title_end);
    for (size_t i = start; i < out->len; i++)
        if ((unsigned char)out->ptr[i] < 0x20 || out->ptr[i] == 0x7F)
            out->ptr[i] = ' ';
}

void syslog_text_write(const struct alert_message *m, const struct config_notify *config, int pid,
                       size_t bytes_max, struct buf *out)
{
    enum { FACILITY_SHIFT = 3 };
    int priority = config->syslog.facility << FACILITY_SHIFT | severity_of(m);
    if (config->syslog.format == SYSLOG_RFC5424)
        put_head_5424(m, priority, pid, out);
    else
        put_head_3164(m, &config->syslog, priority, pid, out);
    put_message(m, config, out);
    buf_cut(out, utf8_cut(buf_str(out), bytes_max).len);
}

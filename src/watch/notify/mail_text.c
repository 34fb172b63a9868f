/*
 * mail_text.c: see mail_text.h.
 *
 * The body is quoted-printable: readable as it is for English, safe for Korean at servers without 8BITMIME,
 * and without lines beyond 76 characters. The domain of identifiers is that of the sender, since a machine's
 * own name need not be one of the world's.
 */
#include "watch/notify/mail_text.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/utf8.h"
#include "watch/notify/text.h"

#include <inttypes.h>

enum {
    LINE_MAX = 76,
    WORD_BYTES_MAX = 45, /* of text in an encoded word: 75 characters with its frame, in base64 */
    REFERENCES_MAX = 20,
    SUBJECT_UNITS_MAX = 200,
};

/* ---- encodings ---- */

static void put_base64(struct str s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = MIN(s.len - i, (size_t)3);
        uint32_t bits =
            (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
        buf_put_char(out, digits[bits >> 18]);
        buf_put_char(out, digits[bits >> 12 & 63]);
        buf_put_char(out, left > 1 ? digits[bits >> 6 & 63] : '=');
        buf_put_char(out, left > 2 ? digits[bits & 63] : '=');
    }
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7E)
            return false;
    return !str_starts_with(s, STR("=?"));
}

/* Folded before blanks; a word that is too long stays whole. */
static void fold(struct str s, size_t prefix_length, struct buf *out)
{
    size_t column = prefix_length;
    struct str word;
    for (bool is_first = true; str_split(&s, ' ', &word); is_first = false) {
        if (!is_first && word.len && column + 1 + word.len > LINE_MAX) {
            buf_put(out, STR("\r\n "));
            column = 1;
        } else if (!is_first) {
            buf_put_char(out, ' ');
            column++;
        }
        buf_put(out, word);
        column += word.len;
    }
}

void mail_text_encode(struct str text, size_t prefix_length, struct buf *out)
{
    if (is_plain(text)) {
        fold(text, prefix_length, out);
        return;
    }
    size_t room = WORD_BYTES_MAX - MIN(prefix_length / 4 * 3 + 3, (size_t)30); /* the first line is shorter */
    while (text.len) {
        struct str part = utf8_cut(text, room);
        buf_put(out, STR("=?UTF-8?B?"));
        put_base64(part, out);
        buf_put(out, STR("?="));
        text = str_n(text.ptr + part.len, text.len - part.len);
        if (text.len)
            buf_put(out, STR("\r\n "));
        room = WORD_BYTES_MAX;
    }
}

/* Whether this byte has to be written as =XX. */
static bool is_quoted(struct str text, size_t i)
{
    unsigned char c = (unsigned char)text.ptr[i];
    bool ends_line = i + 1 == text.len || text.ptr[i + 1] == '\n' || text.ptr[i + 1] == '\r';
    return c == '=' || c > 0x7E || (c < 0x20 && c != '\t') || ((c == ' ' || c == '\t') && ends_line);
}

void mail_text_quote(struct str text, struct buf *out)
{
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_end =
            text.ptr[i] == '\n' || (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n');
        if (is_end) {
            i += text.ptr[i] == '\r';
            buf_put(out, STR("\r\n"));
            column = 0;
            continue;
        }
        size_t width = is_quoted(text, i) ? 3 : 1;
        if (column + width > LINE_MAX - 1) {
            buf_put(out, STR("=\r\n"));
            column = 0;
        }
        if (width == 3)
            buf_printf(out, "=%02X", (unsigned)(unsigned char)text.ptr[i]);
        else
            buf_put_char(out, text.ptr[i]);
        column += width;
    }
    buf_put(out, STR("\r\n"));
}

/* ---- fields ---- */

static const char *domain_of(const struct config_notify *config)
{
    const char *at = strrchr(config->mail.from.ptr, '@');
    return at ? at + 1 : "localhost";
}

static void put_identifier(const struct notice *n, bool is_of_end, const struct config_notify *config,
                           struct buf *out)
{
    char key[NOTICE_KEY_BYTES];
    buf_printf(out, "<weir.%s%s@%s>", notice_format_key(n, key), is_of_end ? ".end" : "", domain_of(config));
}

/* The first alert's; the number of alerts tells a digest from the mail about that alert alone. */
static void put_message_id(const struct alert_message *m, const struct config_notify *config, struct buf *out)
{
    const struct notice *first = &m->notices[0];
    char key[NOTICE_KEY_BYTES];
    buf_put(out, STR("Message-ID: "));
    if (m->count == 1)
        put_identifier(first, notice_is_over(first), config, out);
    else
        buf_printf(out, "<weir.%s%s.%zu@%s>", notice_format_key(first, key),
                   notice_is_over(first) ? ".end" : "", m->count + m->left_out, domain_of(config));
    buf_put(out, STR("\r\n"));
}

/* To the firing of each alert that is over here. */
static void put_references(const struct alert_message *m, const struct config_notify *config, struct buf *out)
{
    size_t count = 0;
    CLEANUP(buf_fini) struct buf list = {0};
    for (size_t i = 0; i < m->count && count < REFERENCES_MAX; i++) {
        if (!notice_is_over(&m->notices[i]))
            continue;
        buf_put(&list, count++ ? STR("\r\n ") : STR(""));
        put_identifier(&m->notices[i], false, config, &list);
    }
    if (count == 0)
        return;
    buf_printf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", list.ptr, list.ptr);
}

/* "Thu, 26 Nov 2026 17:45:00 +0000", English whatever the language (RFC 5322 section 3.3). */
static void put_date(int64_t wall_ns, struct buf *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm t;
    gmtime_r(&seconds, &t);
    buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday], t.tm_mday,
               months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void put_recipients(const struct config_mail *mail, struct buf *out)
{
    buf_put(out, STR("To: "));
    for (size_t i = 0; i < mail->to.count; i++)
        buf_printf(out, "%s%.*s", i ? ",\r\n " : "", STR_ARG(mail->to.items[i]));
    buf_put(out, STR("\r\n"));
}

/* For programs that sort mail: what some mail clients show as urgent, and the severity. */
static void put_importance(const struct alert_message *m, struct buf *out)
{
    enum alert_severity severity = alert_message_severity(m);
    if (severity == ALERT_CRITICAL && !alert_message_is_over(m) && !m->is_test)
        buf_put(out, STR("Importance: high\r\n"));
    buf_printf(out, "X-Weir-Status: %s\r\nX-Weir-Severity: %s\r\n",
               alert_message_is_over(m) ? "resolved" : "firing", alert_severity_name(severity));
}

static void put_fields(const struct alert_message *m, const struct config_notify *config, struct str subject,
                       struct buf *out)
{
    buf_printf(out, "From: Weir <%.*s>\r\n", STR_ARG(config->mail.from));
    put_recipients(&config->mail, out);
    buf_put(out, STR("Subject: "));
    mail_text_encode(subject, strlen("Subject: "), out);
    buf_put(out, STR("\r\n"));
    put_date(m->wall_ns, out);
    put_message_id(m, config, out);
    put_references(m, config, out);
    buf_put(out, STR("Auto-Submitted: auto-generated\r\n")); /* RFC 3834: no "out of office" comes back */
    put_importance(m, out);
    buf_put(out, STR("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
}

/* ---- the whole ---- */

void mail_text_write(const struct alert_message *m, const struct config_notify *config, struct buf *out)
{
    struct text_voice v = {.message = m, .words = &config->words, .put = text_put_plain};
    CLEANUP(buf_fini) struct buf subject = {0};
    CLEANUP(buf_fini) struct buf body = {0};
    text_write_headline(&v, &subject);
    text_cut(&subject, 0, SUBJECT_UNITS_MAX);
    text_write_body(&v, &body);
    put_fields(m, config, buf_str(&subject), out);
    mail_text_quote(buf_str(&body), out);
}

/*
 * likely_secrets.c: see likely_secrets.h.
 *
 * Line by line, because the text need not be YAML. Hidden are
 * - what a URL has before an '@' and behind a '?', and behind its host too, unless the line belongs to a key
 * of the top level where addresses are no secrets: whatever stands below `notify`, and below keys that there
 * are not, may be the address of somebody's channel;
 * - the value of a key that is called like a secret, such as `password`. `password_file` is not: a path;
 * - what stands for the name of a variable (`token_env`) and is no such name.
 * Too much is no harm: only the picture of the line loses by it.
 */
#include "config/likely_secrets.h"

#include "config/schema.h"

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || c == '-';
}

static void hide(struct diagnostics *d, struct str part)
{
    if (part.len)
        diagnostics_hide(d, (size_t)(part.ptr - d->source.ptr), part.len);
}

/* ---- addresses ---- */

static struct str url_at(struct str rest)
{
    size_t n = 0;
    for (; n < rest.len; n++) {
        bool is_comma = rest.ptr[n] == ',' && (n + 1 == rest.len || rest.ptr[n + 1] == ' ');
        if (is_comma || memchr(" \t\r\"'<>[]{}|", rest.ptr[n], 11))
            break;
    }
    return str_n(rest.ptr, n);
}

static void hide_in_url(struct diagnostics *d, struct str url, bool may_be_path)
{
    size_t at = 0;
    if (str_find(url, '@', &at))
        hide(d, url);
    else if ((may_be_path && str_find(url, '/', &at)) || str_find(url, '?', &at))
        hide(d, str_n(url.ptr + at + 1, url.len - at - 1));
}

static void hide_urls(struct diagnostics *d, struct str line, bool may_be_path)
{
    for (size_t i = 0; i + 3 <= line.len; i++) {
        if (memcmp(line.ptr + i, "://", 3) != 0)
            continue;
        struct str url = url_at(str_n(line.ptr + i + 3, line.len - i - 3));
        hide_in_url(d, url, may_be_path);
        i += 2 + url.len;
    }
}

/* ---- keys ---- */

/* Whether `part` stands in `word`, whose dashes count as underscores. */
static bool has_part(struct str word, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= word.len; i++) {
        size_t same = 0;
        while (same < n && (word.ptr[i + same] == '-' ? '_' : ascii_lower(word.ptr[i + same])) == part[same])
            same++;
        if (same == n)
            return true;
    }
    return false;
}

static bool is_called_secret(struct str key)
{
    static const char *const parts[] = {"token",        "passw",           "passphrase",  "secret",
                                        "credential",   "api_key",         "apikey",      "access_key",
                                        "routing_key",  "integration_key", "service_key", "private_key",
                                        "authorization"};
    if (str_ends_with(key, STR("_file")) || str_ends_with(key, STR("_env")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (has_part(key, parts[i]))
            return true;
    return false;
}

/* What stands behind a colon: up to the other quote, or to where an unquoted scalar may end. */
static struct str value_at(struct str rest)
{
    size_t n = 0;
    char quote = rest.len && (rest.ptr[0] == '"' || rest.ptr[0] == '\'') ? rest.ptr[0] : '\0';
    if (quote) {
        for (n = 1; n < rest.len && rest.ptr[n] != quote; n++)
            n += rest.ptr[n] == '\\' && n + 1 < rest.len;
        return str_n(rest.ptr, MIN(n + 1, rest.len));
    }
    for (; n < rest.len; n++) {
        bool is_comma = rest.ptr[n] == ',' && (n + 1 == rest.len || rest.ptr[n + 1] == ' ');
        bool is_comment = rest.ptr[n] == ' ' && n + 1 < rest.len && rest.ptr[n + 1] == '#';
        if (is_comma || is_comment || rest.ptr[n] == '}' || rest.ptr[n] == '\r')
            break;
    }
    return str_trim(str_n(rest.ptr, n));
}

/* NAME, also as a shell writes it: that is a mistake, but no secret. */
static bool is_variable_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '-' || !(is_word(s.ptr[i]) || (i == 0 && s.ptr[i] == '$')))
            return false;
    return true;
}

/* `colon` is behind a key, which may be quoted. Returns where to go on. */
static size_t hide_value(struct diagnostics *d, struct str line, size_t colon)
{
    size_t end = colon;
    while (end > 0 && strchr(" \"'", line.ptr[end - 1]))
        end--;
    size_t begin = end;
    while (begin > 0 && is_word(line.ptr[begin - 1]))
        begin--;
    struct str key = str_n(line.ptr + begin, end - begin);
    bool is_variable = str_ends_with(key, STR("_env"));
    if (!is_variable && !is_called_secret(key))
        return colon + 1;
    struct str value = value_at(str_trim(str_n(line.ptr + colon + 1, line.len - colon - 1)));
    bool is_scalar = value.len && value.ptr[0] != '{' && value.ptr[0] != '[';
    if (!is_scalar || (is_variable && is_variable_name(value)))
        return colon + 1;
    hide(d, value);
    return (size_t)(value.ptr - line.ptr) + value.len;
}

static void hide_values(struct diagnostics *d, struct str line)
{
    for (size_t i = 1; i < line.len;)
        i = line.ptr[i] == ':' ? hide_value(d, line, i) : i + 1;
}

/* ---- lines ---- */

/* Whether `line` begins a key of the top level, and whether what is below it may be addresses of channels. */
static bool begins_section(struct str line, bool *ret_has_channels)
{
    size_t colon;
    if (line.len == 0 || strchr(" \t\r#-", line.ptr[0]))
        return false;
    bool is_known = str_find(line, ':', &colon) && schema_find(&schema_root, str_n(line.ptr, colon));
    *ret_has_channels = !is_known || str_eq(str_n(line.ptr, colon), STR("notify"));
    return true;
}

void likely_secrets_hide(struct diagnostics *d)
{
    struct str rest = d->source, line;
    bool has_channels = true;
    while (str_split(&rest, '\n', &line)) {
        (void)begins_section(line, &has_channels);
        hide_urls(d, line, has_channels);
        hide_values(d, line);
    }
}

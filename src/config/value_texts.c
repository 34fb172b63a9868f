/* value_texts.c: see values.h. Texts, words, names, paths, and words out of a list. */
#include "config/values_priv.h"

#include "base/macros.h"

#include <assert.h>

enum { NAME_BYTES_MAX = 48 };

void value_put_quoted(struct str text, struct buf *out)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            buf_printf(out, "\\x%02x", c);
        else
            buf_put_char(out, (char)c);
    }
    buf_put_char(out, '"');
}

static bool is_bare(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '/' || c == '-' || c == '.' || c == '_';
}

bool value_format_text(const struct schema_key *k, const void *target, struct buf *out)
{
    const struct str *text = target;
    bool is_absent = text->len == 0 && (k->type != VALUE_TEXT || k->shape == SHAPE_ONE);
    if (is_absent)
        return false;
    if (text->len && str_has_only(*text, is_bare) && text->ptr[0] != '-' && text->ptr[0] != '.')
        buf_put(out, *text);
    else
        value_put_quoted(*text, out);
    return true;
}

enum value_outcome value_keep_text(struct str text, struct arena *arena, void *target)
{
    *(struct str *)target = arena_copy_str(arena, text);
    return VALUE_OK;
}

static enum value_outcome parse_text(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    if (text.len && memchr(text.ptr, '\0', text.len))
        return value_wrong(hint, "it must not hold a NUL byte");
    return value_keep_text(text, arena, target);
}

static enum value_outcome parse_word(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    if (text.len == 0 || !str_has_only(text, value_is_visible))
        return value_wrong(hint, "a word without blanks");
    return value_keep_text(text, arena, target);
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '-';
}

static enum value_outcome parse_name(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    if (text.len == 0 || text.len > NAME_BYTES_MAX || !str_has_only(text, is_name_character) ||
        text.ptr[0] == '-')
        return value_wrong(hint,
                           "small letters, digits and hyphens, at most 48 of them, the first no hyphen");
    return value_keep_text(text, arena, target);
}

static bool is_label_character(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '_' || c == '-';
}

static enum value_outcome parse_label(const struct schema_key *k, struct str text, struct arena *arena,
                                      void *target, struct err *hint)
{
    if (text.len == 0 || text.len > NAME_BYTES_MAX || !str_has_only(text, is_label_character) ||
        text.ptr[0] == '-')
        return value_wrong(hint, "letters, digits, '_' and '-', at most 48 of them, the first no '-'");
    return value_keep_text(text, arena, target);
}

static bool is_variable_character(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '_';
}

static enum value_outcome parse_variable(const struct schema_key *k, struct str text, struct arena *arena,
                                         void *target, struct err *hint)
{
    if (text.len == 0 || ascii_is_digit(text.ptr[0]) || !str_has_only(text, is_variable_character))
        return value_wrong(hint, "letters, digits and underscores, such as DATABASE_URL");
    return value_keep_text(text, arena, target);
}

static enum value_outcome parse_file(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    enum { FILE_BYTES_MAX = 4095 };
    if (text.len == 0 || text.len > FILE_BYTES_MAX || memchr(text.ptr, '\0', text.len))
        return value_wrong(hint, "a path such as /etc/weir/token");
    if (k->type == VALUE_FULL_FILE && text.ptr[0] != '/')
        return value_wrong(hint, "it begins with /");
    return value_keep_text(text, arena, target);
}

static enum value_outcome parse_path(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    enum { PATH_BYTES_MAX = 1024 };
    size_t at;
    if (text.len == 0 || text.ptr[0] != '/')
        return value_wrong(hint, "it begins with /");
    if (text.len > PATH_BYTES_MAX)
        return value_wrong(hint, "at most 1024 bytes");
    if (!str_has_only(text, value_is_visible))
        return value_wrong(hint, "blanks and letters beyond ASCII are written percent-encoded, such as %20");
    if (str_find(text, '#', &at) || (k->type == VALUE_PATH && str_find(text, '?', &at)))
        return value_wrong(hint, k->type == VALUE_PATH ? "without ? and #" : "without #");
    return value_keep_text(text, arena, target);
}

static enum value_outcome parse_choice(const struct schema_key *k, struct str text, struct arena *arena,
                                       void *target, struct err *hint)
{
    enum { CHOICES_MAX = 16 };
    const char *names[CHOICES_MAX];
    size_t count = 0;
    CLEANUP(buf_fini) struct buf all = {0};
    for (const struct schema_choice *c = k->choices; c->name && count < CHOICES_MAX; c++) {
        if (str_eq(text, str_of(c->name))) {
            *(int *)target = c->value;
            return VALUE_OK;
        }
        buf_printf(&all, "%s%s", count ? ", " : "", c->name);
        names[count++] = c->name;
    }
    const char *nearest = str_nearest(text, names, count);
    if (nearest)
        (void)err_set(hint, "did you mean '%s'?", nearest);
    else
        (void)err_set(hint, "one of: %.*s", STR_ARG(buf_str(&all)));
    return VALUE_WRONG;
}

static bool format_choice(const struct schema_key *k, const void *target, struct buf *out)
{
    for (const struct schema_choice *c = k->choices; c->name; c++) {
        if (c->value != *(const int *)target)
            continue;
        buf_put(out, str_of(c->name));
        return true;
    }
    return false;
}

static_assert(sizeof(enum schema_shape) == sizeof(int), "choices are written as int");

const struct value_row value_texts[VALUE_TYPE_COUNT] = {
    [VALUE_TEXT] = {"a text", "texts", parse_text, value_format_text},
    [VALUE_WORD] = {"a word", "words", parse_word, value_format_text},
    [VALUE_NAME] = {"a name", "names", parse_name, value_format_text},
    [VALUE_LABEL] = {"a label", "labels", parse_label, value_format_text},
    [VALUE_VARIABLE] = {"the name of a variable", "names of variables", parse_variable, value_format_text},
    [VALUE_FILE] = {"a file path", "file paths", parse_file, value_format_text},
    [VALUE_FULL_FILE] = {"an absolute file path", "absolute file paths", parse_file, value_format_text},
    [VALUE_PATH] = {"a URL path", "URL paths", parse_path, value_format_text},
    [VALUE_TARGET] = {"a URL path", "URL paths", parse_path, value_format_text},
    [VALUE_CHOICE] = {"a word", "words", parse_choice, format_choice},
};

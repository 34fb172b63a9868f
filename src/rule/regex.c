/*
 * regex.c: see regex.h.
 *
 * A pattern becomes a small program, and a text goes through it once, with all places of the program that it
 * may be at (Thompson's construction): so no pattern takes long, whoever wrote it. The C library's regcomp()
 * was rejected: `(((a+)+)+)+` and counts in braces take it any memory there is, and back references any time.
 *
 * 1. Jumps are relative, and none leads into a block from outside: a block can be moved to make room before
 *    it.
 * 2. A byte of the pattern makes two instructions and four ranges at most (`|` and `+`; `\w`), so a program's
 *    size is known before.
 */
#include "rule/regex.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { CODE_MAX = 2 * REGEX_BYTES_MAX + 2, RANGES_MAX = 4 * REGEX_BYTES_MAX };

enum operation {
    ONE,   /* the character `character` */
    ANY,   /* one of any kind */
    CLASS, /* one of the ranges [first, first + count), or none of them */
    SPLIT, /* goes on at both */
    JUMP,
    BEGIN,
    END,
    DONE,
};

struct instruction {
    enum operation operation;
    int16_t to, or_to; /* relative */
    uint16_t first, count;
    bool is_none_of;
    uint32_t character;
};

struct range {
    uint32_t first, last;
};

struct regex {
    size_t code_count, range_count;
    struct range *ranges; /* behind the code, in the same block */
    struct instruction code[];
};

struct parser {
    struct str text;
    size_t at, depth;
    struct regex_mistake mistake;
    size_t code_count, range_count;
    struct instruction code[CODE_MAX];
    struct range ranges[RANGES_MAX];
};

/* ---- characters ---- */

/* What is no UTF-8 is a byte by itself, beyond all characters. */
static uint32_t take_character(struct str text, size_t *at)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *bytes = (const unsigned char *)text.ptr + *at;
    size_t length = utf8_sequence(str_n(text.ptr + *at, text.len - *at));
    if (length == 0) {
        (*at)++;
        return 0x110000u + bytes[0];
    }
    uint32_t character = bytes[0] & masks[length];
    for (size_t i = 1; i < length; i++)
        character = character << 6 | (bytes[i] & 0x3fu);
    *at += length;
    return character;
}

/* ---- writing the program ---- */

static bool refuse(struct parser *p, size_t at, const char *text)
{
    p->mistake = (struct regex_mistake){.at = at, .text = text};
    return false;
}

static void emit(struct parser *p, struct instruction i)
{
    ASSERT(p->code_count < CODE_MAX);
    p->code[p->code_count++] = i;
}

static void insert(struct parser *p, size_t place, struct instruction i)
{
    ASSERT(p->code_count < CODE_MAX);
    memmove(&p->code[place + 1], &p->code[place], (p->code_count - place) * sizeof(i));
    p->code[place] = i;
    p->code_count++;
}

static void add_range(struct parser *p, uint32_t first, uint32_t last)
{
    ASSERT(p->range_count < RANGES_MAX);
    p->ranges[p->range_count++] = (struct range){first, last};
}

/* ---- reading ---- */

static bool has_more(const struct parser *p)
{
    return p->at < p->text.len;
}

static bool take(struct parser *p, char c)
{
    bool is_there = has_more(p) && p->text.ptr[p->at] == c;
    p->at += is_there;
    return is_there;
}

static bool add_named(struct parser *p, char name)
{
    if (name == 'd') {
        add_range(p, '0', '9');
        return true;
    }
    if (name == 's') {
        add_range(p, '\t', '\n');
        add_range(p, '\f', '\r');
        add_range(p, ' ', ' ');
        return true;
    }
    if (name != 'w')
        return false;
    add_range(p, '0', '9');
    add_range(p, 'A', 'Z');
    add_range(p, 'a', 'z');
    add_range(p, '_', '_');
    return true;
}

static bool is_sign(char c)
{
    return (unsigned char)c < 0x80 && c > ' ' && c != 0x7f && !ascii_is_letter(c) && !ascii_is_digit(c);
}

/* Behind the backslash. */
static bool parse_escape(struct parser *p)
{
    static const char *const unknown = "only \\d, \\w, \\s, \\D, \\W, \\S and signs stand behind a backslash";
    size_t first = p->range_count, begin = p->at - 1;
    if (!has_more(p))
        return refuse(p, begin, "a backslash with nothing behind it");
    char c = p->text.ptr[p->at++];
    if (is_sign(c)) {
        emit(p, (struct instruction){.operation = ONE, .character = (unsigned char)c});
        return true;
    }
    if (!add_named(p, ascii_lower(c)))
        return refuse(p, begin, unknown);
    emit(p, (struct instruction){.operation = CLASS,
                                 .first = (uint16_t)first,
                                 .count = (uint16_t)(p->range_count - first),
                                 .is_none_of = c != ascii_lower(c)});
    return true;
}

/* One character of a class, or a named class, of which *ret_is_named tells. */
static bool parse_member(struct parser *p, uint32_t *ret_character, bool *ret_is_named)
{
    size_t begin = p->at;
    *ret_is_named = false;
    if (!take(p, '\\')) {
        if (p->text.ptr[p->at] == '[' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == ':')
            return refuse(p, begin, "classes by name are not known; write their characters");
        *ret_character = take_character(p->text, &p->at);
        return true;
    }
    if (!has_more(p))
        return refuse(p, begin, "a backslash with nothing behind it");
    char c = p->text.ptr[p->at++];
    *ret_character = (unsigned char)c;
    if (is_sign(c))
        return true;
    *ret_is_named = add_named(p, c);
    return *ret_is_named || refuse(p, begin, "only \\d, \\w, \\s and signs stand behind a backslash here");
}

static bool parse_range(struct parser *p)
{
    size_t begin = p->at;
    uint32_t first, last;
    bool is_named;
    if (!parse_member(p, &first, &is_named) || is_named)
        return is_named;
    bool is_range = p->at + 1 < p->text.len && p->text.ptr[p->at] == '-' && p->text.ptr[p->at + 1] != ']';
    if (!is_range) {
        add_range(p, first, first);
        return true;
    }
    p->at++;
    if (!parse_member(p, &last, &is_named))
        return false;
    if (is_named || last < first)
        return refuse(p, begin, "a range goes from a character to a later one");
    add_range(p, first, last);
    return true;
}

/* Behind the bracket. A `]` that comes first is a member. */
static bool parse_class(struct parser *p)
{
    size_t begin = p->at - 1, first = p->range_count;
    bool is_none_of = take(p, '^');
    for (bool is_first = true; is_first || !take(p, ']'); is_first = false) {
        if (!has_more(p))
            return refuse(p, begin, "this bracket is not closed");
        if (!parse_range(p))
            return false;
    }
    emit(p, (struct instruction){.operation = CLASS,
                                 .first = (uint16_t)first,
                                 .count = (uint16_t)(p->range_count - first),
                                 .is_none_of = is_none_of});
    return true;
}

static bool parse_choice(struct parser *p);

/* Behind the parenthesis. */
static bool parse_group(struct parser *p)
{
    size_t begin = p->at - 1;
    if (p->depth == REGEX_DEPTH_MAX)
        return refuse(p, begin, "groups are nested too deep here");
    if (take(p, '?') && !take(p, ':'))
        return refuse(p, begin, "of what begins with `(?` only `(?:` is known");
    p->depth++;
    if (!parse_choice(p))
        return false;
    p->depth--;
    return take(p, ')') || refuse(p, begin, "this group is not closed");
}

static bool parse_atom(struct parser *p)
{
    size_t begin = p->at;
    if (take(p, '('))
        return parse_group(p);
    if (take(p, '['))
        return parse_class(p);
    if (take(p, '\\'))
        return parse_escape(p);
    if (strchr("*+?", p->text.ptr[begin]) && p->text.ptr[begin])
        return refuse(p, begin, "there is nothing before this that could be repeated");
    if (p->text.ptr[begin] == '{')
        return refuse(p, begin, "counts in braces are not known; a brace itself is \\{");
    if (take(p, '.'))
        emit(p, (struct instruction){.operation = ANY});
    else if (take(p, '^'))
        emit(p, (struct instruction){.operation = BEGIN});
    else if (take(p, '$'))
        emit(p, (struct instruction){.operation = END});
    else
        emit(p, (struct instruction){.operation = ONE, .character = take_character(p->text, &p->at)});
    return true;
}

/* Whether a repetition is greedy makes no difference to what fits as a whole. */
static bool parse_piece(struct parser *p)
{
    size_t start = p->code_count;
    if (!parse_atom(p))
        return false;
    int16_t length = (int16_t)(p->code_count - start);
    size_t sign = p->at;
    if (take(p, '*')) {
        insert(p, start, (struct instruction){.operation = SPLIT, .to = 1, .or_to = (int16_t)(length + 2)});
        emit(p, (struct instruction){.operation = JUMP, .to = (int16_t)(-length - 1)});
    } else if (take(p, '+')) {
        emit(p, (struct instruction){.operation = SPLIT, .to = (int16_t)-length, .or_to = 1});
    } else if (take(p, '?')) {
        insert(p, start, (struct instruction){.operation = SPLIT, .to = 1, .or_to = (int16_t)(length + 1)});
    }
    if (p->at > sign)
        (void)take(p, '?');
    if (has_more(p) && p->text.ptr[p->at] == '{')
        return refuse(p, p->at, "counts in braces are not known; a brace itself is \\{");
    if (p->at > sign && has_more(p) && strchr("*+?", p->text.ptr[p->at]) && p->text.ptr[p->at])
        return refuse(p, p->at, "this is repeated already");
    return true;
}

static bool parse_pieces(struct parser *p)
{
    while (has_more(p) && p->text.ptr[p->at] != '|' && p->text.ptr[p->at] != ')')
        if (!parse_piece(p))
            return false;
    return true;
}

static bool parse_choice(struct parser *p)
{
    size_t start = p->code_count;
    if (!parse_pieces(p))
        return false;
    while (take(p, '|')) {
        int16_t length = (int16_t)(p->code_count - start);
        insert(p, start, (struct instruction){.operation = SPLIT, .to = 1, .or_to = (int16_t)(length + 2)});
        size_t jump = p->code_count;
        emit(p, (struct instruction){.operation = JUMP});
        if (!parse_pieces(p))
            return false;
        p->code[jump].to = (int16_t)(p->code_count - jump);
    }
    return true;
}

static bool parse(struct parser *p)
{
    if (p->text.len > REGEX_BYTES_MAX)
        return refuse(p, REGEX_BYTES_MAX, "a regular expression has 256 bytes at most");
    if (!parse_choice(p))
        return false;
    if (has_more(p))
        return refuse(p, p->at, "there is no group that this could close");
    emit(p, (struct instruction){.operation = DONE});
    return true;
}

static struct regex *take_program(const struct parser *p)
{
    size_t code_bytes = p->code_count * sizeof(struct instruction);
    size_t range_bytes = p->range_count * sizeof(struct range);
    struct regex *new = mem_alloc(sizeof(struct regex) + code_bytes + range_bytes);
    new->code_count = p->code_count;
    new->range_count = p->range_count;
    memcpy(new->code, p->code, code_bytes);
    new->ranges = (struct range *)(void *)((char *)new->code + code_bytes);
    memcpy(new->ranges, p->ranges, range_bytes);
    return new;
}

struct regex *regex_new(struct str text, struct regex_mistake *ret_mistake)
{
    struct parser *p = NEW(struct parser); /* large */
    struct regex *new = NULL;
    p->text = text;
    if (parse(p))
        new = take_program(p);
    else
        *ret_mistake = p->mistake;
    free(p);
    return new;
}

void regex_free(struct regex *p)
{
    free(p);
}

/* ---- a text's way ---- */

/* The places where it may be, each once. */
struct places {
    size_t count;
    uint16_t items[CODE_MAX];
    uint32_t seen_at[CODE_MAX]; /* the step after which it was put, plus one */
};

struct run {
    const struct regex *pattern;
    bool is_begin, is_end;
    uint32_t step;
    uint16_t open[2 * CODE_MAX]; /* still to be followed */
};

static bool is_of_class(const struct regex *p, const struct instruction *i, uint32_t character)
{
    bool is_in = false;
    for (size_t k = i->first; k < (size_t)i->first + i->count && !is_in; k++)
        is_in = character >= p->ranges[k].first && character <= p->ranges[k].last;
    return is_in != i->is_none_of;
}

static bool takes(const struct regex *p, const struct instruction *i, uint32_t character)
{
    switch (i->operation) {
    case ONE:
        return i->character == character;
    case ANY:
        return true;
    case CLASS:
        return is_of_class(p, i, character);
    default:
        return false;
    }
}

/* The place and all that are reached from it without a character. */
static void put_place(struct run *r, struct places *out, size_t place)
{
    size_t count = 0;
    r->open[count++] = (uint16_t)place;
    while (count) {
        uint16_t at = r->open[--count];
        const struct instruction *i = &r->pattern->code[at];
        if (out->seen_at[at] == r->step + 1)
            continue;
        out->seen_at[at] = r->step + 1;
        out->items[out->count++] = at;
        if (i->operation == SPLIT)
            r->open[count++] = (uint16_t)(at + i->or_to);
        if (i->operation == SPLIT || i->operation == JUMP)
            r->open[count++] = (uint16_t)(at + i->to);
        if ((i->operation == BEGIN && r->is_begin) || (i->operation == END && r->is_end))
            r->open[count++] = (uint16_t)(at + 1);
    }
}

bool regex_fits(const struct regex *p, struct str text)
{
    struct places lists[2] = {{0}, {0}};
    struct places *now = &lists[0], *next = &lists[1];
    struct run r = {.pattern = p, .is_begin = true, .is_end = text.len == 0};
    put_place(&r, now, 0);
    for (size_t at = 0; at < text.len && now->count;) {
        uint32_t character = take_character(text, &at);
        r.step++;
        r.is_begin = false;
        r.is_end = at == text.len;
        next->count = 0;
        for (size_t i = 0; i < now->count; i++)
            if (takes(p, &p->code[now->items[i]], character))
                put_place(&r, next, now->items[i] + 1u);
        struct places *swap = now;
        now = next;
        next = swap;
    }
    for (size_t i = 0; i < now->count; i++)
        if (p->code[now->items[i]].operation == DONE)
            return true;
    return false;
}

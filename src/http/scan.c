/*
 * scan.c: one table of byte classes, and one loop that looks at eight bytes at a time, because field values
 * are most of a head.
 */
#include "http/scan.h"

#include <endian.h>

/* clang-format off */
#define LETTER (CHAR_TOKEN | CHAR_PLAIN | CHAR_TARGET | CHAR_HOST | CHAR_QUOTED | CHAR_ID)
#define TEXT   (CHAR_TARGET | CHAR_QUOTED)              /* punctuation that is no tchar */
#define MARK   (CHAR_TOKEN | CHAR_TARGET | CHAR_QUOTED) /* punctuation that is a tchar */

const uint8_t char_classes[256] = {
    ['\t'] = CHAR_QUOTED, [' '] = CHAR_QUOTED,
    ['a' ... 'f'] = LETTER | CHAR_HEX, ['g' ... 'z'] = LETTER,
    ['A' ... 'F'] = LETTER | CHAR_HEX, ['G' ... 'Z'] = LETTER,
    ['0' ... '9'] = LETTER | CHAR_HEX | CHAR_DIGIT,
    ['-'] = LETTER,
    ['.'] = MARK | CHAR_HOST | CHAR_ID, ['_'] = MARK | CHAR_HOST | CHAR_ID, ['~'] = MARK | CHAR_HOST,
    ['!'] = MARK, ['$'] = MARK, ['%'] = MARK, ['&'] = MARK, ['\''] = MARK, ['*'] = MARK, ['+'] = MARK,
    ['^'] = MARK, ['`'] = MARK, ['|'] = MARK,
    ['#'] = CHAR_TOKEN | CHAR_QUOTED,
    ['('] = TEXT, [')'] = TEXT, [','] = TEXT, ['/'] = TEXT, [':'] = TEXT, [';'] = TEXT, ['='] = TEXT,
    ['?'] = TEXT, ['@'] = TEXT, ['['] = TEXT, [']'] = TEXT, ['{'] = TEXT, ['}'] = TEXT,
    ['<'] = CHAR_QUOTED, ['>'] = CHAR_QUOTED,
    [0x80 ... 0xff] = CHAR_QUOTED,
};
/* clang-format on */

static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/*
 * A word with the high bit set in (at least) the first byte of `word` that is below 0x20 or 0x7f. Borrows may
 * mark bytes behind the first one wrongly, so only the first counts.
 */
static uint64_t mark_controls(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t low = (word - ones * 0x20) & ~word;
    uint64_t is_del = word ^ (ones * 0x7f);
    return (low | ((is_del - ones) & ~is_del)) & highs;
}

const char *scan_value(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        uint64_t marks = mark_controls(le64toh(word));
        if (!marks) {
            p += 8;
            continue;
        }
        p += __builtin_ctzll(marks) / 8;
        if (*p != '\t')
            return p;
        p++;
    }
    while (p < end && !is_control((uint8_t)*p))
        p++;
    return p;
}

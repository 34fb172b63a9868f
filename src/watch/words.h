/*
 * words.h: lines and words of the texts in /proc and /sys, cut off one after the other. Pure.
 *
 * Words are cut at spaces and tabs. Every function leaves what it has not taken in *rest.
 */
#pragma once
#include "base/str.h"

static inline bool words_next_line(struct str *rest, struct str *ret_line)
{
    if (rest->len == 0)
        return false;
    return str_split(rest, '\n', ret_line);
}

/* Empty when there is none left. */
static inline struct str words_next(struct str *line)
{
    size_t start = 0;
    while (start < line->len && (line->ptr[start] == ' ' || line->ptr[start] == '\t'))
        start++;
    size_t end = start;
    while (end < line->len && line->ptr[end] != ' ' && line->ptr[end] != '\t')
        end++;
    struct str word = str_n(line->ptr + start, end - start);
    *line = str_n(line->ptr + end, line->len - end);
    return word;
}

static inline bool words_next_number(struct str *line, uint64_t *ret_value)
{
    return str_parse_u64(words_next(line), ret_value);
}

/* "key 12" with anything as the separator; false: there is no such character in the line. */
static inline bool words_split_at(struct str line, char separator, struct str *ret_before,
                                  struct str *ret_after)
{
    size_t at;
    if (!str_find(line, separator, &at))
        return false;
    *ret_before = str_n(line.ptr, at);
    *ret_after = str_n(line.ptr + at + 1, line.len - at - 1);
    return true;
}

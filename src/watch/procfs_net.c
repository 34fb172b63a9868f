/* procfs_net.c: see procfs_net.h. */
#include "watch/procfs_net.h"

#include "watch/words.h"

/* "  eth0: 124666862 3473 0 0 0 0 0 0 152715 2092 0 0 0 0 0 0"; some kernels print no space after the colon.
 */
static bool parse_interface(struct str line, struct interface_line *ret_line)
{
    enum { BYTES, PACKETS, ERRORS, DROPS, DIRECTION_COLUMNS = 8, COLUMN_COUNT = 2 * DIRECTION_COLUMNS };
    uint64_t columns[COLUMN_COUNT];
    const uint64_t *sent = columns + DIRECTION_COLUMNS;
    struct str name, numbers;
    if (!words_split_at(line, ':', &name, &numbers))
        return false;
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (!words_next_number(&numbers, &columns[i]))
            return false;
    name = str_trim(name);
    if (name.len == 0)
        return false;
    *ret_line = (struct interface_line){.name = name,
                                        .received_bytes = columns[BYTES],
                                        .received_packets = columns[PACKETS],
                                        .received_errors = columns[ERRORS],
                                        .received_drops = columns[DROPS],
                                        .sent_bytes = sent[BYTES],
                                        .sent_packets = sent[PACKETS],
                                        .sent_errors = sent[ERRORS],
                                        .sent_drops = sent[DROPS]};
    return true;
}

bool procfs_next_interface(struct str *rest, struct interface_line *ret_line)
{
    struct str line;
    while (words_next_line(rest, &line))
        if (parse_interface(line, ret_line))
            return true;
    return false;
}

/* The rest of the next line that begins with "PROTOCOL:". */
static bool find_protocol(struct str *text, struct str protocol, struct str *ret_rest)
{
    struct str line, before;
    while (words_next_line(text, &line))
        if (words_split_at(line, ':', &before, ret_rest) && str_eq(before, protocol))
            return true;
    return false;
}

bool procfs_find_column(struct str text, struct str protocol, struct str name, uint64_t *ret_value)
{
    struct str names, values, word;
    if (!find_protocol(&text, protocol, &names) || !find_protocol(&text, protocol, &values))
        return false;
    while ((word = words_next(&names)).len) {
        struct str value = words_next(&values);
        if (str_eq(word, name))
            return str_parse_u64(value, ret_value);
    }
    return false;
}

bool procfs_find_pair(struct str text, struct str protocol, struct str name, uint64_t *ret_value)
{
    struct str pairs, word;
    if (!find_protocol(&text, protocol, &pairs))
        return false;
    while ((word = words_next(&pairs)).len) {
        struct str value = words_next(&pairs);
        if (str_eq(word, name))
            return str_parse_u64(value, ret_value);
    }
    return false;
}

static struct str first_line(struct str text)
{
    struct str line = {"", 0};
    (void)words_next_line(&text, &line);
    return line;
}

bool procfs_parse_port_range(struct str text, uint16_t *ret_first, uint16_t *ret_last)
{
    struct str line = first_line(text);
    uint64_t first, last;
    if (!words_next_number(&line, &first) || !words_next_number(&line, &last) || first > last ||
        last > UINT16_MAX)
        return false;
    *ret_first = (uint16_t)first;
    *ret_last = (uint16_t)last;
    return true;
}

bool procfs_parse_file_count(struct str text, uint64_t *ret_open, uint64_t *ret_max)
{
    struct str line = first_line(text);
    uint64_t allocated, unused, max;
    if (!words_next_number(&line, &allocated) || !words_next_number(&line, &unused) ||
        !words_next_number(&line, &max) || max == 0)
        return false;
    *ret_open = allocated > unused ? allocated - unused : 0;
    *ret_max = max;
    return true;
}

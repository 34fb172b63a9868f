/*
 * Strict on purpose: a list in which one line is wrong is a mistake of somebody, and balancing over half of a
 * list would hide it. Whoever calls keeps the last good list meanwhile.
 *
 * JSON is told from lines by its first two characters, because `[::1]:8000` begins with a bracket, too.
 */
#include "provider/address_list.h"

#include "base/mem.h"
#include "net/json_value.h"

#include <stdlib.h>

enum { SHOWN_BYTES = 64 };

/* What was written, for a message: cut, and without what could disturb a terminal. */
static const char *shown(char out[SHOWN_BYTES], struct str text)
{
    str_copy(out, SHOWN_BYTES, text);
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    return out;
}

static bool is_wildcard(const struct addr *a)
{
    return (a->any.sa_family == AF_INET && a->in4.sin_addr.s_addr == INADDR_ANY) ||
           (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr));
}

static bool is_name(struct str text) /* letters, but neither an IPv6 address nor a path */
{
    bool has_letter = false;
    if (text.len == 0 || text.ptr[0] == '[' || str_starts_with(text, STR("unix:")))
        return false;
    for (size_t i = 0; i < text.len; i++)
        has_letter |= ascii_is_letter(text.ptr[i]);
    return has_letter;
}

static bool has_strange_byte(
    struct str text) /* which no path of a socket needs; `#` begins a comment in lines */
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F || text.ptr[i] == '#')
            return true;
    return false;
}

static void put(struct address_list *list, const struct addr *a) /* its room is always a power of two */
{
    bool is_full = (list->count & (list->count - 1)) == 0;
    if (is_full)
        list->addresses = mem_realloc(list->addresses, sizeof(*a) * 2 * MAX(list->count, 1u));
    list->addresses[list->count++] = *a;
}

static bool add(struct address_list *list, struct str text, struct err *err)
{
    char out[SHOWN_BYTES];
    struct addr a;
    const char *problem;
    size_t at;
    if (list->count == ADDRESS_LIST_MAX)
        return err_set(err, "more than %d addresses", ADDRESS_LIST_MAX);
    if (str_find(text, ' ', &at) || str_find(text, '\t', &at) || str_find(text, ',', &at))
        return err_set(err, "'%s': one address a line", shown(out, text));
    if (has_strange_byte(text))
        return err_set(err, "'%s': a control character or '#' is in it", shown(out, text));
    if (!addr_parse(text, &a, &problem))
        return err_set(err, "'%s': %s", shown(out, text),
                       is_name(text) ? "an address is a number and a port, such as 10.0.0.1:8000; names are "
                                       "looked up with 'discover: {dns: NAME}'"
                                     : problem);
    if (is_wildcard(&a))
        return err_set(err, "'%s': a server's address needs a host, such as 10.0.0.1:8000", shown(out, text));
    if (a.any.sa_family != AF_UNIX && addr_port(&a) == 0)
        return err_set(err, "'%s': a port is a number from 1 to 65535", shown(out, text));
    put(list, &a);
    return true;
}

/* ---- lines ---- */

static struct str without_comment(struct str line)
{
    size_t at;
    if (str_find(line, '#', &at))
        line.len = at;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return str_trim(line);
}

static bool parse_lines(struct str text, struct address_list *list, uint32_t *ret_line, struct err *err)
{
    struct str rest = text, line;
    list->is_cut = text.len && text.ptr[text.len - 1] != '\n';
    for (uint32_t number = 1; str_split(&rest, '\n', &line); number++) {
        struct str address = without_comment(line);
        *ret_line = number;
        if (address.len && !add(list, address, err))
            return false;
    }
    return true;
}

/* ---- JSON ---- */

/* The tree does not know its lines: the first one that holds the text in quotes is where it is, or was copied
 * from. */
static uint32_t line_with(struct str text, const char *value)
{
    uint32_t line = 1;
    const char *at = value[0] ? memmem(text.ptr, text.len, value, strlen(value)) : NULL;
    for (const char *c = text.ptr; at && c < at; c++)
        line += *c == '\n';
    return at ? line : 0;
}

static bool add_items(const struct json_value *array, struct str text, struct address_list *list,
                      uint32_t *ret_line, struct err *err)
{
    for (size_t i = 0; i < json_value_count(array); i++) {
        const char *address = json_value_as_text(json_value_at(array, i));
        *ret_line = address ? line_with(text, address) : 0;
        if (!address)
            return err_set(err, "item %zu is no text: addresses are written \"10.0.0.1:8000\"", i + 1);
        if (!add(list, str_of(address), err))
            return false;
    }
    return true;
}

static bool add_group(const struct json_value *group, size_t number, struct str text,
                      struct address_list *list, uint32_t *ret_line, struct err *err)
{
    const struct json_value *targets = json_value_get(group, "targets");
    *ret_line = 0;
    if (!json_value_is_object(group) || !json_value_is_array(targets))
        return err_set(err, "item %zu is neither an address nor {\"targets\": [\"10.0.0.1:8000\"]}", number);
    return add_items(targets, text, list, ret_line, err);
}

static bool parse_json(struct str text, struct address_list *list, uint32_t *ret_line, struct err *err)
{
    struct json_value *root = json_value_parse_placed(text, ret_line, err);
    if (!root)
        return false;
    bool is_groups = json_value_is_object(json_value_at(root, 0)), is_good = true;
    if (!is_groups)
        is_good = add_items(root, text, list, ret_line, err);
    for (size_t i = 0; is_groups && is_good && i < json_value_count(root); i++)
        is_good = add_group(json_value_at(root, i), i + 1, text, list, ret_line, err);
    list->is_stated = true;
    json_value_free(root);
    return is_good;
}

static bool is_json(struct str text)
{
    size_t i = 0;
    while (i < text.len && memchr(" \t\r\n", text.ptr[i], 4))
        i++;
    if (i == text.len || text.ptr[i++] != '[')
        return false;
    while (i < text.len && memchr(" \t\r\n", text.ptr[i], 4))
        i++;
    return i == text.len || memchr("\"{]", text.ptr[i], 3);
}

/* ---- public ---- */

bool address_list_parse(struct str text, struct address_list *ret_list, uint32_t *ret_line, struct err *err)
{
    *ret_line = 0;
    if (text.len > ADDRESS_LIST_BYTES_MAX)
        return err_set(err, "longer than %d KiB: this is no list of addresses",
                       ADDRESS_LIST_BYTES_MAX / 1024);
    if (str_starts_with(text, STR("\xEF\xBB\xBF")))
        text = str_n(text.ptr + 3, text.len - 3);
    struct address_list list = {0};
    if (is_json(text) ? parse_json(text, &list, ret_line, err) : parse_lines(text, &list, ret_line, err)) {
        *ret_list = list;
        return true;
    }
    address_list_fini(&list);
    return false;
}

void address_list_fini(struct address_list *list)
{
    free(list->addresses);
    *list = (struct address_list){0};
}

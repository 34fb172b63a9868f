/*
 * Any bytes as a list of addresses. What must hold: nothing crashes; what is refused has a reason and a line
 * that exists; every address that is accepted is one that a server can have; and an accepted list, written
 * out one a line, is read as the same list again.
 */
#include "provider/address_list.h"

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t lines_in(struct str text)
{
    uint32_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

static void write_out(const struct address_list *list, struct buf *out)
{
    char text[ADDR_TEXT_BYTES];
    for (uint32_t i = 0; i < list->count; i++) {
        const struct addr *a = &list->addresses[i];
        ASSERT(a->len > 0 && (a->any.sa_family == AF_UNIX || addr_port(a) > 0));
        buf_printf(out, "%s\n", addr_format(text, a));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size);
    struct address_list list, again;
    struct err err = {0};
    struct buf written = {0};
    uint32_t line = 0;
    if (!address_list_parse(text, &list, &line, &err)) {
        ASSERT(err.text[0] != '\0' && line <= lines_in(text));
        return 0;
    }
    write_out(&list, &written);
    ASSERT(address_list_parse(buf_str(&written), &again, &line, &err));
    ASSERT(again.count == list.count && !again.is_cut);
    for (uint32_t i = 0; i < list.count; i++)
        ASSERT(addr_eq(&list.addresses[i], &again.addresses[i]));
    address_list_fini(&list);
    address_list_fini(&again);
    buf_fini(&written);
    return 0;
}

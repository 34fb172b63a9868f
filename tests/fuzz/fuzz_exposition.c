/* Whatever an exporter says: nothing may be read beyond it, and every row that is given is whole. */
#include "watch/remote/exposition_reader.h"

#include "base/macros.h"
#include "watch/remote/node_exporter.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct node_exporter *exporter;
    static struct host_sample sample;
    struct exposition_reader e;
    struct exposition_row row;
    char value[64], why[256];
    struct str text = str_n((const char *)data, size);
    exposition_reader_init(&e, text);
    while (exposition_reader_next(&e, &row)) {
        ASSERT(row.name.len > 0 && row.name.ptr >= text.ptr);
        ASSERT(row.labels.len == 0 || row.labels.ptr + row.labels.len <= text.ptr + text.len);
        (void)exposition_label(&row, "mode", value, sizeof(value));
        (void)exposition_label(&row, "device", value, 4);
    }
    if (!exporter)
        exporter = node_exporter_new();
    static int64_t now_ns;
    now_ns += 1000000000;
    (void)node_exporter_read(exporter, text, now_ns, &sample, why, sizeof(why));
    return 0;
}

/* Whatever an exporter says: nothing may be read beyond it, every row that is given is whole, and a number
 * that is declared of it is finite or unknown. */
#include "watch/remote/exposition_reader.h"

#include "base/macros.h"
#include "watch/remote/node_exporter.h"
#include "watch/remote/numbers.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read twice: what a counter has grown by counts from the second answer on. */
static void try_numbers(struct str text)
{
    static struct config_number declared[] = {
        {.name = STR("idle"), .kind = NUMBER_RATE, .series = STR("node_cpu_seconds_total{mode=\"idle\"}")},
        {.name = STR("size"),
         .kind = NUMBER_SUM,
         .series = STR("node_filesystem_size_bytes{fstype!=\"tmp*\"}")}};
    const struct config_host config = {
        .numbers = declared, .number_count = ARRAY_LEN(declared), .series_max = 4};
    struct numbers *n = numbers_new(&config);
    struct buf out = {0};
    struct json j;
    numbers_read(n, text, 1000000000);
    numbers_read(n, text, 2000000000);
    json_init(&j, &out);
    numbers_write_json(n, NULL, &j);
    numbers_write_rows(n, "weir_remote_host_number", "web-1", &out);
    ASSERT(!strstr(out.ptr, "inf") && !strstr(out.ptr, "nan"));
    buf_fini(&out);
    numbers_free(n);
}

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
    try_numbers(text);
    (void)node_exporter_read(exporter, text, now_ns, &sample, why, sizeof(why));
    return 0;
}

/*
 * Writes what the pages about rules take from the tables of the program:
 *   ninja -C build src/rule/rule-pages
 *   build/src/rule/rule-pages metrics > docs/reference/watched-metrics.md
 *   build/src/rule/rule-pages rules docs/reference/rules.md       the part between its two marks, in place
 * A unit test compares the committed pages with what this would write.
 */
#include "rule/reference.h"

#include <stdio.h>
#include <string.h>

static const char mark[] = "<!-- written by tools/rule_pages.c -->\n";
static const char end_mark[] = "<!-- end -->\n";

static bool read_file(const char *path, struct buf *out)
{
    char part[4096];
    size_t n;
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    while ((n = fread(part, 1, sizeof(part), file)) > 0)
        buf_put(out, str_n(part, n));
    fclose(file);
    return true;
}

static bool write_file(const char *path, const struct buf *text)
{
    FILE *file = fopen(path, "w");
    bool is_written = file && fwrite(text->ptr, 1, text->len, file) == text->len;
    return file && fclose(file) == 0 && is_written;
}

static bool put_in_place(const char *path)
{
    struct buf page CLEANUP(buf_fini) = {0}, text CLEANUP(buf_fini) = {0};
    if (!read_file(path, &page))
        return false;
    char *begin = strstr(page.ptr, mark), *end = begin ? strstr(begin, end_mark) : NULL;
    if (!end)
        return false;
    buf_put(&text, str_n(page.ptr, (size_t)(begin - page.ptr) + strlen(mark)));
    rule_reference_defaults(&text);
    buf_put(&text, str_of(end));
    return write_file(path, &text);
}

int main(int argc, char **argv)
{
    struct buf page CLEANUP(buf_fini) = {0};
    if (argc == 2 && strcmp(argv[1], "metrics") == 0) {
        rule_reference_metrics(&page);
        fwrite(page.ptr, 1, page.len, stdout);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "rules") == 0)
        return put_in_place(argv[2]) ? 0 : 1;
    fputs("usage: rule-pages metrics | rules FILE\n", stderr);
    return 2;
}

/*
 * Writes the two pages about weir.yaml from the tables that the program reads it by:
 *   ninja -C build config-pages
 *   build/src/config/config-pages markdown > docs/reference/configuration.md
 *   build/src/config/config-pages man > docs/man/weir.yaml.5
 * A unit test compares the committed pages with what this would write.
 */
#include "config/reference.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct buf page = {0};
    if (argc == 2 && strcmp(argv[1], "markdown") == 0)
        config_reference_markdown(&page);
    else if (argc == 2 && strcmp(argv[1], "man") == 0)
        config_reference_man(&page);
    else {
        fputs("usage: config-pages markdown|man\n", stderr);
        return 2;
    }
    fwrite(page.ptr, 1, page.len, stdout);
    buf_fini(&page);
    return 0;
}

/* The tables of the keys of `scale:` that provider process alone has and that are blocks. See schema.c. */
#include "config/schema_table.h"

enum { KEEP_MAX = 1000 };

static const struct schema_choice copy_choices[] = {
    {"none", SERVER_LOG_COPY_NONE, "the file alone"},
    {"stderr", SERVER_LOG_COPY_STDERR, "the file and Weir's standard error"},
    {NULL},
};

static const struct schema_key log_keys[] = {
    {.name = "file",
     .type = VALUE_FULL_FILE,
     .offset = AT(config_server_log, file),
     .is_required = true,
     .example = "/var/log/shop.log",
     .synonyms = " path filename to ",
     .help = "The file, which Weir makes (mode 0640) where there is none. A link is not followed. One that "
             "was moved away is made anew."},
    {.name = "max",
     .type = VALUE_SIZE,
     .offset = AT(config_server_log, bytes_max),
     .default_text = "100MiB",
     .min = KIB(64),
     .max = TIB(1),
     .example = "10MiB",
     .synonyms = " size max_size rotate limit ",
     .help = "A file that would become larger is renamed to FILE.1, FILE.1 to FILE.2, and so on, and a new "
             "one is begun."},
    {.name = "keep",
     .type = VALUE_COUNT,
     .offset = AT(config_server_log, keep),
     .default_text = "5",
     .max = KEEP_MAX,
     .example = "9",
     .synonyms = " backups max_files count files ",
     .help = "How many old files are kept."},
    {.name = "copy",
     .type = VALUE_CHOICE,
     .offset = AT(config_server_log, copy),
     .choices = copy_choices,
     .default_text = "none",
     .example = "stderr",
     .synonyms = " tee also console ",
     .help = "Where else the lines go."},
};
const struct schema_mapping schema_server_log = {
    .help = "A file for what the servers print, instead of Weir's standard error: each line with its time "
            "and the server's name.",
    KEYS(log_keys),
    .shorthand = "file",
};

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

static const struct schema_key limits_keys[] = {
    {.name = "memory",
     .type = VALUE_SIZE,
     .offset = AT(config_server_limits, memory_bytes),
     .default_text = "0",
     .default_shown = "`0`: no limit",
     .max = TIB(64),
     .example = "512MiB",
     .synonyms = " mem ram memory_limit ",
     .help = "Memory that one server may have, swap included; with more it is killed."},
    {.name = "cpus",
     .type = VALUE_DECIMAL,
     .offset = AT(config_server_limits, cpus),
     .default_text = "0",
     .default_shown = "`0`: no limit",
     .max = 4096,
     .example = "1.5",
     .synonyms = " cpu cores cpu_limit ",
     .help = "CPUs that one server may use; it waits when it has used them up."},
};
const struct schema_mapping schema_server_limits = {
    .help = "What one server may have at most, all its processes together, by a control group of Linux. "
            "Where the host does not allow that, "
            "Weir says so and servers run without.",
    KEYS(limits_keys),
    .check = check_server_limits,
};

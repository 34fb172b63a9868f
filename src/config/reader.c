/* From text to configuration in three steps: tree (yaml.c), model (decode.c along schema.c, with checks.c),
 * order of messages. */
#include "config/reader.h"

#include "config/decode.h"
#include "config/likely_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct str without_byte_order_mark(struct str text)
{
    return str_starts_with(text, STR("\xEF\xBB\xBF")) ? str_n(text.ptr + 3, text.len - 3) : text;
}

static void refuse_size(struct diagnostics *d, int bytes_max)
{
    diagnostics_add_general(d, "larger than %d KiB: this is no configuration", bytes_max / 1024);
}

struct config *config_read(const char *file_name, struct str text, struct diagnostics *ret_diagnostics)
{
    struct diagnostics *d = ret_diagnostics;
    text = without_byte_order_mark(text);
    bool is_too_large = text.len > CONFIG_TEXT_BYTES_MAX;
    diagnostics_init(d, file_name, is_too_large ? STR("") : text);
    if (is_too_large) {
        refuse_size(d, CONFIG_TEXT_BYTES_MAX);
        return NULL;
    }
    struct arena *tree = arena_new(), *arena = arena_new();
    struct config *c = ARENA_NEW(arena, struct config);
    struct node *root = node_parse(tree, d->source, d);
    c->arena = arena;
    if (root)
        decode_mapping(&(struct decoding){.arena = arena, .d = d}, &schema_root, "", root, c);
    arena_free(tree);
    likely_secrets_hide(d);
    diagnostics_sort(d);
    if (d->error_count == 0)
        return c;
    config_free(c);
    return NULL;
}

void config_free(struct config *c)
{
    if (c)
        arena_free(c->arena);
}

/* Reads up to one byte more than the limit, so that a larger file shows. */
static bool read_all(int fd, struct buf *out)
{
    char chunk[64 * 1024];
    ssize_t n = 1;
    while (n > 0 && out->len <= CONFIG_FILE_BYTES_MAX) {
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            buf_put(out, str_n(chunk, (size_t)n));
    }
    return n >= 0;
}

struct config *config_load(const char *path, struct diagnostics *ret_diagnostics)
{
    bool is_input = strcmp(path, "-") == 0;
    CLEANUP(buf_fini) struct buf text = {0};
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool is_read = fd >= 0 && read_all(fd, &text);
    int error_number = errno;
    if (fd >= 0 && !is_input)
        close(fd);
    if (is_read && text.len <= CONFIG_FILE_BYTES_MAX)
        return config_read(is_input ? "(standard input)" : path, buf_str(&text), ret_diagnostics);
    diagnostics_init(ret_diagnostics, path, STR(""));
    if (is_read)
        refuse_size(ret_diagnostics, CONFIG_FILE_BYTES_MAX);
    else
        diagnostics_add_general(ret_diagnostics, "cannot be read: %s", strerror(error_number));
    return NULL;
}

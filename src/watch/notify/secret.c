/* secret.c: see secret.h. */
#include "watch/notify/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void put_trimmed(struct buf *out, struct str text)
{
    while (text.len && memchr("\n\r \t", text.ptr[text.len - 1], 4))
        text.len--;
    buf_put(out, text);
}

static bool read_file(const char *path, struct buf *out, struct err *err)
{
    char bytes[SECRET_BYTES_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, bytes, sizeof(bytes), 0);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_set_errno(err, error, "reading %s", path);
    put_trimmed(out, str_n(bytes, (size_t)n));
    explicit_bzero(bytes, sizeof(bytes));
    return out->len > 0 || err_set(err, "%s is empty", path);
}

bool secret_read(const struct config_secret *s, struct buf *out, struct err *err)
{
    if (s->file.len)
        return read_file(s->file.ptr, out, err);
    if (s->env.len) {
        const char *value = getenv(s->env.ptr);
        if (!value || !value[0])
            return err_set(err, "the variable %s is not set", s->env.ptr);
        put_trimmed(out, str_of(value));
        return true;
    }
    buf_put(out, s->value.len ? s->value : STR(""));
    return true;
}

void secret_wipe(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->len);
    buf_fini(b);
}

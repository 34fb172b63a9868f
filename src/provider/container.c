/*
 * container.c: one place where the keys of `docker:` and `swarm:` become JSON.
 *
 * The frames of a log (8 bytes: which output, three zeros, the length in network order) come unless the
 * container has a terminal; a text never begins with a byte below 3, so that tells them apart.
 */
#include "provider/container.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PASSWORD_BYTES_MAX = 8192, FRAME_HEAD_BYTES = 8 };

/* ---- JSON ---- */

static void put_filled(struct buf *out, struct str text, uint32_t port)
{
    char address[32], number[16];
    snprintf(number, sizeof(number), "%u", port);
    snprintf(address, sizeof(address), "0.0.0.0:%u", port);
    const struct {
        struct str word;
        const char *value;
    } words[] = {{STR("{address}"), address}, {STR("{host}"), "0.0.0.0"}, {STR("{port}"), number}};
    while (text.len) {
        size_t i = 0;
        while (i < ARRAY_LEN(words) && !str_starts_with(text, words[i].word))
            i++;
        size_t taken = i < ARRAY_LEN(words) ? words[i].word.len : 1;
        buf_put(out, i < ARRAY_LEN(words) ? str_of(words[i].value) : str_n(text.ptr, 1));
        text = str_n(text.ptr + taken, text.len - taken);
    }
}

void container_write_command(struct json *j, const struct config_container *c)
{
    json_begin_array(j);
    for (size_t i = 0; i < c->command.count; i++) {
        struct buf argument CLEANUP(buf_fini) = {0};
        put_filled(&argument, c->command.items[i], c->port);
        json_str(j, buf_str(&argument));
    }
    json_end_array(j);
}

void container_write_environment(struct json *j, const struct config_container *c)
{
    bool has_port = false;
    json_begin_array(j);
    for (size_t i = 0; i < c->environment.count; i++) {
        has_port |= str_starts_with(c->environment.items[i], STR("PORT="));
        json_str(j, c->environment.items[i]);
    }
    if (!has_port) {
        char text[16];
        snprintf(text, sizeof(text), "PORT=%u", c->port);
        json_str(j, str_of(text));
    }
    json_end_array(j);
}

/* "NAME=value"; the schema checked that there is an =. */
static struct str split_pair(struct str pair, struct str *ret_value)
{
    size_t at = pair.len;
    (void)str_find(pair, '=', &at);
    *ret_value = at < pair.len ? str_n(pair.ptr + at + 1, pair.len - at - 1) : STR("");
    return str_n(pair.ptr, at);
}

void container_write_labels(struct json *j, const struct config_container *c)
{
    for (size_t i = 0; i < c->labels.count; i++) {
        struct buf name CLEANUP(buf_fini) = {0};
        struct str value;
        buf_put(&name, split_pair(c->labels.items[i], &value));
        json_put_str(j, name.ptr ? name.ptr : "", value);
    }
}

void container_write_mounts(struct json *j, const struct config_container *c)
{
    json_begin_array(j);
    for (size_t i = 0; i < c->mounts.count; i++) {
        struct str rest = c->mounts.items[i], source = STR(""), target = STR(""), mode = STR("");
        (void)(str_split(&rest, ':', &source) && str_split(&rest, ':', &target) &&
               str_split(&rest, ':', &mode));
        json_begin_object(j);
        json_put_text(j, "Type", str_starts_with(source, STR("/")) ? "bind" : "volume");
        json_put_str(j, "Source", source);
        json_put_str(j, "Target", target);
        json_put_bool(j, "ReadOnly", str_eq(mode, STR("ro")));
        json_end_object(j);
    }
    json_end_array(j);
}

struct str container_image_tag(struct str image)
{
    size_t at;
    if (str_find(image, '@', &at))
        return STR("");
    const char *slash = image.len ? memrchr(image.ptr, '/', image.len) : NULL;
    const char *name = slash ? slash + 1 : image.ptr;
    struct str last = str_n(name, image.len - (size_t)(name - image.ptr));
    return str_find(last, ':', &at) ? str_n(last.ptr + at + 1, last.len - at - 1) : STR("latest");
}

/* ---- credentials ---- */

static bool read_password(const struct config_registry *r, char out[PASSWORD_BYTES_MAX],
                          struct driver_failure *f)
{
    if (r->password_env.len) {
        const char *value = getenv(r->password_env.ptr);
        if (!value || !value[0])
            return driver_fail(f, DRIVER_FAULT_CREDENTIALS,
                               "the registry's password: the variable %s is empty", r->password_env.ptr);
        str_copy(out, PASSWORD_BYTES_MAX, str_of(value));
        return true;
    }
    int fd = open(r->password_file.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? pread(fd, out, PASSWORD_BYTES_MAX - 1, 0) : -1;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return driver_fail(f, DRIVER_FAULT_CREDENTIALS, "the registry's password: reading %s: %s",
                           r->password_file.ptr, strerror(error));
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r'))
        n--;
    out[n] = '\0';
    return true;
}

/* RFC 4648 §5, with padding. */
static void put_base64url(struct buf *out, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t three = 0;
        size_t have = MIN(bytes.len - i, (size_t)3);
        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (k < have ? (unsigned char)bytes.ptr[i + k] : 0U);
        for (size_t k = 0; k < 4; k++)
            buf_put_char(out, k <= have ? digits[three >> (18 - 6 * k) & 63] : '=');
    }
}

static void wipe(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->len);
    buf_fini(b);
}

/* The registry in the image's name (its first part, when that has a dot or a colon), else Docker's own. */
static struct str registry_of(const struct config_container *c)
{
    size_t slash, at;
    if (c->registry.server.len)
        return c->registry.server;
    if (str_find(c->image, '/', &slash)) {
        struct str first = str_n(c->image.ptr, slash);
        if (str_find(first, '.', &at) || str_find(first, ':', &at) || str_eq(first, STR("localhost")))
            return first;
    }
    return STR("https://index.docker.io/v1/");
}

bool container_registry_auth(const struct config_container *c, struct buf *ret_auth, struct driver_failure *f)
{
    char password[PASSWORD_BYTES_MAX];
    struct buf text CLEANUP(wipe) = {0};
    struct json j;
    if (c->registry.user.len == 0)
        return true;
    if (!read_password(&c->registry, password, f))
        return false;
    json_init(&j, &text);
    json_begin_object(&j);
    json_put_str(&j, "username", c->registry.user);
    json_put_text(&j, "password", password);
    json_put_str(&j, "serveraddress", registry_of(c));
    json_end_object(&j);
    explicit_bzero(password, sizeof(password));
    put_base64url(ret_auth, buf_str(&text));
    return true;
}

/* ---- what is told ---- */

void container_set_address(struct instance *instance, struct str host, int64_t port)
{
    const char *problem;
    instance->has_address = port > 0 && addr_parse_host(host, (uint64_t)port, &instance->address, &problem);
}

/* ---- last words ---- */

static struct str last_word_line(struct str text)
{
    struct str line, last = STR("");
    while (str_split(&text, '\n', &line)) {
        while (line.len && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' '))
            line.len--;
        if (str_trim(line).len)
            last = str_trim(line);
    }
    return last;
}

struct str container_last_line(struct str log)
{
    struct str last = STR("");
    uint32_t bytes;
    if (log.len == 0 || (unsigned char)log.ptr[0] > 2)
        return last_word_line(log);
    while (log.len >= FRAME_HEAD_BYTES) {
        memcpy(&bytes, log.ptr + 4, sizeof(bytes));
        size_t len = MIN((size_t)ntohl(bytes), log.len - FRAME_HEAD_BYTES);
        struct str line = last_word_line(str_n(log.ptr + FRAME_HEAD_BYTES, len));
        last = line.len ? line : last;
        log = str_n(log.ptr + FRAME_HEAD_BYTES + len, log.len - FRAME_HEAD_BYTES - len);
    }
    return last;
}

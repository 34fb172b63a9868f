/*
 * A token lies in a file that only its owner (and perhaps a group) may read, or in an environment variable.
 * Spaces and line ends around it are not part of it. What is wrong is said without ever printing the token.
 */
#include "admin/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct str strip(struct str s)
{
    while (s.len && strchr(" \t\r\n", s.ptr[0]))
        s = str_n(s.ptr + 1, s.len - 1);
    while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static bool check(struct str token, struct err *err)
{
    if (token.len < TOKEN_BYTES_MIN)
        return err_set(err, "the token has %zu characters; at least %d are needed (openssl rand -hex 32)",
                       token.len, TOKEN_BYTES_MIN);
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            return err_set(err, "the token contains a space or a character outside ASCII");
    return true;
}

static bool check_file(int fd, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set_errno(err, errno, "examining it");
    if (!S_ISREG(st.st_mode))
        return err_set(err, "it is not a file");
    if (st.st_mode & S_IRWXO)
        return err_set(err, "everybody on this host may read or change it (mode %04o); run: chmod o= FILE",
                       (unsigned)(st.st_mode & 07777));
    return true;
}

static bool read_file(int fd, struct buf *ret_token, struct err *err)
{
    char text[TOKEN_BYTES_MAX + 2];
    ssize_t n = read(fd, text, sizeof(text));
    if (n < 0)
        return err_set_errno(err, errno, "reading it");
    struct str token = strip(str_n(text, (size_t)n));
    if (token.len > TOKEN_BYTES_MAX)
        return err_set(err, "the token is longer than %d characters", TOKEN_BYTES_MAX);
    if (!check(token, err))
        return false;
    buf_put(ret_token, token);
    return true;
}

static bool load_file(struct str path, struct buf *ret_token, struct err *err)
{
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set_errno(err, errno, "reading admin.token_file %.*s", STR_ARG(path));
    bool ok = check_file(fd, err) && read_file(fd, ret_token, err);
    close(fd);
    return ok || err_wrap(err, "reading admin.token_file %.*s", STR_ARG(path));
}

static bool load_environment(struct str name, struct buf *ret_token, struct err *err)
{
    const char *value = getenv(name.ptr);
    if (!value)
        return err_set(err, "admin.token_env: the environment variable %.*s is not set", STR_ARG(name));
    struct str token = strip(str_of(value));
    if (token.len > TOKEN_BYTES_MAX || !check(token, err))
        return err_wrap(err, "admin.token_env %.*s", STR_ARG(name));
    buf_put(ret_token, token);
    return true;
}

bool token_load(const struct config_admin *config, struct buf *ret_token, struct err *err)
{
    if (config->token_file.len)
        return load_file(config->token_file, ret_token, err);
    if (config->token_env.len)
        return load_environment(config->token_env, ret_token, err);
    if (!addr_is_loopback(&config->address))
        return err_set(err,
                       "the admin address is not loopback: admin.token_file or admin.token_env is required");
    return true;
}

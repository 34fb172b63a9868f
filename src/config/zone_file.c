/*
 * Names are checked before they become a path, so that none leads out of the folder. For a name that is not
 * there the folder it would be in is read, for one that is near.
 */
#include "config/zone_file.h"

#include "base/macros.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES_MAX = 48, PATH_BYTES = sizeof(ZONE_FOLDER "/") + NAME_BYTES_MAX, NAMES_MAX = 1024 };

static bool is_name_character(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '/' || c == '_' || c == '-' || c == '+';
}

/* No dots, so no "..". */
static bool is_name(struct str name)
{
    return name.len > 0 && name.len <= NAME_BYTES_MAX && name.ptr[0] != '/' &&
           str_has_only(name, is_name_character);
}

/* "Europe/" of "Europe/Berlin"; "" of "Japan". */
static struct str folder_of(struct str name)
{
    size_t n = name.len;
    while (n && name.ptr[n - 1] != '/')
        n--;
    return str_n(name.ptr, n);
}

static const char *find_nearest(struct arena *arena, struct str folder, struct str last)
{
    const char **names = ARENA_ARRAY(arena, const char *, NAMES_MAX);
    size_t count = 0;
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), ZONE_FOLDER "/%.*s", STR_ARG(folder));
    DIR *dir = opendir(path);
    if (!dir)
        return NULL;
    for (struct dirent *e = readdir(dir); e && count < NAMES_MAX; e = readdir(dir))
        if (is_name(str_of(e->d_name)))
            names[count++] = arena_strdup(arena, str_of(e->d_name));
    closedir(dir);
    return str_nearest(last, names, count);
}

static bool refuse_unknown(struct arena *arena, struct str name, struct err *hint)
{
    struct str folder = folder_of(name);
    struct str last = str_n(name.ptr + folder.len, name.len - folder.len);
    const char *nearest = find_nearest(arena, folder, last);
    if (nearest && !str_eq(last, str_of(nearest)))
        return err_set(hint, "no such zone in " ZONE_FOLDER "; did you mean '%.*s%s'?", STR_ARG(folder),
                       nearest);
    return err_set(hint, "no such zone in " ZONE_FOLDER ", such as Europe/Berlin or UTC");
}

/* Plain files alone; of a large one, one byte more than may be. False with errno. */
static bool read_file(const char *path, char *bytes, size_t *ret_len)
{
    struct stat status;
    ssize_t n = 1;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        errno = ENOENT;
        return false;
    }
    while (n > 0 && len <= ZONE_FILE_BYTES_MAX) {
        n = read(fd, bytes + len, ZONE_FILE_BYTES_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    int error_number = errno;
    close(fd);
    errno = error_number;
    *ret_len = len;
    return n >= 0;
}

/* What is read on the way goes to scratch. */
static bool load(struct arena *scratch, struct arena *arena, struct str name, struct zone *ret,
                 struct err *hint)
{
    char path[PATH_BYTES];
    char *bytes = arena_alloc(scratch, ZONE_FILE_BYTES_MAX + 1);
    size_t len;
    snprintf(path, sizeof(path), ZONE_FOLDER "/%.*s", STR_ARG(name));
    if (read_file(path, bytes, &len))
        return zone_parse(arena, str_n(bytes, len), ret, hint);
    if (errno == ENOENT || errno == ENOTDIR)
        return refuse_unknown(scratch, name, hint);
    return err_set_errno(hint, errno, "reading %s", path);
}

bool zone_file_load(struct arena *arena, struct str name, struct zone *ret, struct err *hint)
{
    if (str_eq(name, STR("UTC"))) {
        *ret = (struct zone){0};
        return true;
    }
    if (!is_name(name))
        return err_set(hint, "a name such as Europe/Berlin or UTC");
    struct arena *scratch = arena_new();
    bool is_loaded = load(scratch, arena, name, ret, hint);
    arena_free(scratch);
    return is_loaded;
}

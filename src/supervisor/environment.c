#include "supervisor/environment.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

/* Names that speak to the supervisor alone: a child that used them would speak in its place. */
static const char *const own_names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};

static bool has_name(const char *item, const char *name)
{
    size_t len = strlen(name);
    return strncmp(item, name, len) == 0 && item[len] == '=';
}

static bool is_own(const char *item)
{
    for (size_t i = 0; i < ARRAY_LEN(own_names); i++)
        if (has_name(item, own_names[i]))
            return true;
    return false;
}

static void append(struct environment *e, const char *item)
{
    e->items = mem_realloc(e->items, (e->count + 2) * sizeof(*e->items));
    e->items[e->count++] = mem_strdup(item);
    e->items[e->count] = NULL;
}

void environment_init(struct environment *e, char *const *base)
{
    *e = (struct environment){.items = NEW_ARRAY(char *, 1)};
    for (; *base; base++)
        if (!is_own(*base))
            append(e, *base);
}

void environment_fini(struct environment *e)
{
    for (size_t i = 0; i < e->count; i++)
        free(e->items[i]);
    free(e->items);
    *e = (struct environment){0};
}

void environment_set(struct environment *e, const char *assignment)
{
    size_t name_len = 0;
    while (assignment[name_len] && assignment[name_len] != '=')
        name_len++;
    ASSERT(name_len > 0 && assignment[name_len] == '=');
    for (size_t i = 0; i < e->count; i++) {
        if (strncmp(e->items[i], assignment, name_len + 1) == 0) {
            free(e->items[i]);
            e->items[i] = mem_strdup(assignment);
            return;
        }
    }
    append(e, assignment);
}

void environment_remove(struct environment *e, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++) {
        if (has_name(e->items[i], name))
            free(e->items[i]);
        else
            e->items[kept++] = e->items[i];
    }
    e->count = kept;
    e->items[kept] = NULL;
}

void environment_printf(struct environment *e, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    environment_set(e, text.ptr);
    buf_fini(&text);
}

const char *environment_find(const struct environment *e, const char *name)
{
    for (size_t i = 0; i < e->count; i++)
        if (has_name(e->items[i], name))
            return e->items[i] + strlen(name) + 1;
    return NULL;
}

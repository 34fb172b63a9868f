/*
 * rows.h: reads tests/flow/malformed.json, the table that the end-to-end test sends through a whole Weir.
 * Just enough JSON for a list of flat objects of strings and numbers; anything else ends the test.
 */
#pragma once
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 1000 };

struct row {
    char *name;         /* owned */
    char *request;      /* owned */
    size_t request_len; /* a request may contain NUL */
    unsigned status;
    bool is_body; /* the head is good; its body is not */
};

struct reader {
    const char *p;
};

static void reader_fail(const struct reader *r, const char *wanted)
{
    fprintf(stderr, "malformed.json: expected %s at: %.40s\n", wanted, r->p);
    abort();
}

static char reader_peek(struct reader *r)
{
    while (*r->p == ' ' || *r->p == '\n')
        r->p++;
    return *r->p;
}

static void reader_expect(struct reader *r, char c)
{
    if (reader_peek(r) != c)
        reader_fail(r, (char[]){c, 0});
    r->p++;
}

static char reader_escape(struct reader *r)
{
    char c = *r->p++, digits[5] = "";
    switch (c) {
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'u':
        memcpy(digits, r->p, 4);
        r->p += 4;
        return (char)strtoul(digits, NULL, 16); /* latin-1: one byte a character */
    default:
        return c;
    }
}

static char *reader_string(struct reader *r, size_t *ret_len)
{
    reader_expect(r, '"');
    char *text = malloc(strlen(r->p) + 1);
    size_t len = 0;
    while (*r->p != '"') {
        char c = *r->p++;
        text[len++] = c == '\\' ? reader_escape(r) : c;
    }
    r->p++;
    text[len] = '\0';
    *ret_len = len;
    return realloc(text, len + 1);
}

static void reader_member(struct reader *r, struct row *row)
{
    size_t len;
    char *key = reader_string(r, &len);
    reader_expect(r, ':');
    if (strcmp(key, "status") == 0) {
        (void)reader_peek(r);
        row->status = (unsigned)strtoul(r->p, (char **)&r->p, 10);
    } else if (strcmp(key, "name") == 0) {
        row->name = reader_string(r, &len);
    } else if (strcmp(key, "request") == 0) {
        row->request = reader_string(r, &row->request_len);
    } else {
        char *part = reader_string(r, &len);
        row->is_body = strcmp(part, "body") == 0;
        free(part);
    }
    free(key);
}

/* The table lies beside this file in the source tree, whose name the compiler knows; from a build folder or
 * from the tree's root. */
static FILE *rows_open(void)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s", __FILE__);
    char *tests = strstr(path, "tests/unit/http/");
    if (!tests)
        return NULL;
    snprintf(tests, sizeof(path) - (size_t)(tests - path), "tests/flow/malformed.json");
    FILE *file = fopen(path, "r");
    return file ? file : fopen("tests/flow/malformed.json", "r");
}

static size_t rows_read(struct row rows[ROWS_MAX])
{
    static char text[1 << 20];
    FILE *file = rows_open();
    if (!file) {
        fprintf(stderr, "tests/flow/malformed.json: not found\n");
        abort();
    }
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    struct reader r = {text};
    size_t count = 0;
    for (reader_expect(&r, '['); reader_peek(&r) != ']'; count++) {
        rows[count] = (struct row){0};
        for (reader_expect(&r, '{'); reader_peek(&r) != '}';) {
            reader_member(&r, &rows[count]);
            if (reader_peek(&r) == ',')
                r.p++;
        }
        r.p++;
        if (reader_peek(&r) == ',')
            r.p++;
    }
    return count;
}

static void rows_free(struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(rows[i].name);
        free(rows[i].request);
    }
}

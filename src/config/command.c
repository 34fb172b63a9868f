/*
 * The text is written line by line, and each line that comes from an option is remembered, so that a
 * diagnostic about the line can name the option instead of a place in a file that nobody has seen.
 */
#include "config/command.h"

#include "config/values.h"

enum { ORIGINS_MAX = 16 };

struct origin {
    uint32_t line;
    const char *option, *value;
};

struct draft {
    struct buf text;
    uint32_t line; /* the one being written, from 1 */
    struct origin origins[ORIGINS_MAX];
    size_t origin_count;
};

static void put_line(struct draft *f, const char *indented_key)
{
    buf_printf(&f->text, "%s\n", indented_key);
    f->line++;
}

/* A value is quoted: whatever it is, it stays one scalar on its line. */
static void put_option(struct draft *f, const char *indented_key, const char *option, const char *value)
{
    if (!value)
        return;
    buf_printf(&f->text, "%s ", indented_key);
    value_put_quoted(str_of(value), &f->text);
    buf_put_char(&f->text, '\n');
    ASSERT(f->origin_count < ORIGINS_MAX);
    f->origins[f->origin_count++] = (struct origin){f->line++, option, value};
}

static void put_command(struct draft *f, const struct config_command *c)
{
    buf_put(&f->text, STR("      command: ["));
    for (int i = 0; i < c->argument_count; i++) {
        buf_put(&f->text, i ? STR(", ") : STR(""));
        value_put_quoted(str_of(c->arguments[i]), &f->text);
    }
    buf_put(&f->text, STR("]\n"));
    f->origins[f->origin_count++] = (struct origin){f->line++, "COMMAND", c->arguments[0]};
}

static void write_draft(struct draft *f, const struct config_command *c)
{
    f->line = 1;
    put_option(f, "workers:", "--workers", c->workers);
    if (c->listen) {
        put_line(f, "listeners:");
        put_option(f, "  - http:", "--listen", c->listen);
    }
    put_line(f, "services:");
    put_line(f, "  app:");
    put_option(f, "    max_requests:", "--max-requests", c->max_requests);
    put_option(f, "    health:", "--health", c->health_path);
    put_line(f, "    scale:");
    put_command(f, c);
    put_option(f, "      servers:", "--servers", c->servers);
    put_option(f, "admin:", "--admin", c->admin);
}

static void name_options(struct diagnostics *d, const struct draft *f)
{
    for (size_t i = 0; i < d->count; i++) {
        for (size_t j = 0; j < f->origin_count; j++) {
            CLEANUP(buf_fini) struct buf option = {0};
            if (f->origins[j].line != d->items[i].line)
                continue;
            buf_printf(&option, "%s %s", f->origins[j].option, f->origins[j].value);
            d->items[i].option = arena_copy_str(d->arena, buf_str(&option));
        }
    }
}

static void write_agent_draft(struct draft *f, const struct config_agent_command *c)
{
    f->line = 1;
    put_line(f, "admin:");
    put_option(f, "  listen:", "--listen", c->listen ? c->listen : "127.0.0.1:9910");
    put_option(f, "  token_file:", "--token-file", c->token_file);
    put_line(f, c->check ? "agent:" : "agent: {}");
    put_option(f, "  check:", "--check", c->check);
}

static struct config *read_draft(struct draft *f, struct diagnostics *ret_diagnostics)
{
    struct config *config = config_read("command line", buf_str(&f->text), ret_diagnostics);
    name_options(ret_diagnostics, f);
    buf_fini(&f->text);
    return config;
}

struct config *config_for_command(const struct config_command *c, struct diagnostics *ret_diagnostics)
{
    struct draft f = {0};
    write_draft(&f, c);
    return read_draft(&f, ret_diagnostics);
}

struct config *config_for_agent(const struct config_agent_command *c, struct diagnostics *ret_diagnostics)
{
    struct draft f = {0};
    write_agent_draft(&f, c);
    return read_draft(&f, ret_diagnostics);
}

void config_agent_to_yaml(const struct config_agent_command *c, struct buf *out)
{
    struct draft f = {0};
    write_agent_draft(&f, c);
    buf_put(out, buf_str(&f.text));
    buf_fini(&f.text);
}

void config_command_to_yaml(const struct config_command *c, struct buf *out)
{
    struct draft f = {0};
    write_draft(&f, c);
    buf_put(out, buf_str(&f.text));
    buf_fini(&f.text);
}

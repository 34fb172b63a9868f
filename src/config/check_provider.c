/*
 * Which provider a `scale:` means, and whether what is written suits it; see checks.h. A provider is named by
 * its own block of keys, so `provider` itself is needed only where there is none.
 */
#include "config/checks.h"
#include "config/model.h"

#include <stdio.h>
#include <strings.h>

/* The providers with a block of their own, which is named as they are. */
static const struct {
    const char *name;
    enum scale_provider provider;
} blocks[] = {
    {"http", SCALE_PROVIDER_HTTP},
    {"exec", SCALE_PROVIDER_EXEC},
    {"docker", SCALE_PROVIDER_DOCKER},
    {"swarm", SCALE_PROVIDER_SWARM},
};

/* Keys of `scale:` itself that only `process` uses. */
static const char *const process_keys[] = {"command", "environment", "machines", "directory",
                                           "user",    "nice",        "log",      "limits"};

static const char *block_of(enum scale_provider provider)
{
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        if (blocks[i].provider == provider)
            return blocks[i].name;
    return NULL;
}

/* The provider whose block is written first; NONE: no block. Tells of a second one. */
static enum scale_provider find_block(struct decoding *d, const struct node *scale)
{
    enum scale_provider found = SCALE_PROVIDER_NONE;
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        struct node *block = node_find(scale, blocks[i].name);
        if (!block)
            continue;
        if (found == SCALE_PROVIDER_NONE) {
            found = blocks[i].provider;
            continue;
        }
        struct diagnostic *item =
            node_key_error(d->d, block, "both '%s' and '%s' are given", block_of(found), blocks[i].name);
        diagnostics_hint(d->d, item, "servers of one service come from one provider");
    }
    return found;
}

static void refuse_other_block(struct decoding *d, const struct node *scale, const struct config_scale *s,
                               enum scale_provider block)
{
    struct node *provider = node_find(scale, "provider");
    struct diagnostic *item = node_error(
        d->d, provider, "'provider' is another one than '%s', whose keys are given", block_of(block));
    diagnostics_hint(d->d, item, "leave one of the two out");
}

static void require_block(struct decoding *d, struct node *scale, const struct config_scale *s)
{
    struct node *provider = node_find(scale, "provider");
    struct diagnostic *item = node_error(d->d, provider, "'%s' is missing in 'scale'", block_of(s->provider));
    diagnostics_hint(d->d, item, "the keys of provider %s stand below it", block_of(s->provider));
}

static void require_command(struct decoding *d, const struct schema_mapping *m, struct node *scale)
{
    if (node_find(scale, "command") || scale->is_bad || decode_is_misspelt(m, scale, "command"))
        return;
    struct diagnostic *item = node_key_error(d->d, scale, "'command' is missing in 'scale'");
    diagnostics_hint(d->d, item, "such as command: %s", schema_find(m, STR("command"))->example);
}

static void refuse_process_keys(struct decoding *d, const struct node *scale, const struct config_scale *s)
{
    for (size_t i = 0; i < ARRAY_LEN(process_keys); i++) {
        struct node *n = node_find(scale, process_keys[i]);
        if (!n)
            continue;
        struct diagnostic *item =
            node_key_error(d->d, n, "'%s' belongs to provider process", process_keys[i]);
        diagnostics_hint(d->d, item, "the servers come from provider %s", block_of(s->provider));
    }
}

void check_provider(struct decoding *d, const struct schema_mapping *m, struct node *scale,
                    struct config_scale *s)
{
    struct node *provider = node_find(scale, "provider");
    enum scale_provider block = find_block(d, scale);
    bool is_named = node_is_good(provider);
    if (!is_named)
        s->provider = block != SCALE_PROVIDER_NONE ? block : SCALE_PROVIDER_PROCESS;
    else if (block != SCALE_PROVIDER_NONE && block != s->provider)
        refuse_other_block(d, scale, s, block);
    else if (block == SCALE_PROVIDER_NONE && s->provider != SCALE_PROVIDER_PROCESS)
        require_block(d, scale, s);
    if (s->provider != SCALE_PROVIDER_PROCESS)
        refuse_process_keys(d, scale, s);
    else if (block == SCALE_PROVIDER_NONE && (!provider || is_named))
        require_command(d, m, scale);
    struct node *engine = node_find(scale, "engine");
    if (engine && s->provider == SCALE_PROVIDER_PROCESS && node_find(scale, "command"))
        diagnostics_hint(d->d, node_key_error(d->d, engine, "'engine' is for other providers than process"),
                         "processes need no polling, and end with Weir");
}

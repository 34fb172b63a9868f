/* One walk over the parts (visit), for both directions. What a part keeps is said beside its struct. */
#include "scale/learned.h"

#include "base/clock.h"
#include "base/macros.h"
#include "scale/keep.h"

#include <stdio.h>

/* Another meaning of any field, or another field, is another version: what an older Weir learned is then
 * learned anew. */
enum { LEARNED_VERSION = 4 };
#define PAUSE_NS_MAX (INT64_C(10) * 366 * 86400 * NS_PER_S)

/* FNV-1a, with an end after each text so that their borders count. */
static uint64_t hash(uint64_t h, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    return (h ^ 0x100) * UINT64_C(0x100000001b3);
}

static uint64_t hash_strings(uint64_t h, const struct config_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        h = hash(h, strings->items[i]);
    return hash(h, STR(""));
}

static uint64_t hash_program(uint64_t h, const struct config_strings *command,
                             const struct config_strings *environment, struct str directory)
{
    return hash(hash_strings(hash_strings(h, command), environment), directory);
}

/* "shop" of "shop:1.4", "registry:5000/shop" of "registry:5000/shop@sha256:…": a new version of a program is
 * noticed by its pace, and need not make all be forgotten. */
static struct str without_version(struct str image)
{
    size_t end = image.len;
    for (size_t i = image.len; i-- > 0 && image.ptr[i] != '/';)
        if (image.ptr[i] == ':' || image.ptr[i] == '@')
            end = i;
    return str_n(image.ptr, end);
}

static uint64_t hash_container(uint64_t h, const struct config_container *c)
{
    char size[64];
    snprintf(size, sizeof(size), "%llu %.6g", (unsigned long long)c->memory_bytes, c->cpus);
    h = hash(hash(hash(h, c->service), without_version(c->image)), str_of(size));
    return hash_program(h, &c->command, &c->environment, c->directory);
}

uint64_t learned_fingerprint(const struct config_scale *config)
{
    const struct str provider = str_n((const char *)&config->provider, sizeof(config->provider));
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), provider);
    h = hash_program(h, &config->command, &config->environment, config->directory);
    h = hash(hash(h, config->http.endpoint), config->http.body);
    h = hash_program(h, &config->exec.command, &config->exec.environment, config->exec.directory);
    return hash_container(hash_container(h, &config->docker), &config->swarm);
}

static void visit_head(struct keep *k, int64_t wall_ns, struct learned_source *source)
{
    uint32_t version = LEARNED_VERSION;
    int64_t written_ns = wall_ns;
    char problem[64];
    keep_u32(k, "learned", &version, 0, UINT32_MAX);
    snprintf(problem, sizeof(problem), "it has version %u, and this Weir reads %d", version, LEARNED_VERSION);
    if (version != LEARNED_VERSION)
        keep_refuse(k, problem);
    keep_i64(k, "written_ns", &written_ns, 0, INT64_MAX);
    keep_u64(k, "program", &source->fingerprint);
    source->age_ns = MIN(MAX(wall_ns - written_ns, 0), PAUSE_NS_MAX);
    k->pause_ns = source->age_ns;
}

static void visit_parts(struct keep *k, struct learned *l)
{
    bool is_end = true;
    capacity_keep(k, &l->capacity);
    start_times_keep(k, &l->start_times);
    policy_keep(k, &l->policy);
    k->section = "";
    keep_u32(k, "target", &l->target, 0, UINT32_MAX);
    keep_bool(k, "has_manual", &l->has_manual);
    keep_u32(k, "manual", &l->manual, 0, UINT32_MAX);
    keep_time(k, "manual_until", &l->manual_until_ns);
    keep_bool(k, "end", &is_end); /* a text that was cut within its last number is none */
}

void learned_write(struct learned *l, uint64_t fingerprint, int64_t now_ns, int64_t wall_ns, struct buf *out,
                   uint64_t *ret_digest)
{
    struct keep k = keep_writing(out, now_ns);
    visit_head(&k, wall_ns, &(struct learned_source){.fingerprint = fingerprint});
    /* When it was written does not count. */
    k.digest = fingerprint;
    visit_parts(&k, l);
    *ret_digest = k.digest;
}

bool learned_read(struct learned *l, struct str text, int64_t now_ns, int64_t wall_ns,
                  struct learned_source *ret_source, struct err *err)
{
    struct keep k = keep_reading(text);
    k.now_ns = now_ns;
    visit_head(&k, wall_ns, ret_source);
    visit_parts(&k, l);
    return keep_is_complete(&k) || err_set(err, "%s", k.err.text);
}

#include "config/secrets.h"

#include "base/macros.h"

#define OF_CONTAINERS(field)                                                                                 \
    offsetof(struct config_service, scale.docker.field), offsetof(struct config_service, scale.swarm.field)

/* Where in a struct config_service. */
static const size_t service_files[] = {
    offsetof(struct config_service, scale.http.token_file),
    OF_CONTAINERS(api.ca_file),
    OF_CONTAINERS(api.cert_file),
    OF_CONTAINERS(api.key_file),
    OF_CONTAINERS(registry.password_file),
};
static const size_t service_variables[] = {
    offsetof(struct config_service, scale.http.token_env),
    OF_CONTAINERS(registry.password_env),
};

static struct str *text_at(const struct config_service *s, size_t offset)
{
    return (struct str *)(void *)((char *)(void *)s + offset);
}

void config_each_secret_file(struct config *c, void (*visit)(void *context, struct str *path), void *context)
{
    visit(context, &c->admin.token_file);
    for (size_t i = 0; i < c->notify_count; i++) {
        visit(context, &c->notify[i].url.file);
        visit(context, &c->notify[i].token.file);
        visit(context, &c->notify[i].ca_file);
    }
    for (size_t i = 0; i < c->watch.host_count; i++) {
        visit(context, &c->watch.hosts[i].token.file);
        visit(context, &c->watch.hosts[i].ca_file);
    }
    for (size_t i = 0; i < c->watch.probe_count; i++)
        visit(context, &c->watch.probes[i].ca_file);
    for (size_t i = 0; i < c->service_count; i++)
        for (size_t file = 0; file < ARRAY_LEN(service_files); file++)
            visit(context, text_at(&c->services[i], service_files[file]));
}

const char **config_secret_variables(const struct config *c, struct arena *arena)
{
    size_t count = 0;
    const char **names = ARENA_ARRAY(arena, const char *,
                                     2 + 2 * c->notify_count + c->watch.host_count +
                                         c->service_count * ARRAY_LEN(service_variables));
    if (c->admin.token_env.len)
        names[count++] = c->admin.token_env.ptr;
    for (size_t i = 0; i < c->notify_count; i++) {
        const struct config_notify *sink = &c->notify[i];
        if (sink->url.env.len)
            names[count++] = sink->url.env.ptr;
        if (sink->token.env.len)
            names[count++] = sink->token.env.ptr;
    }
    for (size_t i = 0; i < c->watch.host_count; i++)
        if (c->watch.hosts[i].token.env.len)
            names[count++] = c->watch.hosts[i].token.env.ptr;
    for (size_t i = 0; i < c->service_count; i++)
        for (size_t v = 0; v < ARRAY_LEN(service_variables); v++) {
            struct str name = *text_at(&c->services[i], service_variables[v]);
            if (name.len)
                names[count++] = name.ptr;
        }
    names[count] = NULL;
    return names;
}

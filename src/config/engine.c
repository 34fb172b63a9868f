#include "config/engine.h"

#include "base/clock.h"
#include "base/macros.h"

#define LOOKS_NS (5 * NS_PER_S) /* until a list has shown that all are gone */

bool config_stops_at_exit(const struct config_service *s)
{
    bool has_engine = s->scale.provider != SCALE_PROVIDER_NONE && s->scale.provider != SCALE_PROVIDER_PROCESS;
    return has_engine && s->scale.engine.at_exit == ENGINE_STOP;
}

int64_t config_engines_exit_ns(const struct config *c)
{
    int64_t longest_ns = 0;
    for (size_t i = 0; i < c->service_count; i++) {
        const struct config_scale *scale = &c->services[i].scale;
        if (config_stops_at_exit(&c->services[i]))
            longest_ns = MAX(longest_ns, scale->stop_timeout_ns + 2 * scale->engine.timeout_ns + LOOKS_NS);
    }
    return longest_ns;
}

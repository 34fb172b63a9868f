#include "provider/drivers.h"

#include "provider/exec.h"
#include "provider/docker.h"
#include "provider/http.h"
#include "provider/swarm.h"

static const struct {
    enum scale_provider provider;
    const struct driver_ops *ops;
} drivers[] = {
    {SCALE_PROVIDER_HTTP, &http_driver},
    {SCALE_PROVIDER_EXEC, &exec_driver},
    {SCALE_PROVIDER_DOCKER, &docker_driver},
    {SCALE_PROVIDER_SWARM, &swarm_driver},
};

const struct driver_ops *driver_find(const struct config_scale *scale)
{
    if (scale->provider == SCALE_PROVIDER_EXEC && scale->exec.asked_for == EXEC_COUNT)
        return &exec_count_driver;
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
        if (drivers[i].provider == scale->provider)
            return drivers[i].ops;
    return NULL;
}

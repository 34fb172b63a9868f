#include "provider/drivers.h"

#include "provider/http.h"

static const struct {
    enum scale_provider provider;
    const struct driver_ops *ops;
} drivers[] = {
    {SCALE_PROVIDER_HTTP, &http_driver},
};

const struct driver_ops *driver_find(enum scale_provider provider)
{
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
        if (drivers[i].provider == provider)
            return drivers[i].ops;
    return NULL;
}

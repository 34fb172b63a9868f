/* drivers.h: the table of engines that can be a provider. A new one is a file of its own and a line there. */
#pragma once
#include "provider/driver.h"

/* NULL for `process` and for none. */
const struct driver_ops *driver_find(const struct config_scale *scale);

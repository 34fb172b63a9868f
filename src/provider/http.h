/* http.h: provider `http`: somebody's scaling API, told a number of servers and asked which there are. */
#pragma once
#include "provider/driver.h"

extern const struct driver_ops http_driver;

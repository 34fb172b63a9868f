/* zone_file.h: a time zone by its name, from the system's tz database. Reads files. Only this room. */
#pragma once
#include "base/zone.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"

/* On failure *ret is unchanged and hint says what would be right. "UTC" needs no file. */
bool zone_file_load(struct arena *arena, struct str name, struct zone *ret, struct err *hint);

/* cgroups_find.h: the folder of this process's own control group. For cgroups.c alone. */
#pragma once
#include "base/macros.h"

#include <limits.h>
#include <stdbool.h>

/*
 * controller: of version 1; "" for version 2. root: "" but in tests. False: no such hierarchy is mounted, or
 * the group is not to be seen in it.
 */
bool cgroups_find(const char *root, const char *controller, char ret_folder[PATH_MAX]) MUST_USE;

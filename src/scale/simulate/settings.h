/*
 * settings.h: the policies, and the settings that each is tried with: the best of them is what Weir is
 * compared with (docs/reference/simulate.md says why these).
 */
#pragma once
#include "scale/simulate/policy_ops.h"

/* The oracle staffs for this share of requests waiting longer than this. */
#define ORACLE_WAIT_S 0.3
#define ORACLE_SHARE  0.01

enum { SETTINGS_MAX = 256 };

/* Servers that carry this rate as the oracle wants it. */
uint32_t oracle_servers(const struct sim_model *m, double rate);

/* Writes every setting of the policies in `names` ("hpa,keda"; "all") and returns how many; 0 with an error
 * when a name is unknown. */
uint32_t settings_expand(struct str names, struct sim_setting ret_settings[SETTINGS_MAX], struct err *err);

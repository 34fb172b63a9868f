/*
 * trial.h: `weir provider test`: one server of a service is started by its provider, awaited, probed and
 * stopped again, step by step, with times and the engine's words on standard output. Blocks; for a process of
 * its own.
 */
#pragma once
#include "config/model.h"

#include <stdbool.h>

/*
 * Whether all went well; what was started is stopped either way, as far as the engine lets us. Does not
 * return when it is interrupted (interruption.h): the process ends by that signal, after the same. Where
 * servers are started one by one they belong to another owner than those of a running Weir; an engine that
 * counts is asked for one more than it lists, so no Weir should run on it meanwhile.
 */
bool provider_trial(const struct config_service *service);

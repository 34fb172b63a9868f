/*
 * exec.h: provider `exec`: a program of the user's starts, stops and lists servers, by the plug-in protocol
 * (docs/reference/plugin-protocol.md): JSON over a pipe, either a line a call to a program that stays, or a
 * program a call.
 */
#pragma once
#include "provider/driver.h"

enum { EXEC_PROTOCOL = 1 };

extern const struct driver_ops exec_driver;       /* it starts and stops servers one by one */
extern const struct driver_ops exec_count_driver; /* it is told a number (`asked_for: count`) */

/* host_report.h: a sample of the machine as readings on the board. Pure. */
#pragma once
#include "watch/board.h"
#include "watch/host_sample.h"

void host_report(const struct host_sample *s, struct board *b);

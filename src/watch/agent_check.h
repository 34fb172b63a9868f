/*
 * agent_check.h: answers HAProxy's agent checks: each connection gets one line, "75%", and is closed. With it
 * a balancer sends less to a machine that is busy. Loop's thread.
 *
 * Source: HAProxy 2.6 configuration.txt, "agent-check": a percentage sets the server's weight, in proportion
 * to the weight that is configured.
 */
#pragma once
#include "base/err.h"
#include "config/model.h"
#include "net/loop.h"
#include "watch/board.h"

struct agent_check;

/* Listens. NULL with err. config: borrowed. */
struct agent_check *agent_check_new(struct loop *loop, const struct config_agent *config, struct err *err);
void agent_check_free(struct agent_check *a); /* NULL is fine */
/* Takes the tick's CPU use into the mean that the answers go by. */
void agent_check_note(struct agent_check *a, const struct board *b);

/* Pure: the weight for a CPU use, both in percent: 100 up to full_below, then falling in a line to
 * AGENT_WEIGHT_LEAST where nothing is left. */
enum { AGENT_WEIGHT_LEAST = 10 };
unsigned agent_weight(double cpu_percent, double full_below);

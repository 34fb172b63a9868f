/*
 * secrets.h: where a configuration names secrets: files that the worker may not be able to read by itself,
 * and variables that application servers must not see. A provider with a secret of its own adds a line to the
 * tables in secrets.c.
 */
#pragma once
#include "config/model.h"

/* Each file's path, "" included; visit may change it. */
void config_each_secret_file(struct config *c, void (*visit)(void *context, struct str *path), void *context);
/* Names of variables in an array that ends in NULL, in the arena. */
const char **config_secret_variables(const struct config *c, struct arena *arena);

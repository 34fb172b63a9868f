/*
 * exposition.h: families of Prometheus' text format: each is written whole, its head and then its rows, for
 * the format forbids to come back to one. Pure.
 */
#pragma once
#include "base/buf.h"

/* HELP and TYPE: before the rows. */
void exposition_begin(struct buf *out, const char *name, const char *type, const char *help);
void exposition_put_label(struct buf *out, const char *text); /* a label's value, escaped */
/* A family of one row without labels. */
void exposition_put_one(struct buf *out, const char *name, const char *type, const char *help, double value);

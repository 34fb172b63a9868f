/* reference.h: pages for users from the tables of this room. Pure. */
#pragma once
#include "base/buf.h"

void rule_reference_metrics(struct buf *out);  /* docs/reference/watched-metrics.md */
void rule_reference_defaults(struct buf *out); /* the default rules and what hides what, in rules.md */

/* reference.h: the reference page and the man page, written from the schema table. Pure. */
#pragma once
#include "base/buf.h"

void config_reference_markdown(struct buf *out); /* docs/reference/configuration.md */
void config_reference_man(struct buf *out);      /* docs/man/weir.yaml.5 */

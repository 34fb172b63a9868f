/*
 * likely_secrets.h: hides from diagnostics what looks like a secret, wherever it was written. The schema
 * knows the secrets that stand where they belong; a token beside a misspelt key, or in a file that is no YAML
 * at all, is found by its looks. Pure; one thread.
 */
#pragma once
#include "config/diagnostics.h"

/* Before diagnostics_sort(). */
void likely_secrets_hide(struct diagnostics *d);

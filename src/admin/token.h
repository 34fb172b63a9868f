/* token.h: the admin token from where the configuration says it is. Blocks on a small file: at start only. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "config/model.h"

enum { TOKEN_BYTES_MIN = 16, TOKEN_BYTES_MAX = 1024 };

/*
 * Appends the token to *ret_token, or nothing when none is configured and the address is loopback. Refused:
 * an address off loopback without a token, a file that others may read, one that is empty, too short or not
 * printable.
 */
bool token_load(const struct config_admin *config, struct buf *ret_token, struct err *err) MUST_USE;

/* secret.h: reads what config_secret points at, at each use, so that a new secret needs no restart. Blocks as
 * files do: on a job thread or in a command. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"
#include "config/model.h"

enum { SECRET_BYTES_MAX = 4096 };

/* Appends it, without blanks and line ends behind it. False with the reason, which names the file or the
 * variable and nothing of what is in it. A secret that is not configured is empty. */
bool secret_read(const struct config_secret *s, struct buf *out, struct err *err) MUST_USE;
/* Wipes the bytes and frees them. */
void secret_wipe(struct buf *b);

/*
 * access.h: who may ask the admin listener, and for what. Pure; control thread.
 *
 * Two strangers are kept out: somebody else on the network (the token), and a foreign web page in the user's
 * own browser (Host against DNS rebinding; a field that needs a CORS preflight, and Origin, against forged
 * changes).
 */
#pragma once
#include "admin/request.h"

/* token "": none is needed. Returns 0, or the status to refuse with and a sentence in *ret_why. */
int access_check(struct str token, const struct admin_request *request, bool is_change, const char **ret_why);

/*
 * shown_url.h: an address as everybody may see it, in alerts, logs and the API: without the password that
 * stands before its host, and without its query, which may hold a key. Pure.
 */
#pragma once
#include "base/str.h"

/* Three stars stand for either. What has neither is copied as it is, what does not fit is cut. */
struct str shown_url(struct str url, char *out, size_t out_bytes);

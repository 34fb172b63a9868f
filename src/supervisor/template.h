/* template.h: where a server shall listen, put into the words of its command. Pure. */
#pragma once
#include "base/addr.h"

/*
 * Returns a copy of text in which every {address}, {host} and {port} is replaced; other braces stay as they
 * are. The caller frees it.
 */
char *template_expand(const char *text, const struct addr *address);

/* template.h: where a server shall listen, put into the words of its command. Pure. */
#pragma once
#include "base/addr.h"

/*
 * Returns a copy of text in which every {address}, {host}, {port} and {socket} is replaced; other braces stay
 * as they are. {socket} is a Unix socket's path, and empty for other addresses. The caller frees it.
 */
bool template_has_socket(const char *text);
char *template_expand(const char *text, const struct addr *address);

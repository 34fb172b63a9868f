/* check.h: `weir check FILE` (check.c): reads a configuration and says everything that is wrong with it, or
 * that it is fine. */
#pragma once

/*
 * argv[0] is the command's name. Diagnostics go to standard error, coloured on a terminal; the summary to
 * standard output. Returns the exit status: 0 fine (warnings included), 1 mistakes or an unreadable file, 2
 * wrong usage.
 */
int cli_check(int argc, char **argv);

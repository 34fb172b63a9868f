/*
 * simulate.h: `weir simulate`: what this service's scaling, and that of others, would have done on recorded
 * load, and what it would have cost. docs/reference/simulate.md tells what is simulated and how.
 */
#pragma once

/*
 * argv[0] is the command's name, the rest its options (docs/reference/simulate.md); argv is not changed.
 * Results go to standard output, mistakes to standard error. Returns the exit status: 0 done, 1 it failed, 2
 * wrong usage. No clock, no network; a thread for each usable CPU while it runs. The same arguments give the
 * same answer.
 */
int simulate_main(int argc, char **argv);

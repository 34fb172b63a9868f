/*
 * effort.h: how much a test plays that tries many made-up cases. Sanitizers run the same code several times
 * as slowly and look for mistakes that a quarter of the cases shows as well.
 */
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EFFORT(cases) ((cases) / 4)
#else
#define EFFORT(cases) (cases)
#endif

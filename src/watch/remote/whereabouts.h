/*
 * whereabouts.h: whether an address is one of a watched machine. Those that the configuration names are its
 * own; without any it is the one in its URL, or else the one that answered last. Pure.
 */
#pragma once
#include "base/addr.h"
#include "config/model.h"

struct whereabouts {
    const struct config_host *config; /* borrowed */
    size_t count;                     /* of `known`: 0 or 1 */
    struct addr_range known;
};

void whereabouts_init(struct whereabouts *w, const struct config_host *config);
/* The machine answered from here: "10.0.0.6", "fd00::6"; "" is passed over. */
void whereabouts_note(struct whereabouts *w, const char *address);
bool whereabouts_has(const struct whereabouts *w, const struct addr *a);

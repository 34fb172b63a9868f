/* decode.h: walks the tree of nodes along the schema and fills the model; tells every mistake it meets. Only
 * this room. */
#pragma once
#include "config/node.h"
#include "config/schema.h"

struct decoding {
    struct arena *arena; /* the configuration's */
    struct diagnostics *d;
};

/*
 * Fills target (zeroed memory of the mapping's struct) with the defaults and then with what the node says;
 * node may be NULL. title is for messages: "'health'", "service 'shop'", "" for the whole file.
 */
void decode_mapping(struct decoding *d, const struct schema_mapping *m, const char *title, struct node *node,
                    void *target);

/* Whether the mapping has an unknown key that was probably meant to be this one: then it is not missing, too.
 */
bool decode_is_misspelt(const struct schema_mapping *m, const struct node *mapping, const char *name);

enum { SHOWN_BYTES = 56 };
/* Text from the file for a message: cut, control characters replaced. */
char *decode_shown(char out[SHOWN_BYTES], struct str text);

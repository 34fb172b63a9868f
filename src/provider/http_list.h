/*
 * http_list.h: which servers a scaling API says there are, page by page. Pure.
 *
 * A list is whole or it is a failure: an item without an id, with an address that is none, or in a state that
 * nobody has explained could be a server that serves. An id that comes twice is one server.
 */
#pragma once
#include "base/buf.h"
#include "provider/driver.h"

/* Without the slashes at its end: a path follows. */
void http_put_endpoint(const struct config_http *c, struct buf *out);
/* Adds the servers of a page to list, of which the caller frees the items whatever comes of it. *ret_is_last
 * is false when there is another page, whose address is then put into url: it is always below the endpoint.
 */
bool http_read_page(const struct config_http *c, struct str text, struct instance_list *list, struct buf *url,
                    bool *ret_is_last, struct driver_failure *f);

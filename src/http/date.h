/* date.h: the Date field's text (RFC 9110 §5.6.7), independent of locale and time zone. Pure; formatted once
 * a second by its users. */
#pragma once
#include <stdint.h>

enum { HTTP_DATE_BYTES = 29 };

/* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL, for seconds since 1970; years 1970 to 9999. Returns out. */
char *http_date_format(char out[HTTP_DATE_BYTES + 1], int64_t wall_s);

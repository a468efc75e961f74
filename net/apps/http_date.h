/*
 * http_date.h - dates of HTTP (RFC 9110 5.6.7).
 */
#ifndef NET_APPS_HTTP_DATE_H
#define NET_APPS_HTTP_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define HTTP_DATE_LEN 29u /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Writes HTTP_DATE_LEN characters and a NUL. Years outside 0-9999 are shown as 1970. */
void http_date_format(time_t t, char *out);

/* Any of the three forms a recipient must accept. False if it is none of them. */
bool http_date_parse(const char *text, size_t len, time_t *out);

#endif

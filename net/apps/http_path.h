/*
 * http_path.h - from a request target to the name of a file, and back.
 */
#ifndef NET_APPS_HTTP_PATH_H
#define NET_APPS_HTTP_PATH_H

#include <stddef.h>

#define HTTP_PATH_MAX 1024u /* bytes of a decoded path with its NUL; no file of ours has a longer name */

/**
 * http_path_normalise - decode once, then resolve "." and "..", then join repeated slashes
 * @path, @len: the path of the target, percent-encoded; empty means "/"
 * @out: HTTP_PATH_MAX bytes: an absolute path without "." or ".." segments, NUL-terminated
 *
 * Return: its length, -400 (bad escape, NUL, leaves the root: RFC 9110 17.3), or -404 (longer than any file).
 */
int http_path_normalise(const char *path, size_t len, char *out);

/* The reverse, for Location: everything but unreserved characters and '/' is escaped. Return: length, or 0 if
 * it does not fit in `size`. */
size_t http_path_encode(const char *path, char *out, size_t size);

/* Text for HTML: < > & " ' are escaped, controls and bytes above ASCII become '?'. Cut at `size`,
 * NUL-terminated. Return: length. */
size_t http_html_escape(const char *text, size_t len, char *out, size_t size);

#endif

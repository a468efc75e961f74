/*
 * http_type.h - what a file is, by the extension of its name.
 */
#ifndef NET_APPS_HTTP_TYPE_H
#define NET_APPS_HTTP_TYPE_H

#include <stdbool.h>

struct http_type {
    const char *extension; /* lower case, without the dot */
    const char *name;      /* value of Content-Type */
    bool text;             /* worth a compressed sibling (name.gz) */
};

/* Never NULL: application/octet-stream for what is not known. */
const struct http_type *http_type_of(const char *path);

#endif

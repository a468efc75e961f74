/*
 * http_file.h - the files of the site that are asked for: open, measured, with their answer prepared.
 *
 * For each file the cache keeps the descriptor and the complete head of a 200 answer. The body goes out by
 * reference, with sendfile(); MSG_MORE on the head puts the two into one segment. A file that fits one
 * segment with its head is kept behind it in one block and copied: a segment so short is summed byte by byte
 * anyway, which copies it in passing, and the second call, the page on the sk_buff and the card's second
 * descriptor cost more than that (a tenth of a whole request). Pages that are part of the program lie in
 * their block, too.
 */
#ifndef NET_APPS_HTTP_FILE_H
#define NET_APPS_HTTP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "net/apps/http_date.h"
#include "net/apps/link.h"

/* Every head starts like this; the date is written over the placeholder. */
#define HTTP_HEAD_AFTER_STATUS "\r\nServer: Skiff\r\nDate: "
#define HTTP_HEAD_200          "HTTP/1.1 200 OK" HTTP_HEAD_AFTER_STATUS
#define HTTP_DATE_OFFSET       (sizeof(HTTP_HEAD_200) - 1)

struct http_file {
    struct http_file *hash_next;
    struct link lru;
    uint32_t hash, refcount;
    char *path; /* the key: normalised path of the request; NULL for a compressed sibling */
    size_t path_len;
    int fd; /* -1: all of it is in `block` */
    uint64_t size;
    time_t mtime;
    struct http_file *gzip; /* the compressed sibling (name.gz), or NULL */

    char *block; /* head of the 200 answer, then the body if has_body */
    uint32_t head_len, block_len;
    uint32_t date_version; /* of the date in block, see http_file_set_date() */
    bool has_body;         /* the body is in `block`: short, or part of the program */
    char etag[40];
    /* Ranges of `block` that other answers are made of. */
    uint32_t type_start, type_len;             /* Content-Type, Content-Encoding and Vary */
    uint32_t validators_start, validators_len; /* Last-Modified, ETag, Accept-Ranges */
};

struct http_files;

/* A cache of at most `limit` files below the directory `root` ("/www"); `root` "" for none. NULL without
 * memory. */
struct http_files *http_files_create(const char *root, unsigned limit);

/* Forgets all files; those held stay until they are put. */
void http_files_destroy(struct http_files *files);

/**
 * http_files_find - the file a request means
 * @path: normalised, NUL-terminated; a directory (ends in '/') means its index.html
 * @file: borrowed until the next call; http_file_hold() keeps it longer
 *
 * Return: 200, 301 (a directory: a '/' must be added), 404, or 503 without memory or descriptors.
 */
int http_files_find(struct http_files *files, const char *path, size_t len, struct http_file **file);

/* A page that is part of the program, under this path. 0, or -1 without memory. */
int http_files_add(struct http_files *files, const char *path, const char *body, size_t len, time_t mtime);

void http_file_hold(struct http_file *file);
void http_file_put(struct http_file *file);

/* Writes the date of this second (numbered by version) into the prepared head, unless it is there already. */
static inline void http_file_set_date(struct http_file *file, const char *date, uint32_t version)
{
    if (file->date_version == version)
        return;
    file->date_version = version;
    __builtin_memcpy(file->block + HTTP_DATE_OFFSET, date, HTTP_DATE_LEN);
}

#endif

/*
 * http_file.c - the cache of files being served.
 *
 * Called by http_respond.c with a normalised path. The files of the RAM file system never change, so an entry
 * is good until its place is needed for another one. Only files that exist take a place: no request can fill
 * the cache with anything but the site itself.
 */
#include "net/apps/http_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/apps/http_path.h"
#include "net/apps/http_type.h"

#define HTTP_FILE_BUCKETS 128u

struct http_files {
    struct http_file *bucket[HTTP_FILE_BUCKETS];
    struct link lru; /* the one not asked for longest is first */
    unsigned count, limit;
    char root[32];
    char name[32 + HTTP_PATH_MAX + 16]; /* the name being opened */
};

struct http_files *http_files_create(const char *root, unsigned limit)
{
    struct http_files *files = calloc(1, sizeof(*files));
    if (!files)
        return NULL;
    link_init(&files->lru);
    files->limit = limit;
    snprintf(files->root, sizeof(files->root), "%s", root);
    return files;
}

void http_file_hold(struct http_file *file)
{
    file->refcount++;
}

void http_file_put(struct http_file *file)
{
    if (!file || --file->refcount)
        return;
    http_file_put(file->gzip);
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file->block);
    free(file);
}

/* FNV-1a. The keys are names of our own files, so nobody can choose them to collide. */
static uint32_t hash_path(const char *path, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)path[i]) * 16777619u;
    return hash;
}

/* --- preparing the answer --- */

#define HTTP_FILE_HEAD_MAX 512u
/* A head and its body up to this fit one segment on every usual path, with timestamps. */
#define HTTP_BLOCK_MAX 1400u

static void write_head(struct http_file *file, const struct http_type *type, bool is_gzip, bool vary)
{
    char *block = file->block, date[HTTP_DATE_LEN + 1], now[HTTP_DATE_LEN + 1];
    const size_t cap = HTTP_FILE_HEAD_MAX;
    size_t n = snprintf(block, cap, "%s%.*s\r\n", HTTP_HEAD_200, (int)HTTP_DATE_LEN,
                        "Thu, 01 Jan 1970 00:00:00 GMT");
    file->type_start = n;
    n += snprintf(block + n, cap - n, "Content-Type: %s\r\n%s%s", type->name,
                  is_gzip ? "Content-Encoding: gzip\r\n" : "", vary ? "Vary: Accept-Encoding\r\n" : "");
    file->type_len = n - file->type_start;
    file->validators_start = n;
    /* Not later than Date (RFC 9110 8.8.2.1); both are of the same form, and mtime is only shown. */
    http_date_format(file->mtime, date);
    http_date_format(time(NULL), now);
    n += snprintf(block + n, cap - n, "Last-Modified: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n",
                  file->mtime > time(NULL) ? now : date, file->etag);
    file->validators_len = n - file->validators_start;
    n += snprintf(block + n, cap - n, "Content-Length: %llu\r\n\r\n", (unsigned long long)file->size);
    file->head_len = n;
}

/* The body comes behind the head in the block: of what is part of the program, or of a file. */
static bool take_body(struct http_file *file, const char *body)
{
    char *to = file->block + file->head_len;
    if (body)
        memcpy(to, body, file->size);
    else
        return pread(file->fd, to, file->size, 0) == (ssize_t)file->size;
    return true;
}

/* Gives the file its block, with the body if it is part of the program (else NULL) or short. 0 or -1. */
static int prepare(struct http_file *file, const struct http_type *type, bool is_gzip, bool vary,
                   const char *body)
{
    bool may_fit = body || file->size <= HTTP_BLOCK_MAX;
    snprintf(file->etag, sizeof(file->etag), "\"%llx-%llx%s\"", (unsigned long long)file->mtime,
             (unsigned long long)file->size, is_gzip ? "-gz" : "");
    file->block = malloc(HTTP_FILE_HEAD_MAX + (may_fit ? file->size : 0));
    if (!file->block)
        return -1;
    write_head(file, type, is_gzip, vary);
    file->block_len = file->head_len;
    if (body || (may_fit && file->head_len + file->size <= HTTP_BLOCK_MAX)) {
        file->has_body = take_body(file, body);
        file->block_len += file->has_body ? file->size : 0;
    }
    char *fitting = realloc(file->block, file->block_len);
    if (fitting)
        file->block = fitting;
    return 0;
}

/* The regular file files->name, opened. NULL with *status 301 (a directory), 404 or 503. */
static struct http_file *open_file(struct http_files *files, int *status)
{
    struct stat st;
    int fd = open(files->name, O_RDONLY);
    if (fd < 0) {
        *status = errno == EMFILE || errno == ENFILE || errno == ENOMEM ? 503 : 404;
        return NULL;
    }
    struct http_file *file = fstat(fd, &st) || !S_ISREG(st.st_mode) ? NULL : calloc(1, sizeof(*file));
    if (!file) {
        *status = S_ISDIR(st.st_mode) ? 301 : S_ISREG(st.st_mode) ? 503 : 404;
        close(fd);
        return NULL;
    }
    link_init(&file->lru);
    file->refcount = 1;
    file->fd = fd;
    file->size = st.st_size;
    file->mtime = st.st_mtime;
    return file;
}

/* The sibling name.gz of the file just opened, NULL if there is none. */
static struct http_file *open_gzip(struct http_files *files, const struct http_type *type)
{
    int status;
    strcat(files->name, ".gz"); /* name[] has room: see set_name() */
    struct http_file *file = open_file(files, &status);
    if (file && prepare(file, type, true, true, NULL)) {
        http_file_put(file);
        return NULL;
    }
    return file;
}

static bool set_name(struct http_files *files, const char *path, const char *more)
{
    /* Three bytes to spare for ".gz". */
    size_t room = sizeof(files->name) - 3;
    return *files->root && (size_t)snprintf(files->name, room, "%s%s%s", files->root, path, more) < room;
}

static struct http_file *load(struct http_files *files, const char *path, size_t len, int *status)
{
    *status = 404;
    if (!set_name(files, path, path[len - 1] == '/' ? "index.html" : ""))
        return NULL;
    struct http_file *file = open_file(files, status);
    if (!file) {
        /* An archive need not list its directories: one with an index.html is one. */
        if (*status == 404 && path[len - 1] != '/' && set_name(files, path, "/index.html")) {
            int fd = open(files->name, O_RDONLY);
            if (fd >= 0) {
                close(fd);
                *status = 301;
            }
        }
        return NULL;
    }
    const struct http_type *type = http_type_of(files->name);
    file->gzip = type->text ? open_gzip(files, type) : NULL;
    if (prepare(file, type, false, file->gzip, NULL)) {
        *status = 503;
        http_file_put(file);
        return NULL;
    }
    return file;
}

/* --- the table --- */

static void forget(struct http_files *files, struct http_file *file)
{
    struct http_file **at = &files->bucket[file->hash % HTTP_FILE_BUCKETS];
    while (*at != file)
        at = &(*at)->hash_next;
    *at = file->hash_next;
    link_remove(&file->lru);
    files->count--;
    http_file_put(file);
}

/* Takes the reference of `file`. 0, or -1 without memory (the file is put). */
static int remember(struct http_files *files, struct http_file *file, const char *path, size_t len)
{
    file->path = strdup(path);
    if (!file->path) {
        http_file_put(file);
        return -1;
    }
    if (files->count == files->limit)
        forget(files, link_entry(link_first(&files->lru), struct http_file, lru));
    file->path_len = len;
    file->hash = hash_path(path, len);
    struct http_file **bucket = &files->bucket[file->hash % HTTP_FILE_BUCKETS];
    file->hash_next = *bucket;
    *bucket = file;
    link_append(&files->lru, &file->lru);
    files->count++;
    return 0;
}

void http_files_destroy(struct http_files *files)
{
    struct link *l;
    while ((l = link_first(&files->lru)))
        forget(files, link_entry(l, struct http_file, lru));
    free(files);
}

int http_files_find(struct http_files *files, const char *path, size_t len, struct http_file **out)
{
    uint32_t hash = hash_path(path, len);
    struct http_file *file = files->bucket[hash % HTTP_FILE_BUCKETS];
    while (file && (file->hash != hash || file->path_len != len || memcmp(file->path, path, len)))
        file = file->hash_next;
    if (!file) {
        int status;
        file = load(files, path, len, &status);
        if (!file)
            return status;
        if (remember(files, file, path, len))
            return 503;
    } else if (files->lru.prev != &file->lru) {
        link_move_last(&files->lru, &file->lru);
    }
    *out = file;
    return 200;
}

int http_files_add(struct http_files *files, const char *path, const char *body, size_t len, time_t mtime)
{
    struct http_file *file = calloc(1, sizeof(*file));
    if (!file)
        return -1;
    link_init(&file->lru);
    file->refcount = 1;
    file->fd = -1;
    file->size = len;
    file->mtime = mtime;
    if (prepare(file, http_type_of(path), false, false, body)) {
        http_file_put(file);
        return -1;
    }
    return remember(files, file, path, strlen(path));
}

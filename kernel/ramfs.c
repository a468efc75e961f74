/*
 * ramfs.c - the files of site.tar, found by name, left where the boot loader put them.
 *
 * Called once at boot by kernel/main.c with the boot module; later by open(), stat() and sendfile().
 * The archive is walked header by header: each is validated (tar_read_header), then decided upon
 * (archive_take_entry), then put into a table. When all are in, the directories nobody listed are added, the
 * table is sorted, and of entries with the same path the last one stays, as if the archive had been unpacked.
 *
 *     | header 512 | content, padded to 512 | header 512 | ... | zeros 512 | zeros 512 |
 *
 * Understood: POSIX.1-1988 ustar with prefix, GNU long names (type L), POSIX.1-2001 extended headers (type x:
 * path and size). Links, devices and sparse files have no place here and are skipped with a warning.
 */
#include "kernel/ramfs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/slab.h"

#define TAR_BLOCK          512u
#define RAMFS_PATH_MAX     1023
#define RAMFS_DEPTH_MAX    32 /* directories above a file: bounds what one entry can make us add */
#define RAMFS_WARNINGS_MAX 10 /* lines on the console about one archive */

struct tar_header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char chksum[8];
    char typeflag;
    char linkname[100];
    char magic[6];
    char version[2];
    char uname[32];
    char gname[32];
    char devmajor[8];
    char devminor[8];
    char prefix[155];
    char padding[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a tar header is one block");

enum tar_type {
    TAR_FILE = '0',
    TAR_FILE_OLD = '\0',
    TAR_HARD_LINK = '1',
    TAR_SYMLINK = '2',
    TAR_CHAR_DEVICE = '3',
    TAR_BLOCK_DEVICE = '4',
    TAR_DIRECTORY = '5',
    TAR_FIFO = '6',
    TAR_FILE_CONTIGUOUS = '7',
    TAR_PAX_GLOBAL = 'g',
    TAR_PAX = 'x',
    TAR_GNU_LONG_NAME = 'L',
    TAR_GNU_LONG_LINK = 'K',
};

struct ramfs_entry {
    struct ramfs_inode inode;
    uint32_t order; /* position in the archive */
    bool implied;   /* a directory known only from the paths below it */
};

struct ramfs {
    struct ramfs_entry *entries;
    size_t count, capacity;
};

/* A stretch of the archive that holds a path; not NUL-terminated. */
struct span {
    const char *text; /* NULL: none */
    size_t len;
};

/* The walk through an archive. */
struct archive {
    const uint8_t *tar;
    size_t len, offset; /* offset <= len */
    struct ramfs *fs;
    uint32_t order;
    unsigned warnings;
    bool out_of_memory;
    char *why;    /* empty as long as nothing is wrong */
    bool has_tar; /* a header, or the end mark, has been seen */
    /* What an extended header said about the entry that follows it. */
    struct span long_path;
    bool has_long_size, is_sparse;
    uint64_t long_size;
};

/* One header, validated. */
struct tar_entry {
    const struct tar_header *header;
    enum tar_type type;
    const uint8_t *data;
    size_t size; /* all of it lies inside the archive */
};

/* The last mount's complaint; valid until the next one. */
static char mount_why[160];

static void archive_damage(struct archive *a, const char *fmt, ...) __printf(2, 3);
static void archive_warn(struct archive *a, const char *fmt, ...) __printf(2, 3);

/* What stops the walk. The first complaint is kept. */
static void archive_damage(struct archive *a, const char *fmt, ...)
{
    va_list args;
    int len;

    if (a->why[0])
        return;
    va_start(args, fmt);
    len = vsnprintf(a->why, sizeof(mount_why), fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(mount_why))
        snprintf(a->why + len, sizeof(mount_why) - (size_t)len, " (at byte %zu of %zu)", a->offset, a->len);
}

/* What only costs one entry. */
static void archive_warn(struct archive *a, const char *fmt, ...)
{
    char text[200];
    va_list args;

    if (a->warnings++ >= RAMFS_WARNINGS_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    pr_warn("ramfs: %s", text);
}

static bool block_is_zero(const uint8_t *block)
{
    for (size_t i = 0; i < TAR_BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

/* Blanks, octal digits, then blanks or NULs to the end. The base-256 form (top bit set) is refused. */
static bool parse_octal(const char *field, size_t len, uint64_t *out)
{
    size_t i = 0, first;
    uint64_t value = 0;

    while (i < len && field[i] == ' ')
        i++;
    first = i;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
        value = value * 8 + (uint64_t)(field[i] - '0'); /* 12 digits are 36 bits */
    if (i == first)
        return false;
    for (; i < len; i++)
        if (field[i] != ' ' && field[i])
            return false;
    *out = value;
    return true;
}

/* The sum of all bytes of the header, its own field counted as blanks. */
static bool checksum_is_right(const struct tar_header *header)
{
    const uint8_t *bytes = (const uint8_t *)header;
    size_t field = offsetof(struct tar_header, chksum);
    uint64_t expected, sum = 0;

    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i - field < sizeof(header->chksum) ? ' ' : bytes[i];
    return parse_octal(header->chksum, sizeof(header->chksum), &expected) && sum == expected;
}

static bool magic_is_right(const struct tar_header *header)
{
    return !memcmp(header->magic,
                   "ustar\0"
                   "00",
                   8) ||
           !memcmp(header->magic, "ustar  ", 8);
}

/* Types that are followed by content, whatever the size field of the others says. */
static bool type_has_content(enum tar_type type)
{
    switch (type) {
    case TAR_HARD_LINK:
    case TAR_SYMLINK:
    case TAR_CHAR_DEVICE:
    case TAR_BLOCK_DEVICE:
    case TAR_DIRECTORY:
    case TAR_FIFO:
        return false;
    default:
        return true;
    }
}

static bool type_is_extension(enum tar_type type)
{
    return type == TAR_PAX || type == TAR_PAX_GLOBAL || type == TAR_GNU_LONG_NAME ||
           type == TAR_GNU_LONG_LINK;
}

/* The size of an entry's content. An extended header's word on it counts for the entry, not for extensions.
 */
static bool read_size(struct archive *a, const struct tar_entry *entry, uint64_t *size)
{
    *size = 0;
    if (!type_has_content(entry->type))
        return true;
    if (a->has_long_size && !type_is_extension(entry->type)) {
        *size = a->long_size;
        return true;
    }
    return parse_octal(entry->header->size, sizeof(entry->header->size), size);
}

/* Validates the header at a->offset and finds its content. Return: false if damaged, with a->why set. */
static bool tar_read_header(struct archive *a, struct tar_entry *entry)
{
    const struct tar_header *header = (const struct tar_header *)(a->tar + a->offset);
    size_t room = a->len - a->offset - TAR_BLOCK;
    uint64_t size;

    if (!magic_is_right(header)) {
        archive_damage(a, "no ustar header where one should be");
        return false;
    }
    if (!checksum_is_right(header)) {
        archive_damage(a, "a header with a wrong checksum");
        return false;
    }
    a->has_tar = true;
    entry->header = header;
    entry->type = (enum tar_type)(unsigned char)header->typeflag;
    if (!read_size(a, entry, &size)) {
        archive_damage(a, "a size that is no octal number");
        return false;
    }
    if (size > room) {
        archive_damage(a, "a file of %llu bytes with %zu left in the archive", (unsigned long long)size,
                       room);
        return false;
    }
    entry->data = a->tar + a->offset + TAR_BLOCK;
    entry->size = (size_t)size;
    return true;
}

/* Past the header and the padded content; the padding of the last file may be missing. */
static void archive_advance(struct archive *a, size_t content_len)
{
    size_t room = a->len - a->offset - TAR_BLOCK;
    size_t padding = -content_len % TAR_BLOCK;

    a->offset += TAR_BLOCK + content_len + min(padding, room - content_len);
}

static void archive_forget_extension(struct archive *a)
{
    a->long_path = (struct span){NULL, 0};
    a->has_long_size = false;
    a->is_sparse = false;
}

static bool pax_key_is(struct span key, const char *name)
{
    return key.len == strlen(name) && !memcmp(key.text, name, key.len);
}

static bool parse_decimal(struct span text, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.text[i] < '0' || text.text[i] > '9' || value > UINT64_MAX / 10 - 1)
            return false;
        value = value * 10 + (uint64_t)(text.text[i] - '0');
    }
    *out = value;
    return text.len;
}

static bool pax_take_record(struct archive *a, struct span key, struct span value)
{
    static const char sparse[] = "GNU.sparse.";

    if (pax_key_is(key, "path"))
        a->long_path = value;
    else if (pax_key_is(key, "size"))
        return a->has_long_size = parse_decimal(value, &a->long_size);
    else if (key.len >= sizeof(sparse) - 1 && !memcmp(key.text, sparse, sizeof(sparse) - 1))
        a->is_sparse = true;
    return true;
}

/* One record, "27 path=some/long/file.html\n", its length counting itself. Return: that length, 0 if damaged.
 */
static size_t pax_parse_record(struct archive *a, const char *text, size_t room)
{
    const char *blank = memchr(text, ' ', min(room, (size_t)10));
    const char *equals;
    struct span key, value;
    uint64_t len;

    if (!blank || !parse_decimal((struct span){text, (size_t)(blank - text)}, &len) || len > room)
        return 0;
    key.text = blank + 1;
    if (len < (size_t)(key.text - text) + 2 || text[len - 1] != '\n')
        return 0;
    equals = memchr(key.text, '=', (size_t)(text + len - 1 - key.text));
    if (!equals)
        return 0;
    key.len = (size_t)(equals - key.text);
    value.text = equals + 1;
    value.len = (size_t)(text + len - 1 - value.text);
    return pax_take_record(a, key, value) ? (size_t)len : 0;
}

static bool pax_parse(struct archive *a, const char *text, size_t len)
{
    while (len) {
        size_t record = pax_parse_record(a, text, len);
        if (!record) {
            archive_damage(a, "an extended header that makes no sense");
            return false;
        }
        text += record;
        len -= record;
    }
    return true;
}

/* The path of an entry, from where it is told best, into `out`. Return: false if it is too long or has a NUL.
 */
static bool entry_raw_path(const struct archive *a, const struct tar_header *header, char *out)
{
    size_t prefix_len = strnlen(header->prefix, sizeof(header->prefix));
    size_t name_len = strnlen(header->name, sizeof(header->name));

    if (a->long_path.text) {
        if (a->long_path.len > RAMFS_PATH_MAX || memchr(a->long_path.text, 0, a->long_path.len))
            return false;
        memcpy(out, a->long_path.text, a->long_path.len);
        out[a->long_path.len] = 0;
        return true;
    }
    if (header->magic[5]) /* the old GNU form keeps other things where ustar has its prefix */
        prefix_len = 0;
    if (prefix_len) {
        memcpy(out, header->prefix, prefix_len);
        out[prefix_len++] = '/';
    }
    memcpy(out + prefix_len, header->name, name_len);
    out[prefix_len + name_len] = 0;
    return true;
}

/*
 * Brings a path into its one form, in place: no "./", no "//", no slash at the end; "" for the root.
 * Return: false if it leads out of the root (absolute, or with "..") or goes too deep.
 */
static bool path_normalize(char *path)
{
    char *out = path, *in = path;
    unsigned depth = 0;

    if (*path == '/')
        return false;
    while (*in) {
        size_t len = strcspn(in, "/");
        if (len == 2 && in[0] == '.' && in[1] == '.')
            return false;
        if (len && !(len == 1 && in[0] == '.')) {
            if (++depth > RAMFS_DEPTH_MAX)
                return false;
            if (out != path)
                *out++ = '/';
            memmove(out, in, len);
            out += len;
        }
        in += len;
        in += *in == '/';
    }
    *out = 0;
    return true;
}

static bool ramfs_grow(struct ramfs *fs)
{
    size_t capacity = fs->capacity ? fs->capacity * 2 : 16;
    struct ramfs_entry *entries = kcalloc(capacity, sizeof(*entries));

    if (!entries)
        return false;
    if (fs->count)
        memcpy(entries, fs->entries, fs->count * sizeof(*entries));
    kfree(fs->entries);
    fs->entries = entries;
    fs->capacity = capacity;
    return true;
}

/* A new entry at the end of the table, with a copy of the path. NULL without memory. */
static struct ramfs_entry *ramfs_append(struct ramfs *fs, const char *path, size_t path_len)
{
    struct ramfs_entry *entry;
    char *copy;

    if (fs->count == fs->capacity && !ramfs_grow(fs))
        return NULL;
    copy = kmalloc(path_len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, path, path_len);
    copy[path_len] = 0;
    entry = &fs->entries[fs->count++];
    *entry = (struct ramfs_entry){.inode.path = copy};
    return entry;
}

/* A file or directory of the archive goes into the table. */
static void archive_add(struct archive *a, const struct tar_entry *entry, const char *path)
{
    struct ramfs_entry *added;
    uint64_t mtime;

    if (!*path)
        return; /* "./", the root: it has no entry */
    added = ramfs_append(a->fs, path, strlen(path));
    if (!added) {
        a->out_of_memory = true;
        return;
    }
    added->order = a->order++;
    added->inode.is_dir = entry->type == TAR_DIRECTORY;
    added->inode.data = entry->data;
    added->inode.size = entry->size;
    if (parse_octal(entry->header->mtime, sizeof(entry->header->mtime), &mtime))
        added->inode.mtime = (int64_t)mtime;
}

static void archive_take_entry(struct archive *a, struct tar_entry *entry)
{
    char path[RAMFS_PATH_MAX + 1];
    size_t len;

    if (!entry_raw_path(a, entry->header, path)) {
        archive_warn(a, "skipped a file whose name is longer than %d bytes or has a NUL", RAMFS_PATH_MAX);
        return;
    }
    len = strlen(path);
    /* Before ustar, a directory was a file with a slash at the end of its name. */
    if (entry->type == TAR_FILE_OLD && len && path[len - 1] == '/')
        entry->type = TAR_DIRECTORY;
    if (entry->type == TAR_DIRECTORY)
        entry->size = 0;
    if (!path_normalize(path))
        archive_warn(a, "skipped \"%s\": it is absolute, has \"..\" or is too deep", path);
    else if (a->is_sparse)
        archive_warn(a, "skipped \"%s\": pack it again without --sparse", path);
    else
        archive_add(a, entry, path);
}

static void archive_skip_entry(struct archive *a, const struct tar_entry *entry)
{
    const struct tar_header *header = entry->header;
    bool is_link = entry->type == TAR_HARD_LINK || entry->type == TAR_SYMLINK;

    archive_warn(a, "skipped \"%.*s\": %s", (int)strnlen(header->name, sizeof(header->name)), header->name,
                 is_link ? "it is a link; pack with tar --dereference --hard-dereference"
                         : "it is neither a file nor a directory");
}

/* Decides what an entry is and acts on it. Return: false to stop. */
static bool archive_take(struct archive *a, struct tar_entry *entry)
{
    switch (entry->type) {
    case TAR_PAX:
        return pax_parse(a, (const char *)entry->data, entry->size);
    case TAR_GNU_LONG_NAME:
        a->long_path = (struct span){(const char *)entry->data, entry->size};
        if (entry->size && !entry->data[entry->size - 1])
            a->long_path.len--;
        return true;
    case TAR_PAX_GLOBAL:
    case TAR_GNU_LONG_LINK:
        return true;
    case TAR_FILE:
    case TAR_FILE_OLD:
    case TAR_FILE_CONTIGUOUS:
    case TAR_DIRECTORY:
        archive_take_entry(a, entry);
        break;
    default: /* links, devices, vendors' letters */
        archive_skip_entry(a, entry);
        break;
    }
    archive_forget_extension(a);
    return !a->out_of_memory;
}

/* Return: whether the walk is over: at the end mark, or where the archive breaks off. */
static bool archive_at_end(struct archive *a)
{
    size_t room = a->len - a->offset;

    if (room < TAR_BLOCK) {
        archive_damage(a, "the archive breaks off before its end mark");
        return true;
    }
    if (!block_is_zero(a->tar + a->offset))
        return false;
    a->has_tar = true;
    if (room < 2 * TAR_BLOCK || !block_is_zero(a->tar + a->offset + TAR_BLOCK))
        archive_damage(a, "a single block of zeros; the end mark has two");
    return true;
}

static void archive_walk(struct archive *a)
{
    struct tar_entry entry;
    size_t content_len;

    while (!archive_at_end(a)) {
        if (!tar_read_header(a, &entry))
            return;
        content_len = entry.size;
        if (!archive_take(a, &entry))
            return;
        archive_advance(a, content_len);
    }
}

/* By path; entries of the same path in the order the archive has them, implied directories first. */
static int compare_entries(const void *va, const void *vb)
{
    const struct ramfs_entry *a = va, *b = vb;
    int by_path = strcmp(a->inode.path, b->inode.path);

    if (by_path)
        return by_path;
    if (a->implied != b->implied)
        return a->implied ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void ramfs_sort(struct ramfs *fs)
{
    qsort(fs->entries, fs->count, sizeof(*fs->entries), compare_entries);
}

/*
 * Adds each directory on the way to `path`. Those that `previous`, its neighbour in the sorted table, lies in
 * too have been added for that one.
 */
static bool ramfs_imply_parents(struct ramfs *fs, const char *path, const char *previous)
{
    size_t common = 0;

    while (path[common] && path[common] == previous[common])
        common++;
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct ramfs_entry *parent;
        size_t len = (size_t)(slash - path);
        if (len < common)
            continue;
        parent = ramfs_append(fs, path, len);
        if (!parent)
            return false;
        parent->implied = true;
        parent->inode.is_dir = true;
    }
    return true;
}

static bool ramfs_imply_all_parents(struct ramfs *fs)
{
    size_t listed = fs->count;
    const char *previous = "";

    for (size_t i = 0; i < listed; i++) {
        const char *path = fs->entries[i].inode.path;
        if (!ramfs_imply_parents(fs, path, previous))
            return false;
        previous = path;
    }
    return true;
}

/*
 * Which of the entries first .. end-1, all of one path, stays: the last one listed, but what has something
 * below it is a directory, whatever else of that name there is.
 */
static size_t ramfs_choose(const struct ramfs *fs, size_t first, size_t end)
{
    size_t chosen = end - 1;

    if (!fs->entries[first].implied)
        return chosen;
    while (!fs->entries[chosen].inode.is_dir)
        chosen--;
    return chosen;
}

/* Leaves one entry per path in the sorted table. */
static void ramfs_drop_duplicates(struct ramfs *fs)
{
    size_t kept = 0;

    for (size_t first = 0, end; first < fs->count; first = end) {
        size_t chosen;
        struct ramfs_entry entry;

        end = first + 1;
        while (end < fs->count && !strcmp(fs->entries[end].inode.path, fs->entries[first].inode.path))
            end++;
        chosen = ramfs_choose(fs, first, end);
        entry = fs->entries[chosen];
        for (size_t i = first; i < end; i++)
            if (i != chosen)
                kfree(fs->entries[i].inode.path);
        fs->entries[kept++] = entry;
    }
    fs->count = kept;
}

static bool ramfs_finish(struct ramfs *fs)
{
    ramfs_sort(fs);
    if (!ramfs_imply_all_parents(fs))
        return false;
    ramfs_sort(fs);
    ramfs_drop_duplicates(fs);
    return true;
}

struct ramfs *ramfs_mount_tar(const void *tar, size_t len, const char **why)
{
    struct archive a = {.tar = tar, .len = len, .why = mount_why};

    mount_why[0] = 0;
    a.fs = kzalloc(sizeof(*a.fs));
    if (a.fs)
        archive_walk(&a);
    if (a.warnings > RAMFS_WARNINGS_MAX)
        pr_warn("ramfs: skipped %u more", a.warnings - RAMFS_WARNINGS_MAX);
    if (!a.fs || a.out_of_memory || !ramfs_finish(a.fs)) {
        *why = "not enough memory for the table of contents";
        ramfs_unmount(a.fs);
        return NULL;
    }
    *why = mount_why[0] ? mount_why : NULL;
    if (!a.has_tar) {
        ramfs_unmount(a.fs);
        return NULL;
    }
    return a.fs;
}

void ramfs_unmount(struct ramfs *fs)
{
    if (!fs)
        return;
    for (size_t i = 0; i < fs->count; i++)
        kfree(fs->entries[i].inode.path);
    kfree(fs->entries);
    kfree(fs);
}

const struct ramfs_inode *ramfs_lookup(const struct ramfs *fs, const char *path)
{
    size_t len = strlen(path), low = 0, high = fs->count;
    bool wants_dir = len && path[len - 1] == '/';

    len -= wants_dir;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct ramfs_inode *inode = &fs->entries[middle].inode;
        int order = strncmp(path, inode->path, len);
        if (!order && inode->path[len])
            order = -1;
        if (!order)
            return wants_dir && !inode->is_dir ? NULL : inode;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t ramfs_count(const struct ramfs *fs)
{
    return fs->count;
}

const struct ramfs_inode *ramfs_get(const struct ramfs *fs, size_t index)
{
    return index < fs->count ? &fs->entries[index].inode : NULL;
}

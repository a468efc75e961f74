/*
 * test_ramfs.c - kernel/ramfs.c on archives that the host's tar packed, and on damaged and hostile ones.
 *
 * Every archive is handed over in a block of exactly its size, so AddressSanitizer sees a read behind its
 * end.
 */
#include "kernel/ramfs.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/host/host.h"
#include "tests/unit/test.h"

static char dir[64];
static const char *why;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static size_t alive_before;

static int setup(void **state)
{
    strcpy(dir, "/tmp/test_ramfs.XXXXXX");
    alive_before = host_objects_alive();
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    assert_int_equal(host_objects_alive(), alive_before);
    return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* A file under `dir`, with its directories; `len` bytes that depend on the name. */
static void make_file(const char *name, size_t len)
{
    char path[4096], *slash;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (slash = strchr(path + strlen(dir) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0755);
        *slash = '/';
    }
    file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        fputc((int)(i * 7 + strlen(name)) & 0xff, file);
    fclose(file);
}

struct tar {
    uint8_t *bytes;
    size_t len;
};

/* What `tar ARGS` in the directory writes to its standard output. */
static struct tar pack(const char *args)
{
    struct tar tar = {malloc(8 << 20), 0};
    char command[8192];
    FILE *pipe;

    snprintf(command, sizeof(command), "cd %s && tar -cf - %s 2>/dev/null", dir, args);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    tar.len = fread(tar.bytes, 1, 8 << 20, pipe);
    assert_int_equal(pclose(pipe), 0);
    tar.bytes = realloc(tar.bytes, tar.len);
    return tar;
}

static struct ramfs *mount(const struct tar *tar)
{
    return ramfs_mount_tar(tar->bytes, tar->len, &why);
}

static void assert_file(const struct ramfs *fs, const char *path, const char *made_as, size_t len)
{
    const struct ramfs_inode *inode = ramfs_lookup(fs, path);

    assert_non_null(inode);
    assert_string_equal(inode->path, path);
    assert_false(inode->is_dir);
    assert_int_equal(inode->size, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(inode->data[i], (i * 7 + strlen(made_as)) & 0xff);
}

static void assert_dir(const struct ramfs *fs, const char *path)
{
    const struct ramfs_inode *inode = ramfs_lookup(fs, path);

    assert_non_null(inode);
    assert_true(inode->is_dir);
}

/* Sorted, no path twice, nothing above the root, and every directory there that a path runs through. */
static void assert_sound(const struct ramfs *fs)
{
    for (size_t i = 0; i < ramfs_count(fs); i++) {
        const struct ramfs_inode *inode = ramfs_get(fs, i);
        char parent[2048];
        if (i)
            assert_true(strcmp(ramfs_get(fs, i - 1)->path, inode->path) < 0);
        assert_true(*inode->path && *inode->path != '/');
        assert_ptr_equal(ramfs_lookup(fs, inode->path), inode);
        strcpy(parent, inode->path);
        if (strrchr(parent, '/')) {
            *strrchr(parent, '/') = 0;
            assert_dir(fs, parent);
        }
    }
    assert_null(ramfs_get(fs, ramfs_count(fs)));
}

TEST("files packed by each format of tar are found with their content, size and time")
{
    static const char *const formats[] = {"ustar", "gnu", "oldgnu", "pax"};
    char args[256], path[256];
    struct stat st;

    make_file("www/index.html", 1234);
    make_file("www/empty", 0);
    make_file("www/img/block.png", 512);
    make_file("etc/iptables.rules", 511);
    make_file("www/big", 100000);
    snprintf(path, sizeof(path), "%s/www/index.html", dir);
    stat(path, &st);
    for (size_t i = 0; i < 4; i++) {
        snprintf(args, sizeof(args), "--format=%s .", formats[i]);
        struct tar tar = pack(args);
        struct ramfs *fs = mount(&tar);
        assert_non_null(fs);
        assert_null(why);
        assert_sound(fs);
        assert_int_equal(ramfs_count(fs), 8);
        assert_file(fs, "www/index.html", "www/index.html", 1234);
        assert_file(fs, "www/empty", "www/empty", 0);
        assert_file(fs, "www/img/block.png", "www/img/block.png", 512);
        assert_file(fs, "etc/iptables.rules", "etc/iptables.rules", 511);
        assert_file(fs, "www/big", "www/big", 100000);
        assert_int_equal(ramfs_lookup(fs, "www/index.html")->mtime, st.st_mtime);
        ramfs_unmount(fs);
        free(tar.bytes);
    }
}

TEST("a directory is found with and without a slash at its end, a file only without")
{
    make_file("www/index.html", 10);
    struct tar tar = pack("--format=ustar www");
    struct ramfs *fs = mount(&tar);

    assert_dir(fs, "www");
    assert_ptr_equal(ramfs_lookup(fs, "www/"), ramfs_lookup(fs, "www"));
    assert_null(ramfs_lookup(fs, "www//"));
    assert_null(ramfs_lookup(fs, "www/index.html/"));
    assert_null(ramfs_lookup(fs, "www/index"));
    assert_null(ramfs_lookup(fs, "www/index.htmlx"));
    assert_null(ramfs_lookup(fs, "/www"));
    assert_null(ramfs_lookup(fs, "ww"));
    assert_null(ramfs_lookup(fs, ""));
    assert_null(ramfs_lookup(fs, "/"));
    ramfs_unmount(fs);
    free(tar.bytes);
}

TEST("names longer than the name field arrive whole: prefix, GNU long name, pax path")
{
    static const char *const formats[] = {"ustar", "gnu", "pax"};
    static const size_t lengths[] = {99, 100, 101, 150, 255, 256, 257, 400, 900};
    char name[1024], args[2048];

    for (size_t f = 0; f < 3; f++)
        for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
            size_t len = lengths[l];
            if (f == 0 && len > 200)
                continue; /* ustar cannot name it */
            memset(name, 'n', sizeof(name));
            for (size_t at = 60; at < len - 1; at += 61)
                name[at] = '/';
            name[len] = 0;
            make_file(name, 700);
            snprintf(args, sizeof(args), "--format=%s %s", formats[f], name);
            struct tar tar = pack(args);
            struct ramfs *fs = mount(&tar);
            assert_null(why);
            assert_sound(fs);
            assert_file(fs, name, name, 700);
            ramfs_unmount(fs);
            free(tar.bytes);
        }
}

TEST("directories nobody listed are there all the same")
{
    make_file("a/b/c/one", 3);
    make_file("a/b/d/two", 3);
    make_file("a.b", 3); /* sorts between "a" and "a/b" */
    struct tar tar = pack("--format=ustar a/b/c/one a/b/d/two a.b");
    struct ramfs *fs = mount(&tar);

    assert_int_equal(ramfs_count(fs), 7);
    assert_sound(fs);
    assert_dir(fs, "a");
    assert_dir(fs, "a/b");
    assert_dir(fs, "a/b/c");
    assert_dir(fs, "a/b/d");
    ramfs_unmount(fs);
    free(tar.bytes);
}

TEST("of files with the same name the last one counts")
{
    make_file("site/x", 100);
    make_file("y/x", 300);
    make_file("z/x", 200);
    struct tar tar = pack("--format=ustar --transform='s,^[yz],site,' site/x y/x z/x");
    struct ramfs *fs = mount(&tar);

    assert_int_equal(ramfs_count(fs), 2);
    assert_file(fs, "site/x", "y/x", 200);
    ramfs_unmount(fs);
    free(tar.bytes);
}

TEST("links and devices are skipped with a warning, the rest is served")
{
    char path[128], target[128];

    make_file("www/real", 50);
    snprintf(path, sizeof(path), "%s/www/soft", dir);
    assert_int_equal(symlink("real", path), 0);
    snprintf(target, sizeof(target), "%s/www/real", dir);
    snprintf(path, sizeof(path), "%s/www/hard", dir);
    assert_int_equal(link(target, path), 0);
    snprintf(path, sizeof(path), "%s/www/pipe", dir);
    assert_int_equal(mkfifo(path, 0644), 0);
    struct tar tar = pack("--format=pax www/real www/soft www/hard www/pipe");
    struct ramfs *fs = mount(&tar);

    assert_non_null(strstr(host_last_log(), "www/pipe"));
    assert_null(why);
    assert_int_equal(ramfs_count(fs), 2);
    assert_file(fs, "www/real", "www/real", 50);
    ramfs_unmount(fs);
    free(tar.bytes);
}

TEST("names that lead out of the root are skipped with a warning")
{
    make_file("www/good", 5);
    make_file("etc/passwd", 5);
    struct tar tar =
        pack("--format=ustar -P --transform='s,^etc,../etc,' --transform='s,passwd,a/../passwd,' "
             "etc/passwd www/good");
    struct ramfs *fs = mount(&tar);

    assert_non_null(strstr(host_last_log(), ".."));
    assert_int_equal(ramfs_count(fs), 2);
    ramfs_unmount(fs);
    free(tar.bytes);
    tar = pack("--format=ustar -P --transform='s,^etc,/etc,' www/good etc/passwd");
    fs = mount(&tar);
    assert_int_equal(ramfs_count(fs), 2);
    assert_null(ramfs_lookup(fs, "etc/passwd"));
    ramfs_unmount(fs);
    free(tar.bytes);
}

/* --- archives made by hand --- */

static uint8_t hand[64 * 512];
static size_t hand_len;

static void seal(uint8_t *header)
{
    unsigned sum = 0;

    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
}

/* Adds a header and its content (may be NULL) to `hand`. Return: the header. */
static uint8_t *add(const char *name, char type, const char *content, size_t len)
{
    uint8_t *header = hand + hand_len;

    memset(header, 0, 512);
    memcpy(header, name, strnlen(name, 100));
    snprintf((char *)header + 124, 12, "%011zo", len);
    memcpy(header + 136, "14000000000", 12);
    header[156] = (uint8_t)type;
    memcpy(header + 257, "ustar\00000", 8);
    seal(header);
    hand_len += 512;
    if (content) {
        size_t padded = (len + 511) / 512 * 512;
        memset(hand + hand_len, 0, padded);
        memcpy(hand + hand_len, content, len);
        hand_len += padded;
    }
    return header;
}

static void finish(void)
{
    memset(hand + hand_len, 0, 1024);
    hand_len += 1024;
}

/* Mounts an exact copy, so that reads behind the end are seen. */
static struct ramfs *mount_hand(uint8_t **copy)
{
    *copy = malloc(hand_len ? hand_len : 1);
    memcpy(*copy, hand, hand_len);
    return ramfs_mount_tar(*copy, hand_len, &why);
}

/* How many entries the archive in `hand` has; -1 if it does not mount. */
static int count_hand(void)
{
    uint8_t *copy;
    struct ramfs *fs = mount_hand(&copy);
    int count = fs ? (int)ramfs_count(fs) : -1;

    if (fs)
        assert_sound(fs);
    ramfs_unmount(fs);
    free(copy);
    hand_len = 0;
    return count;
}

TEST("what has something below it is a directory, in whatever order the archive tells")
{
    add("a", '0', "file", 4);
    add("a/b", '0', "x", 1);
    finish();
    assert_int_equal(count_hand(), 2);
    add("a/b", '0', "x", 1);
    add("a/", '5', NULL, 0);
    add("a", '0', "file", 4);
    finish();
    assert_int_equal(count_hand(), 2);
    assert_null(why);
}

TEST("an archive with nothing in it mounts and is empty")
{
    finish();
    assert_int_equal(count_hand(), 0);
    assert_null(why);
    add("./", '5', NULL, 0);
    finish();
    assert_int_equal(count_hand(), 0);
    assert_null(why);
}

TEST("what is no archive at all does not mount, and the sentence says so")
{
    assert_int_equal(count_hand(), -1);
    assert_non_null(strstr(why, "breaks off"));
    hand_len = 511;
    assert_int_equal(count_hand(), -1);
    memset(hand, 'x', 2048);
    hand_len = 2048;
    assert_int_equal(count_hand(), -1);
    assert_non_null(strstr(why, "no ustar header"));
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < 1024; i++)
            hand[i] = (uint8_t)random();
        hand_len = (size_t)random() % 1025;
        assert_int_equal(count_hand(), -1);
        assert_non_null(why);
    }
}

TEST("a missing or single block of zeros at the end is reported, the files are kept")
{
    add("one", '0', "1", 1);
    assert_int_equal(count_hand(), 1);
    assert_non_null(strstr(why, "breaks off"));
    add("one", '0', "1", 1);
    finish();
    hand_len -= 512;
    assert_int_equal(count_hand(), 1);
    assert_non_null(strstr(why, "single block"));
    add("one", '0', "1", 1);
    memset(hand + hand_len, 0, 512);
    hand_len += 512;
    add("two", '0', "2", 1);
    finish();
    assert_int_equal(count_hand(), 1);
    assert_non_null(strstr(why, "single block"));
}

TEST("the last file may lack its padding, but not a byte of its content")
{
    add("one", '0', "12345", 5);
    hand_len -= 507;
    assert_int_equal(count_hand(), 1);
    add("one", '0', "12345", 5);
    hand_len -= 508;
    assert_int_equal(count_hand(), 0);
    assert_non_null(strstr(why, "5 bytes with 4 left"));
}

TEST("sizes that are no octal number, base-256 or too large stop the walk there")
{
    static const char *const sizes[] = {"\200\0\0\0\0\0\0\0\0\0\1\0",
                                        "0000000008\0",
                                        "-0000000001",
                                        "           ",
                                        "77777777777\0",
                                        "00000 0001\0\0",
                                        "0x000000001"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        add("good", '0', "x", 1);
        uint8_t *header = add("bad", '0', "x", 1);
        memcpy(header + 124, sizes[i], 11);
        header[135] = 0;
        seal(header);
        finish();
        assert_int_equal(count_hand(), 1);
        assert_non_null(strstr(why, "at byte 1024"));
    }
}

TEST("extended headers that make no sense stop the walk there")
{
    static const char *const records[] = {"",
                                          "x",
                                          "9 path=a",
                                          "99 path=a\n",
                                          "0 path=a\n",
                                          "10 path=ab\n",
                                          "9 pathaa\n",
                                          "3 \n",
                                          "99999999999 path=a\n",
                                          "18446744073709551615 p=a\n",
                                          " path=a\n",
                                          "10 size=x\n",
                                          "9 path=a\nrest",
                                          "4 =\n\n"};
    for (size_t i = 1; i < sizeof(records) / sizeof(records[0]); i++) {
        add("good", '0', "x", 1);
        add("pax", 'x', records[i], strlen(records[i]));
        add("bad", '0', "x", 1);
        finish();
        if (count_hand() != 1 || !why)
            fail_msg("record %zu was taken", i);
    }
}

TEST("a pax path and size count for the next entry only")
{
    add("pax", 'x', "13 path=long\n10 size=2\n", 23);
    add("short", '0', "xy", 2);
    add("next", '0', "z", 1);
    finish();

    uint8_t *copy;
    struct ramfs *fs = mount_hand(&copy);
    assert_null(why);
    assert_int_equal(ramfs_count(fs), 2);
    assert_int_equal(ramfs_lookup(fs, "long")->size, 2);
    assert_int_equal(ramfs_lookup(fs, "next")->size, 1);
    ramfs_unmount(fs);
    free(copy);
    hand_len = 0;
}

TEST("names with a NUL inside, too long or too deep are skipped, the next file is taken")
{
    char longest[2048], deep[256] = "";

    memset(longest, 'p', sizeof(longest));
    longest[sizeof(longest) - 1] = 0;
    for (int i = 0; i < 40; i++)
        strcat(deep, "d/");
    strcat(deep, "f");
    add("././@LongLink", 'L', longest, sizeof(longest));
    add("x", '0', "x", 1);
    add("././@LongLink", 'L', "a\0b", 4);
    add("x", '0', "x", 1);
    add(deep, '0', "x", 1);
    add("good", '0', "x", 1);
    finish();
    assert_int_equal(count_hand(), 1);
    assert_null(why);
}

TEST("a thousand bad names make ten lines on the console and a sum")
{
    for (int i = 0; i < 40; i++)
        add("../x", '5', NULL, 0);
    finish();
    assert_int_equal(count_hand(), 0);
    assert_non_null(strstr(host_last_log(), "30 more"));
}

/* Three files; the header of the second is what the next tests damage. */
static void add_three(void)
{
    hand_len = 0;
    add("www/one", '0', "first", 5);
    add("www/two", '0', "second", 6);
    add("www/three", '0', "third", 5);
    finish();
}

TEST("any bit flipped in a header is noticed, and what came before stays")
{
    for (size_t bit = 0; bit < 512 * 8; bit++) {
        uint8_t *copy;
        add_three();
        hand[1024 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct ramfs *fs = mount_hand(&copy);
        assert_non_null(fs);
        assert_sound(fs);
        assert_memory_equal(ramfs_lookup(fs, "www/one")->data, "first", 5);
        if (why) {
            assert_int_equal(ramfs_count(fs), 2);
        } else { /* a zero or blank of the checksum field itself, written in another way */
            assert_true(bit / 8 >= 148 && bit / 8 < 156);
            assert_int_equal(ramfs_count(fs), 4);
        }
        ramfs_unmount(fs);
        free(copy);
    }
}

TEST("an archive cut at any byte holds the files that are whole")
{
    add_three();
    for (size_t cut = hand_len; cut-- > 0;) {
        uint8_t *copy;
        add_three();
        hand_len = cut;
        struct ramfs *fs = mount_hand(&copy);
        assert_int_equal(fs != NULL, cut >= 512);
        assert_non_null(why);
        if (fs) {
            size_t files = (cut >= 512 + 5) + (cut >= 3 * 512 + 6) + (cut >= 5 * 512 + 5);
            assert_sound(fs);
            assert_int_equal(ramfs_count(fs), files ? files + 1 : 0);
        }
        ramfs_unmount(fs);
        free(copy);
    }
}

TEST("without memory, at whichever allocation, nothing mounts and nothing is lost")
{
    make_file("a/b/c/one", 3);
    make_file("a/b/d/two", 3);
    struct tar tar = pack("--format=ustar a/b/c/one a/b/d/two");

    for (unsigned n = 1;; n++) {
        host_fail_allocation(n);
        struct ramfs *fs = mount(&tar);
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        if (!failed) {
            assert_non_null(fs);
            assert_true(n > 5);
            ramfs_unmount(fs);
            break;
        }
        assert_null(fs);
        assert_non_null(strstr(why, "memory"));
        assert_int_equal(host_objects_alive(), alive_before);
    }
    free(tar.bytes);
}

TEST("many files are all found")
{
    char name[64];

    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "www/%d/%x.txt", i % 7, i * 37);
        make_file(name, (size_t)i);
    }
    struct tar tar = pack("--format=gnu www");
    struct ramfs *fs = mount(&tar);
    assert_sound(fs);
    assert_int_equal(ramfs_count(fs), 600 + 7 + 1);
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "www/%d/%x.txt", i % 7, i * 37);
        assert_file(fs, name, name, (size_t)i);
    }
    ramfs_unmount(fs);
    free(tar.bytes);
}

TEST_FIXTURE(setup, teardown)

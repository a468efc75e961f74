/*
 * boot_modules.c - finds boot modules by their names.
 */
#include "kernel/boot_modules.h"

#include <string.h>

#include "kernel/config_file.h"

#define USTAR_MAGIC_AT 257 /* POSIX.1-1988 ustar: field magic */

/* Case does not count: a FAT file system does not know it. */
static bool name_equal(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char upper = b[i] >= 'a' && b[i] <= 'z' ? (char)(b[i] - 'a' + 'A') : b[i];
        if (a[i] != b[i] && a[i] != upper)
            return false;
    }
    return true;
}

static bool is_called(const struct boot_module *m, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *word = m->string; *word;) {
        size_t len = strcspn(word, " ");
        const char *end = word + len;
        if (len >= name_len && (len == name_len || end[-(ptrdiff_t)name_len - 1] == '/') &&
            name_equal(end - name_len, name, name_len))
            return true;
        word = end + (*end == ' ');
    }
    return false;
}

static bool is_tar(const struct boot_module *m)
{
    return boot_module_size(m) >= 512 &&
           !memcmp((const char *)boot_module_data(m) + USTAR_MAGIC_AT, "ustar", 5);
}

const struct boot_module *boot_module_find(const struct boot_info *boot, const char *name)
{
    for (unsigned i = 0; i < boot->nr_modules; i++)
        if (is_called(&boot->modules[i], name))
            return &boot->modules[i];
    return NULL;
}

const struct boot_module *boot_module_site(const struct boot_info *boot)
{
    const struct boot_module *named = boot_module_find(boot, BOOT_MODULE_SITE), *other = NULL;

    for (unsigned i = 0; !named && i < boot->nr_modules; i++) {
        const struct boot_module *m = &boot->modules[i];
        if (is_called(m, CONFIG_FILE_NAME) || is_called(m, BOOT_MODULE_RULES))
            continue;
        if (is_tar(m))
            return m;
        other = other ? other : m;
    }
    return named ? named : other;
}

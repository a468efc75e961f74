/*
 * test_boot_modules.c - the files beside the kernel are told apart by name.
 */
#include "tests/unit/test.h"

#include <string.h>

#include "kernel/boot_modules.h"

static struct boot_info boot;
static uint8_t tar[512], other[512];

static int setup(void **state)
{
    memset(&boot, 0, sizeof(boot));
    memcpy(tar + 257, "ustar", 5);
    return 0;
}

static struct boot_module *add(const char *string, const void *data, size_t size)
{
    struct boot_module *m = &boot.modules[boot.nr_modules++];
    *m = (struct boot_module){.at = {(uintptr_t)data, (uintptr_t)data + size}};
    strcpy(m->string, string);
    return m;
}

TEST("a module is found by its name, whatever folders, case and words stand around it")
{
    static const char *const strings[] = {"skiff.cfg", "/tmp/x/skiff.cfg", "SKIFF.CFG",
                                          "(hd0,1)/Skiff.cfg rw", "/tmp/x skiff.cfg"};
    for (unsigned i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
        boot.nr_modules = 0;
        add("site.tar", tar, sizeof(tar));
        assert_ptr_equal(boot_module_find(&boot, "skiff.cfg"), NULL);
        const struct boot_module *m = add(strings[i], other, 10);
        assert_ptr_equal(boot_module_find(&boot, "skiff.cfg"), m);
    }
}

TEST("a name that only ends or begins like it is another one")
{
    static const char *const strings[] = {"",           "xskiff.cfg", "skiff.cfg.bak",
                                          "skiff.cfg/", "kiff.cfg",   "/skiff_cfg"};
    for (unsigned i = 0; i < sizeof(strings) / sizeof(*strings); i++)
        add(strings[i], other, 10);
    assert_null(boot_module_find(&boot, "skiff.cfg"));
}

TEST("the site is the module of that name, wherever it stands")
{
    add("pages", tar, sizeof(tar));
    const struct boot_module *m = add("/x/site.tar", other, sizeof(other));
    assert_ptr_equal(boot_module_site(&boot), m);
}

TEST("without that name the site is the first archive")
{
    add("skiff.cfg", other, 10);
    add("notes", other, sizeof(other));
    const struct boot_module *m = add("pages", tar, sizeof(tar));
    add("more", tar, sizeof(tar));
    assert_ptr_equal(boot_module_site(&boot), m);
}

TEST("without an archive the site is what is nothing else, so that the log can name its fault")
{
    add("iptables.rules", other, sizeof(other));
    assert_null(boot_module_site(&boot));
    const struct boot_module *m = add("damaged", other, 100);
    assert_ptr_equal(boot_module_site(&boot), m);
    boot.nr_modules = 0;
    assert_null(boot_module_site(&boot));
}

TEST_FIXTURE(setup, NULL)

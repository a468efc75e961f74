/*
 * test_abi.c - libc/include against the host's headers: the same numbers, sizes and offsets. Test code
 * compiled against glibc is linked with our objects, so a difference would corrupt memory and not even warn.
 *
 * links: tests/unit/inside_abi.c
 */
#include "tests/unit/abi.h"

#include <linux/sockios.h>
#include <string.h>

#include "tests/unit/test.h"

static const struct abi_fact host_abi[] = {
#include "tests/unit/abi_list.h"
};

TEST("every constant, type, struct and member is what it is on Linux")
{
    size_t wrong = 0;

    assert_int_equal(inside_abi_count, sizeof(host_abi) / sizeof(host_abi[0]));
    for (size_t i = 0; i < inside_abi_count; i++) {
        const struct abi_fact *host = &host_abi[i], *inside = &inside_abi[i];
        assert_string_equal(inside->name, host->name);
        if (inside->value == host->value && inside->more == host->more)
            continue;
        print_error("%s: %lld/%lld here, %lld/%lld on Linux\n", host->name, inside->value, inside->more,
                    host->value, host->more);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

TEST_MAIN()

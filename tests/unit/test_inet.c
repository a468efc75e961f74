/*
 * test_inet.c - IPv4 addresses as text, against the host's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

int inside_inet_pton(int family, const char *text, void *addr);
const char *inside_inet_ntop(int family, const void *addr, char *text, socklen_t size);
int inside_inet_aton(const char *text, struct in_addr *addr);
in_addr_t inside_inet_addr(const char *text);
char *inside_inet_ntoa(struct in_addr addr);
int *inside___errno_location(void);

static const char *const texts[] = {
    "0.0.0.0",
    "255.255.255.255",
    "10.79.0.2",
    "127.0.0.1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.-4",
    "01.2.3.4",
    "1.2.3.04",
    "00.0.0.0",
    "1..2.3",
    ".1.2.3",
    "1.2.3.",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4x",
    "0x7f.1",
    "0x7f000001",
    "017700000001",
    "127.1",
    "127.0.1",
    "127.65536",
    "127.16777215",
    "127.16777216",
    "127.0.65535",
    "127.0.65536",
    "4294967295",
    "4294967296",
    "99999999999999999999",
    "256.1",
    "1.256.1",
    "1.2.256.1",
    "",
    ".",
    "a",
    "0x",
    "0x.1",
    "08.1",
    "1.2.3.4\n",
    "1.2.3.4\tx",
    "1.2.3.1000000000000000",
    "1.2.3.4.",
    "+1.2.3.4",
    "1.2.3.0000000000004",
    "0",
    "1e2.1",
};

static void check_text(const char *text)
{
    struct in_addr ours = {0x12345678}, theirs = {0x12345678};

    assert_int_equal(inside_inet_pton(AF_INET, text, &ours), inet_pton(AF_INET, text, &theirs));
    assert_int_equal(ours.s_addr, theirs.s_addr);
    assert_int_equal(inside_inet_aton(text, &ours), inet_aton(text, &theirs));
    assert_int_equal(ours.s_addr, theirs.s_addr);
    assert_int_equal(inside_inet_addr(text), inet_addr(text));
}

TEST("well and badly formed addresses are read as the host reads them")
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_text(texts[i]);
}

TEST("random text is read as the host reads it")
{
    static const char alphabet[] = "0123456789...x 2a";
    char s[24];

    for (int round = 0; round < 100000; round++) {
        size_t len = (size_t)random() % 17;
        for (size_t i = 0; i < len; i++)
            s[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        s[len] = 0;
        check_text(s);
    }
}

TEST("an address written and read again is the same")
{
    for (int round = 0; round < 10000; round++) {
        struct in_addr addr = {(uint32_t)random() << 1 ^ (uint32_t)random()}, back;
        char ours[INET_ADDRSTRLEN], theirs[INET_ADDRSTRLEN];
        assert_ptr_equal(inside_inet_ntop(AF_INET, &addr, ours, sizeof(ours)), ours);
        inet_ntop(AF_INET, &addr, theirs, sizeof(theirs));
        assert_string_equal(ours, theirs);
        assert_string_equal(inside_inet_ntoa(addr), theirs);
        assert_int_equal(inside_inet_pton(AF_INET, ours, &back), 1);
        assert_int_equal(back.s_addr, addr.s_addr);
    }
}

TEST("a buffer one byte short is ENOSPC and stays untouched")
{
    struct in_addr addr = {inet_addr("10.79.0.2")};
    char buf[16] = "#";

    assert_non_null(inside_inet_ntop(AF_INET, &addr, buf, 10));
    buf[0] = '#';
    assert_null(inside_inet_ntop(AF_INET, &addr, buf, 9));
    assert_int_equal(*inside___errno_location(), ENOSPC);
    assert_int_equal(buf[0], '#');
}

TEST("another family is EAFNOSUPPORT")
{
    char buf[64] = {0};

    assert_int_equal(inside_inet_pton(AF_UNIX, "1.2.3.4", buf), -1);
    assert_int_equal(*inside___errno_location(), EAFNOSUPPORT);
    *inside___errno_location() = 0;
    assert_null(inside_inet_ntop(AF_UNIX, buf, buf, sizeof(buf)));
    assert_int_equal(*inside___errno_location(), EAFNOSUPPORT);
}

TEST_MAIN()

/*
 * test.h - a unit test is a sentence about behaviour.
 *
 *     TEST("a RST in the window but not at rcv.nxt draws a challenge ACK")
 *     {
 *         ...
 *     }
 *     TEST_MAIN()
 *
 * Each test program has one TEST_MAIN(), which hands the tests to cmocka in the order of the file.
 * setup_each()/teardown_each() may be given by TEST_FIXTURE(setup, teardown) in place of TEST_MAIN().
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define TEST_MAX 256

static struct CMUnitTest test_table_[TEST_MAX];
static size_t test_count_;

#define TEST_PASTE_(a, b) a##b
#define TEST_NAME_(a, b)  TEST_PASTE_(a, b)

#define TEST(sentence)                                                                                       \
    TEST_DEFINE_(sentence, TEST_NAME_(test_, __LINE__), TEST_NAME_(test_register_, __LINE__))
#define TEST_DEFINE_(sentence, function, registrar)                                                          \
    static void function(void **state);                                                                      \
    __attribute__((constructor)) static void registrar(void)                                                 \
    {                                                                                                        \
        assert_true(test_count_ < TEST_MAX);                                                                 \
        test_table_[test_count_++] = (struct CMUnitTest){.name = sentence, .test_func = function};           \
    }                                                                                                        \
    static void function(void **state __attribute__((unused)))

#define TEST_FIXTURE(setup_each, teardown_each)                                                              \
    int main(void)                                                                                           \
    {                                                                                                        \
        for (size_t i = 0; i < test_count_; i++) {                                                           \
            test_table_[i].setup_func = setup_each;                                                          \
            test_table_[i].teardown_func = teardown_each;                                                    \
        }                                                                                                    \
        return _cmocka_run_group_tests(__FILE__, test_table_, test_count_, NULL, NULL);                      \
    }

#define TEST_MAIN() TEST_FIXTURE(NULL, NULL)

#endif

/*
 * inside_abi.c - the facts of abi_list.h as our headers have them.
 */
#include "tests/unit/abi.h"

const struct abi_fact inside_abi[] = {
#include "tests/unit/abi_list.h"
};

const size_t inside_abi_count = sizeof(inside_abi) / sizeof(inside_abi[0]);

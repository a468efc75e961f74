/*
 * symbols.c - names for addresses, and the way a backtrace is walked.
 *
 * The table is made by boot/symbols.sh after a first link and added by a second; see there for its
 * form. Reading it is a plain walk from the start: it happens once, at the end.
 */
#include "kernel/x86/trap.h"

#include <stdio.h>

#include "kernel/log.h"
#include "kernel/x86/paging.h"

#define NAME_MAX_LEN    64
#define BACKTRACE_LINES 24

extern const uint8_t __symbols_start[], __symbols_end[];
extern char __text_start[], __text_end[];

static uint64_t read_uleb128(const uint8_t **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *at < __symbols_end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* Replaces what follows the first shared characters of `name`. */
static void read_name(const uint8_t **at, char name[NAME_MAX_LEN])
{
    unsigned len = *(*at)++;
    bool last = false;
    while (!last && *at < __symbols_end) {
        uint8_t byte = *(*at)++;
        last = byte & 0x80;
        if (len < NAME_MAX_LEN - 1)
            name[len++] = (char)(byte & 0x7f);
    }
    name[min(len, NAME_MAX_LEN - 1u)] = '\0';
}

void symbol_format(uintptr_t addr, char *buf, size_t size)
{
    char name[NAME_MAX_LEN] = "";
    uintptr_t start = (uintptr_t)__text_start;
    const uint8_t *at = __symbols_start;
    bool inside = addr >= start && addr < (uintptr_t)__text_end;
    while (inside && at < __symbols_end) {
        uintptr_t next = start + read_uleb128(&at);
        if (next > addr)
            break;
        start = next;
        read_name(&at, name);
    }
    if (name[0])
        snprintf(buf, size, "%s+0x%lx", name, (unsigned long)(addr - start));
    else
        snprintf(buf, size, "0x%lx", (unsigned long)addr);
}

static void show_address(uintptr_t addr, uintptr_t symbol)
{
    char name[NAME_MAX_LEN + 24];
    symbol_format(symbol, name, sizeof(name));
    pr_err("  %016lx %s", (unsigned long)addr, name);
}

/* A frame pointer points to the caller's frame pointer, below the return address; stacks grow downwards. */
static uintptr_t caller_address(uintptr_t rbp)
{
    if (rbp % sizeof(uintptr_t) || !paging_is_mapped(rbp) || !paging_is_mapped(rbp + sizeof(uintptr_t)))
        return 0;
    return ((const uintptr_t *)rbp)[1];
}

/* The return address is the one after the call, which may belong to the next function already. */
void show_backtrace(uintptr_t rip, uintptr_t rbp)
{
    uintptr_t addr, shown = 0;
    unsigned repeated = 0;
    pr_err("Backtrace:");
    if (rip)
        show_address(rip, rip);
    for (unsigned lines = 0; lines < BACKTRACE_LINES && (addr = caller_address(rbp));) {
        if (addr == shown) {
            repeated++;
        } else {
            if (repeated)
                pr_err("  ... the same %u times more", repeated);
            repeated = 0;
            show_address(addr, addr - 1);
            shown = addr;
            lines++;
        }
        uintptr_t next = *(const uintptr_t *)rbp;
        if (next <= rbp)
            break;
        rbp = next;
    }
}

#!/bin/sh
# symbols.sh - the names a backtrace shows, as an assembler file for the second link.
#
# usage: symbols.sh NM ELF >symbols.S
#
# The table lies behind the code in .rodata, so adding it moves no function. One record per function
# in the order of addresses, read by kernel/x86/symbols.c:
#     uleb128  distance from the function before (the first: from __text_start)
#     byte     number of characters shared with the name before
#     ascii    the rest of the name; its last character has bit 7 set
set -eu
"$1" -t d -n "$2" | awk '
    $3 == "__text_start" { previous = $1; started = 1 }
    $2 !~ /^[tTwW]$/ || $3 ~ /^__text_(start|end)$/ || $3 ~ /^\./ { next }
    { sub(/\..*/, "", $3) }                      # tcp_input.part.0 is shown as tcp_input
    started && $1 != last {
        shared = 0
        limit = length($3) - 1
        while (shared < limit && substr($3, shared + 1, 1) == substr(name, shared + 1, 1))
            shared++
        rest = substr($3, shared + 1)
        printf ".uleb128 %d\n.byte %d\n", $1 - previous, shared
        if (length(rest) > 1)
            printf ".ascii \"%s\"\n", substr(rest, 1, length(rest) - 1)
        printf ".byte 0x80 + %c%s%c\n", 39, substr(rest, length(rest)), 39
        previous = last = $1
        name = $3
    }
    BEGIN { print ".section .kernel_symbols, \"a\"" }
    END { print ".section .note.GNU-stack, \"\", @progbits" }'

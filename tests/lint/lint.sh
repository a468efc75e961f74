#!/bin/bash
# Checks that need no running: usage: lint.sh [CHECK ...]   (all of them without arguments)
#   includes  who may include whom (the table in tests/lint/include_directions.py)
#   sparse    byte order: be16 and be32 are not integers
#   format    clang-format, by .clang-format
#   shell     shellcheck
#   words     nothing left open: TODO and its kin, code switched off
#   order     boot/order.ld names functions that there are
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

# The files of these patterns; in a tree that git knows nothing of, or will not touch, all that are there.
sources() {
    if git ls-files --error-unmatch Makefile >/dev/null 2>&1; then
        git ls-files -co --exclude-standard -- "$@" | while read -r f; do [ -f "$f" ] && echo "$f"; done
    else
        local pattern
        for pattern; do find . -path ./build -prune -o -type f -path "./$pattern" -print; done | sed 's|^\./||' | sort -u
    fi
}

check_includes() { /usr/bin/python3 tests/lint/include_directions.py; }

check_sparse() {
    local out
    out=$(sources 'net/*.c' 'drivers/*.c' 'kernel/*.c' | xargs -P 2 -n 1 sparse -std=gnu11 -ffreestanding -D__x86_64__ \
        -nostdinc -I. -Ilibc/include -isystem "$(gcc -print-file-name=include)" -Wbitwise -Wno-decl -Wno-transparent-union \
        -Wno-old-initializer -Wno-unknown-attribute -Wno-non-pointer-null -Wno-shadow 2>&1 | grep -E 'warning:|error:')
    echo -n "$out"
    [ -z "$out" ]
}

check_format() { sources '*.c' '*.h' | xargs -P 2 -n 16 clang-format --dry-run -Werror; }

check_shell() { sources '*.sh' .ci/run | xargs shellcheck -S warning; }

check_words() {
    ! sources '*.[chS]' '*.py' '*.sh' Makefile | grep -v '^tests/lint/lint.sh$' |
        xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b|^#if 0'
}

check_order() {
    local gone
    gone=$(comm -23 <(grep -oE '\*\(\.text\.[a-z0-9_]+' boot/order.ld | sed 's/.*\.//' | sort -u) \
        <(sources '*.c' | xargs grep -hoE '^[a-z][^;=(]*[ *][a-z0-9_]+\(' | sed 's/($//; s/.*[ *]//' | sort -u))
    [ -z "$gone" ] || echo "boot/order.ld: no functions of a .c file any more; take their lines out:" $gone
    [ -z "$gone" ]
}

status=0
for check in "${@:-includes sparse format shell words order}"; do
    for c in $check; do
        "check_$c" || { echo "lint: $c failed" >&2; status=1; }
    done
done
exit $status

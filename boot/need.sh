#!/bin/sh
# Installs the Debian packages that are missing, or says the one line to type.
# usage: boot/need.sh WHAT:PACKAGE ...    WHAT is a command, or a file by its absolute path; PACKAGE -: Debian has none
set -eu

missing='' alien=''
for pair; do
    what=${pair%%:*} package=${pair#*:}
    case $what in
    /*) [ ! -e "$what" ] || continue ;;
    *) if command -v "$what" >/dev/null 2>&1 || [ -x "/usr/sbin/$what" ]; then continue; fi ;;
    esac
    if [ "$package" = - ]; then alien="$alien $what"; else missing="$missing $package"; fi
done
if [ -n "$alien" ]; then
    echo "skiff: not found, and in no Debian package:$alien - put it on the PATH, or leave CROSS_COMPILE unset" >&2
    exit 1
fi
[ -n "$missing" ] || exit 0

packages=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
line="apt-get install -y --no-install-recommends $packages"
if ! command -v apt-get >/dev/null; then
    echo "skiff: missing, by their Debian names: $packages- install them, then try again" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    root=sudo
else
    echo "skiff: missing packages; as root, type: apt-get update && $line" >&2
    exit 1
fi
echo "skiff: installing $packages"
$root env DEBIAN_FRONTEND=noninteractive sh -c "apt-get update -qq && $line -qq" >/dev/null ||
    { echo "skiff: that failed; try by hand: $root apt-get update && $root $line" >&2; exit 1; }

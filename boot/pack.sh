#!/bin/sh
# Packs a folder as the www/ of a site archive. Links become the files they lead to: the archive has no links.
# usage: boot/pack.sh DIR OUTPUT.tar
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
ln -s "$(realpath "$1")" "$root/www"
tar -C "$root" --format=ustar --dereference --hard-dereference -cf "$2" www

#!/bin/bash
# A GRUB hybrid ISO: boots from CD and from a USB stick, under BIOS and (made where grub-efi-amd64-bin is installed) UEFI.
# usage: boot/iso.sh KERNEL OUTPUT [SITE.TAR|DIR]      environment: APPEND (the kernel command line)
set -euo pipefail
kernel=$1 output=$2 site=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/iso/boot/grub"
cp "$kernel" "$work/iso/boot/skiff.elf"
module=
if [ -d "$site" ]; then
    "$(dirname "$0")/pack.sh" "$site" "$work/iso/boot/site.tar"
elif [ -f "$site" ]; then
    cp "$site" "$work/iso/boot/site.tar"
elif [ -n "$site" ]; then
    echo "skiff: SITE=$site is neither a folder nor an archive; write SITE=path/to/folder" >&2
    exit 1
fi
[ ! -e "$work/iso/boot/site.tar" ] || module='module2 /boot/site.tar site.tar'
menu=$(<"$(dirname "$0")/grub.cfg")
menu=${menu//@APPEND@/"${APPEND:-}"}
echo "${menu/@MODULE@/"$module"}" >"$work/iso/boot/grub/grub.cfg"
grub-mkrescue -o "$work/out.iso" "$work/iso" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
mkdir -p "$(dirname "$output")"
mv "$work/out.iso" "$output"
echo "        $output: $(stat -c %s "$output") bytes"

#!/bin/bash
# A GRUB hybrid ISO: boots from CD and from a USB stick, under BIOS and (where grub-efi is installed) UEFI.
# usage: boot/iso.sh KERNEL OUTPUT [SITE.TAR|DIR]      environment: APPEND (the kernel command line)
set -euo pipefail
kernel=$1 output=$2 site=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/iso/boot/grub"
cp "$kernel" "$work/iso/boot/skiff.elf"
module=
if [ -d "$site" ]; then
    mkdir "$work/root"
    ln -s "$(realpath "$site")" "$work/root/www"
    tar -C "$work/root" --format=ustar --dereference -cf "$work/iso/boot/site.tar" www
elif [ -n "$site" ]; then
    cp "$site" "$work/iso/boot/site.tar"
fi
[ ! -e "$work/iso/boot/site.tar" ] || module='module2 /boot/site.tar site.tar'
sed -e "s|@APPEND@|${APPEND:-}|" -e "s|@MODULE@|$module|" "$(dirname "$0")/grub.cfg" >"$work/iso/boot/grub/grub.cfg"
grub-mkrescue -o "$work/out.iso" "$work/iso" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
mkdir -p "$(dirname "$output")"
mv "$work/out.iso" "$output"
echo "        $output: $(stat -c %s "$output") bytes"

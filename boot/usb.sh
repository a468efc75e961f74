#!/bin/bash
# One image that boots as CD and as USB stick, under BIOS and UEFI, and carries a FAT file system that any computer opens.
# usage: boot/usb.sh KERNEL OUTPUT [SITE.TAR|DIR]
# environment: APPEND (words for skiff.cfg)  FREE=3 (MiB left for a larger site)  SOURCE_DATE_EPOCH (the date of all files)
#
#     0      MBR: GRUB's boot_hybrid.img; one active partition, of the type FAT16
#     32 KiB ISO 9660: README.TXT, and as files
#            boot.img   El Torito for BIOS, which the MBR loads too: GRUB with boot/stick/find.cfg
#            skiff.img  El Torito for UEFI, and the partition: FAT16 with EFI/BOOT/BOOTX64.EFI, skiff.cfg, site.tar ...
#
# So there is one copy of each setting, whatever it is booted from. The table of partitions is an MBR alone: Windows shows
# the first partition of a stick if it is of a FAT type there, and hides an "EFI system partition"; firmware looks for
# EFI/BOOT on either; and a GPT would want its copy at the end of the stick, whose size nobody knows here.
# The same input gives the same bytes: dates come from SOURCE_DATE_EPOCH, serial numbers from the content.
set -euo pipefail
export LC_ALL=C TZ=UTC
here=$(cd "$(dirname "$0")" && pwd)
kernel=$1 output=$2 site=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "skiff: $*" >&2; exit 1; }
umask 022

: "${SOURCE_DATE_EPOCH:=$(git -C "$here" log -1 --format=%ct 2>/dev/null || echo 1577836800)}"
export SOURCE_DATE_EPOCH
FREE=${FREE:-3}
[[ $FREE =~ ^[0-9]{1,4}$ && $FREE -le 1500 ]] || die "FREE=$FREE is not a number of MiB up to 1500"

le32() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
patch() { printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; } # patch FILE OFFSET ESCAPED-BYTES
archive() { tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --mtime="@$SOURCE_DATE_EPOCH" -b 1 "$@"; }
crlf() { sed 's/$/\r/' "$1"; } # for editors that know no other end of a line

fat=$work/fat
mkdir -p "$fat/EFI/BOOT" "$fat/boot" "$work/memdisk" "$work/iso"

# GRUB, with what it needs and no more
cp "$here/stick/find.cfg" "$work/memdisk/grub.cfg"
archive -C "$work/memdisk" -cf "$work/memdisk.tar" grub.cfg
# GRUB has the names of its module files in no environment: this sets where "normal" looks for its script
echo "set prefix=(memdisk)/" >"$work/early.cfg"
modules="normal fat iso9660 loopback multiboot2 gzio memdisk tar configfile test echo sleep serial terminal terminfo
    reboot halt minicmd ls"
# shellcheck disable=SC2086
grub-mkimage -O i386-pc-eltorito -C xz -m "$work/memdisk.tar" -p / -c "$work/early.cfg" -o "$work/iso/boot.img" biosdisk $modules
# shellcheck disable=SC2086
grub-mkimage -O x86_64-efi -m "$work/memdisk.tar" -p / -c "$work/early.cfg" -o "$fat/EFI/BOOT/BOOTX64.EFI" \
    part_msdos part_gpt efi_gop $modules

# What a person sees
gzip -9nc "$kernel" >"$fat/boot/skiff.gz"
cp "$here/stick/grub.cfg" "$fat/boot/grub.cfg"
crlf "$here/stick/README.TXT" >"$fat/README.TXT"
crlf "$here/stick/skiff.cfg" >"$fat/skiff.cfg"
[ -z "${APPEND:-}" ] || printf '\r\n# --- Chosen when this image was made ---\r\n%s\r\n' "$APPEND" >>"$fat/skiff.cfg"
if [ -d "$site" ]; then
    mkdir "$work/site"
    ln -s "$(realpath "$site")" "$work/site/www"
    archive -C "$work/site" --dereference --hard-dereference -cf "$fat/site.tar" www
elif [ -f "$site" ]; then
    cp "$site" "$fat/site.tar"
elif [ -n "$site" ]; then
    die "SITE=$site is neither a folder nor an archive; write SITE=path/to/folder"
else
    archive -C "$here/stick/site" -cf "$fat/site.tar" etc
fi
cp "$fat/README.TXT" "$work/iso/README.TXT"

# The FAT file system: at least 4085 clusters, which makes it FAT16, and fewer than 65525
content_kib=$(find "$fat" -type f -printf '%s\n' | awk '{sum += int(($1 + 32767) / 32768 * 32)} END {print sum + 64}')
fat_kib=$(((content_kib + FREE * 1024 + 127) / 128 * 128))
((fat_kib >= 4480)) || fat_kib=4480
cluster=2
while ((fat_kib * 2 / cluster > 65000)); do cluster=$((cluster * 2)); done
serial=$(find "$fat" -type f -print0 | sort -z | xargs -0 sha256sum | sed "s|$fat||" | sha256sum | cut -c 1-8)
find "$work/fat" "$work/iso" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mformat -i "$work/iso/skiff.img" -C -T $((fat_kib * 2)) -h 64 -s 32 -c $cluster -m 0xf8 -N "$serial" -v SKIFF ::
for file in README.TXT skiff.cfg site.tar boot EFI; do # a fixed order
    mcopy -i "$work/iso/skiff.img" -s -m "$fat/$file" ::
done
touch -d "@$SOURCE_DATE_EPOCH" "$work/iso/skiff.img" "$work/iso"

# The medium around it
xorriso -as mkisofs -quiet -o "$work/out" -V SKIFF -no-pad --sort-weight 1 /boot.img --sort-weight 0 /skiff.img \
    -b boot.img -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info \
    --grub2-mbr /usr/lib/grub/i386-pc/boot_hybrid.img -eltorito-alt-boot -e skiff.img -no-emul-boot "$work/iso" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
start=$(xorriso -indev "$work/out" -find /skiff.img -exec report_lba 2>/dev/null | awk -F, '/^File data lba/ {print $2 * 4}')
[ -n "$start" ] || die "xorriso does not tell where skiff.img lies"
patch "$work/out" $((start * 512 + 28)) "$(le32 "$start")"                        # FAT: sectors before it
patch "$work/out" 440 "$(le32 $((16#$serial)))"                                   # MBR: number of the disk
printf '\0%.0s' {1..64} | dd of="$work/out" bs=1 seek=446 conv=notrunc status=none
patch "$work/out" 446 "\\x80\\xfe\\xff\\xff\\x0e\\xfe\\xff\\xff$(le32 "$start")$(le32 $((fat_kib * 2)))"

mkdir -p "$(dirname "$output")"
mv "$work/out" "$output"
echo "        $output: $(stat -c %s "$output") bytes"

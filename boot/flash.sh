#!/bin/bash
# Writes an image to a USB stick or memory card, and reads it back: "make flash DEV=/dev/sdX".
# usage: boot/flash.sh IMAGE DEVICE
# environment: YES=1 (do not ask)   SYSFS=/sys PROC=/proc (where the kernel tells of devices; for tests)
#
# Refuses what may hold something else: what is not a whole disk, or not removable, or in use by anybody.
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
image=$1 device=${2:-}
SYSFS=${SYSFS:-/sys} PROC=${PROC:-/proc}

die() { echo "skiff: $*" >&2; exit 1; }

attribute() { cat "$disk/$1" 2>/dev/null || true; } # of the disk, from sysfs
trim() { sed 's/^ *//; s/ *$//; s/  */ /g'; }

# One line for each stick that could be meant.
candidates() {
    local disk found=
    for disk in "$SYSFS"/block/*; do
        if ! is_removable || [ "$(attribute size)" = 0 ]; then continue; fi
        echo "    DEV=/dev/${disk##*/}    $(describe)"
        found=1
    done
    [ -n "$found" ] || echo "    (none is plugged in now)"
}

# Sticks and card readers say so themselves; a disk in a USB case does not, but hangs on USB as well. A memory card of
# the MMC bus is removable if it is no chip on the board. A CD drive is nothing to write an image to.
is_removable() {
    [[ $(attribute removable) == 1 && ${disk##*/} == sd* ]] && return
    [[ $(attribute device/type) == SD && ${disk##*/} == mmcblk* ]] && return
    [[ ${disk##*/} == sd* && $(readlink -f "$disk/device") == */usb[0-9]*/* ]]
}

describe() {
    local size
    size=$(awk -v n="$(attribute size)" 'BEGIN {printf n < 2e9 ? "%.0f MB" : "%.1f GB", n * 512 / (n < 2e9 ? 1e6 : 1e9)}')
    echo "$( (attribute device/vendor; attribute device/model; attribute device/name) | tr '\n' ' ' | trim), $size"
}

# Why a part of the disk (or all of it) may not be overwritten; nothing: it may.
in_use() {
    local part name number
    for part in "$disk" "$disk"/"${disk##*/}"*; do
        [ -e "$part/dev" ] || continue
        name=/dev/${part##*/}
        number=$(cat "$part/dev")
        if awk -v n="$number" '$3 == n {found = 1} END {exit !found}' "$PROC/self/mountinfo" || grep -q "^$name " "$PROC/self/mounts"; then
            echo "$name is mounted; unmount it first: umount $name"
        elif grep -q "^${name}[[:space:]]" "$PROC/swaps"; then
            echo "$name holds swap space that is in use; type: swapoff $name"
        elif [ -n "$(ls -A "$part/holders" 2>/dev/null)" ]; then
            echo "$name is part of $(ls "$part/holders" | tr '\n' ' ')(RAID, LVM or encryption)"
        fi
    done | head -1
}

find_disk() {
    local name
    [ -n "$device" ] || die $'name the stick: make flash DEV=/dev/sdX. Sticks that are plugged in:\n'"$(candidates)"
    [ -e "$device" ] || die "there is no $device"$'. Sticks that are plugged in:\n'"$(candidates)"
    name=$(basename "$(readlink -f "$device")")
    disk=$SYSFS/block/$name
    if [ ! -d "$disk" ]; then
        for disk in "$SYSFS"/block/*/"$name"; do
            [ ! -d "$disk" ] || die "$device is one partition; the image is for the whole disk: DEV=/dev/$(basename "$(dirname "$disk")")"
        done
        die "$device is no disk"$'. Sticks that are plugged in:\n'"$(candidates)"
    fi
}

check_disk() {
    local used
    is_removable || die "$device ($(describe)) is not removable, and so nothing to overwrite"$'. Sticks that are plugged in:\n'"$(candidates)"
    [ "$(attribute ro)" != 1 ] || die "$device is write-protected"
    used=$(in_use)
    [ -z "$used" ] || die "$used"
    [ $(($(attribute size) * 512)) -ge "$image_size" ] || die "$device is too small: $(attribute size) sectors for $image_size bytes"
}

ask() {
    local answer
    echo "Everything on $device is lost: $(describe)"
    [ -z "${YES:-}" ] || return 0
    [ -t 0 ] || die "nobody is there to ask; write YES=1 to go on without"
    read -r -p "Write Skiff to it? Type yes: " answer || true
    [ "$answer" = yes ] || die "nothing was written"
}

as_root() {
    if [ -w "$device" ] && [ -r "$device" ]; then "$@"; else sudo "$@"; fi
}

# The kernel reads no table of partitions anew while somebody uses one of them, in whichever way: the last check. The end
# of a disk has the second copy of an older GPT, which some firmware believes: it is wiped too.
write_image() {
    local last=$(($(attribute size) - 33))
    if [ -b "$device" ] && ! as_root blockdev --rereadpt "$device"; then
        die "the kernel says that a partition of $device is in use; nothing was written"
    fi
    echo "Writing $image_size bytes ..."
    as_root dd if="$image" of="$device" bs=1M conv=fsync,notrunc,nocreat status=progress
    if ((last * 512 > image_size)); then
        as_root dd if=/dev/zero of="$device" bs=512 seek=$last count=33 conv=fsync,notrunc,nocreat status=none
    fi
}

# From the stick itself, not from what the kernel remembers of it.
verify() {
    echo "Reading it back ..."
    as_root dd of="$device" oflag=nocache conv=notrunc,nocreat,fdatasync count=0 status=none
    as_root dd if="$device" bs=1M count="$image_size" iflag=count_bytes,nocache status=progress | cmp - "$image" ||
        die "what $device has is not what was written: it is worn out, or no honest stick. Take another"
}

[ -f "$image" ] || die "there is no $image; type: make usb"
image_size=$(stat -c %s "$image")
find_disk
check_disk
ask
if [ ! -w "$device" ] && [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "$device can be written by root alone; as root, type: boot/flash.sh $image $device"
fi
write_image
verify
as_root blockdev --rereadpt "$device" 2>/dev/null || true
echo "Done. $device can be pulled out; what it does is set in skiff.cfg on it (see README.TXT there)."

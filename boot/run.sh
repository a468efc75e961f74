#!/bin/bash
# Boots build/skiff.elf in QEMU: "make run" and "make debug".
#
# environment:
#   NET=user|tap   user: port forwarding to localhost (needs no privileges); tap: a tap device of its own
#   SITE=DIR|TAR   a folder to pack and serve, or an archive; without: the built-in start page
#   PORT=8080      on localhost (NET=user)       ADDR=10.79.0.2  HOST=10.79.0.1   (NET=tap)
#   MEM=64M  NIC=e1000  ACCEL=kvm|tcg  APPEND="more words of the command line"  DEBUG=1 (wait for gdb)
set -euo pipefail
kernel=${KERNEL:-build/skiff.elf}
NET=${NET:-user} PORT=${PORT:-8080} MEM=${MEM:-64M} NIC=${NIC:-e1000} ADDR=${ADDR:-10.79.0.2} HOST=${HOST:-10.79.0.1}
append=${APPEND:-}
tap='' work='' qemu_pid=''

die() { echo "skiff: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else command -v sudo >/dev/null && sudo "$@"; fi
}

cleanup() {
    [ -z "$qemu_pid" ] || kill "$qemu_pid" 2>/dev/null || true
    [ -z "$tap" ] || as_root ip link del "$tap" 2>/dev/null || true
    [ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

if [ -z "${ACCEL:-}" ]; then # /dev/kvm without these flags is an emulation, slower than TCG
    if grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then ACCEL=kvm; else ACCEL=tcg; fi
fi
cpu=max
[ "$ACCEL" = kvm ] && cpu=host

args=(-accel "$ACCEL" -cpu "$cpu" -M pc -m "$MEM" -display none -nodefaults -no-reboot -kernel "$kernel")
# With a terminal Ctrl-C is a key for Skiff's console, and Ctrl-A x ends QEMU; without one, there is the log alone.
if [ -t 0 ] && [ -t 1 ]; then
    args+=(-serial mon:stdio)
    ending="Press Enter for a command line. Ctrl-A x ends it."
else
    args+=(-serial stdio)
    ending="Ctrl-C ends it."
fi
[ -z "${DEBUG:-}" ] || args+=(-S -gdb "tcp:127.0.0.1:1234")

if [ -n "${SITE:-}" ]; then
    work=$(mktemp -d)
    if [ -d "$SITE" ]; then
        "$(dirname "$0")/pack.sh" "$SITE" "$work/site.tar" || die "cannot pack $SITE"
        SITE=$work/site.tar
    fi
    [ -f "$SITE" ] || die "SITE=$SITE is neither a folder nor an archive; write SITE=path/to/folder"
    args+=(-initrd "$SITE")
fi

case $NET in
user)
    if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
        die "port $PORT is taken; write: make run PORT=8081"
    fi
    args+=(-netdev "user,id=n0,hostfwd=tcp:127.0.0.1:$PORT-:80")
    append="dhcp.probe=0 $append" # nobody else is on QEMU's own network: no need to ask around for five seconds
    url=http://localhost:$PORT
    ;;
tap)
    tap=skiff$((RANDOM % 1000))
    as_root ip tuntap add "$tap" mode tap user "$(id -un)" || { tap=''; die "cannot make a tap device: NET=tap needs root or sudo, and /dev/net/tun"; }
    as_root ip addr add "$HOST/24" dev "$tap"
    as_root ip link set "$tap" up
    args+=(-netdev "tap,id=n0,ifname=$tap,script=no,downscript=no")
    append="ip=$ADDR::$HOST:255.255.255.0::eth0:off $append"
    url=http://$ADDR
    ;;
*) die "NET=$NET is unknown; write NET=user or NET=tap" ;;
esac

echo
echo "  Skiff boots now ($ACCEL). Point your browser at  $url"
echo "  $ending${DEBUG:+  It waits for: gdb build/skiff64.elf -ex 'target remote :1234'}"
echo
qemu-system-x86_64 "${args[@]}" -device "$NIC,netdev=n0,romfile=" -append "$append" <&0 &
qemu_pid=$!
wait "$qemu_pid" || { status=$?; qemu_pid=''; die "QEMU ended with status $status"; }
qemu_pid=''

#!/bin/bash
# Builds the Linux guest that Skiff is measured against: kernel, initramfs with nginx, the same files.
#
# usage: linux_guest.sh OUTDIR [debian|small]
#   debian  Debian's kernel, unpacked to its ELF (boots by PVH, without the decompressor)
#   small   a kernel of our own configuration: what nginx on an e1000 needs, no mitigations, one CPU (minutes)
# makes: OUTDIR/vmlinux-debian or vmlinux-small, OUTDIR/initramfs.cpio; for the router's rows OUTDIR/router.cpio and, with
#        "small", a second kernel vmlinux-small-router, which has netfilter and tc's queues as well
# Downloads Debian packages by apt-get into OUTDIR; installs nothing.
set -euo pipefail
out=$(realpath -m "$1") kind=${2:-debian}
mkdir -p "$out/packages" "$out/root"
. "$(dirname "$0")/linux_router.sh"

fetch() { # fetch PACKAGE...: unpacked under OUTDIR/root
    local package
    for package; do
        ls "$out/packages/${package}"_*.deb >/dev/null 2>&1 ||
            (cd "$out/packages" && apt-get download -qq "$package" >/dev/null 2>&1) ||
            { echo "bench: cannot download $package; try: apt-get update" >&2; exit 1; }
        [ -e "$out/packages/$package.done" ] || {
            dpkg-deb -x "$out/packages/${package}"_*.deb "$out/root"
            touch "$out/packages/$package.done"
        }
    done
}

extract_vmlinux() { # the ELF inside a bzImage, by the payload fields of the boot protocol (2.08)
    python3 - "$1" "$2" <<'P'
import lzma
import struct
import sys
image = open(sys.argv[1], "rb").read()
setup = (image[0x1F1] + 1) * 512
offset, length = struct.unpack_from("<II", image, 0x248)
payload = image[setup + offset:setup + offset + length - 4]
open(sys.argv[2], "wb").write(lzma.LZMADecompressor(lzma.FORMAT_AUTO).decompress(payload))
P
}

debian_kernel() {
    local package
    package=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ {print $2; exit}')
    fetch "$package"
    [ -s "$out/vmlinux-debian" ] || extract_vmlinux "$out"/root/boot/vmlinuz-* "$out/vmlinux-debian"
}

small_kernel() { # small_kernel NAME: OUTDIR/vmlinux-NAME, of the configuration below and what comes on standard input
    [ -s "$out/vmlinux-$1" ] && return
    "$(dirname "$0")/../../boot/need.sh" flex:flex bison:bison bc:bc /usr/include/libelf.h:libelf-dev
    fetch linux-source-6.1
    [ -s "$out/source/Makefile" ] || { mkdir -p "$out/source" && tar -C "$out/source" --strip-components=1 -xJf "$out/root/usr/src/linux-source-6.1.tar.xz"; }
    [ ! -e "$out/source/.config" ] || make -s -C "$out/source" mrproper
    mkdir -p "$out/build-$1"
    printf 'CONFIG_%s=y\n' 64BIT CC_OPTIMIZE_FOR_PERFORMANCE KERNEL_LZ4 SLUB HYPERVISOR_GUEST PVH HIGH_RES_TIMERS \
        NO_HZ_IDLE HZ_250 JUMP_LABEL BLK_DEV_INITRD PRINTK MULTIUSER POSIX_TIMERS FUTEX EPOLL SIGNALFD TIMERFD EVENTFD \
        AIO SHMEM ADVISE_SYSCALLS MEMBARRIER RSEQ FILE_LOCKING BINFMT_ELF BINFMT_SCRIPT PROC_FS PROC_SYSCTL SYSFS TMPFS \
        DEVTMPFS TTY SERIAL_8250 SERIAL_8250_CONSOLE PCI NET UNIX INET NETDEVICES ETHERNET NET_VENDOR_INTEL E1000 >"$out/build-$1/wanted"
    printf 'CONFIG_%s=n\n' SMP CC_OPTIMIZE_FOR_SIZE KERNEL_XZ SLOB SPECULATION_MITIGATIONS IPV6 WIRELESS WLAN >>"$out/build-$1/wanted"
    cat >>"$out/build-$1/wanted"
    make -s -C "$out/source" O="$out/build-$1" tinyconfig
    (cd "$out/source" && scripts/kconfig/merge_config.sh -m -O "$out/build-$1" "$out/build-$1/.config" "$out/build-$1/wanted" >/dev/null)
    make -s -C "$out/source" O="$out/build-$1" olddefconfig
    make -s -C "$out/source" -j"$(nproc)" O="$out/build-$1" vmlinux
    strip -s "$out/build-$1/vmlinux" -o "$out/vmlinux-$1"
}

initramfs() {
    local tree=$out/tree module
    fetch busybox-static nginx libc6 libcrypt1 libpcre2-8-0 libssl3 zlib1g iperf3 libiperf0 libsctp1
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,dev,proc,sys,tmp,lib64,usr/lib,etc/nginx,run,var/log/nginx,var/lib/nginx,www,modules}
    cp "$out/root/bin/busybox" "$tree/bin/"
    for name in sh mount ip insmod sleep grep mv mkdir; do ln -s busybox "$tree/bin/$name"; done
    cp "$out/root/usr/sbin/nginx" "$out/root/usr/bin/iperf3" "$tree/bin/"
    ln -s usr/lib "$tree/lib"
    for name in libc.so.6 libcrypt.so.1 libpcre2-8.so.0 libssl.so.3 libcrypto.so.3 libz.so.1 libiperf.so.0 libsctp.so.1 libm.so.6; do
        cp -L "$(find "$out/root/lib" "$out/root/usr/lib" -name "$name" | head -1)" "$tree/usr/lib/"
    done
    cp -L "$(find "$out/root" -name ld-linux-x86-64.so.2 | head -1)" "$tree/lib64/"
    mkdir "$tree/usr/lib/x86_64-linux-gnu"
    for name in "$tree"/usr/lib/*.so*; do ln -s "../${name##*/}" "$tree/usr/lib/x86_64-linux-gnu/"; done
    for module in "$out"/root/lib/modules/*/kernel/drivers/net/ethernet/intel/e1000/e1000.ko; do
        [ ! -e "$module" ] || cp "$module" "$tree/modules/"
    done
    cp "$out"/site/www/* "$tree/www/"
    printf 'root:x:0:0::/:/bin/sh\n' >"$tree/etc/passwd"
    printf 'root:x:0:\n' >"$tree/etc/group"
    cat >"$tree/etc/nginx/nginx.conf" <<'C'
daemon off; worker_processes 1; user root; error_log stderr crit; pid /run/nginx.pid; worker_rlimit_nofile 8192;
events { worker_connections 4096; use epoll; multi_accept on; }
http {
    access_log off; sendfile on; tcp_nopush on; keepalive_timeout 60; keepalive_requests 100000000;
    open_file_cache max=100; default_type application/octet-stream;
    server {
        listen 80 backlog=4096 default_server; root /www;
        location = /meminfo { open_file_cache off; root /run/free; }
    }
}
C
    cat >"$tree/init" <<'C'
#!/bin/sh
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
[ -e /sys/bus/pci/drivers/e1000 ] || insmod /modules/e1000.ko
ip link set lo up; ip addr add 10.79.0.2/24 dev eth0; ip link set eth0 up
echo 4096 >/proc/sys/net/core/somaxconn; echo 4096 >/proc/sys/net/ipv4/tcp_max_syn_backlog
nginx -c /etc/nginx/nginx.conf &
iperf3 -s >/dev/null &
mkdir -p /run/free
while :; do grep MemAvailable /proc/meminfo >/run/free/new; mv /run/free/new /run/free/meminfo; sleep 0.5; done
C
    chmod +x "$tree/init"
    (cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$out/initramfs.cpio"
}

case $kind in
debian) debian_kernel ;;
small) # Debian's kernel first: the initramfs serves both
    debian_kernel
    small_kernel small </dev/null
    small_kernel small-router < <(router_config) ;;
*) echo "bench: kernel '$kind' is unknown; write debian or small" >&2; exit 1 ;;
esac
initramfs
router_initramfs

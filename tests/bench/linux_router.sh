#!/bin/bash
# shellcheck disable=SC2154 # out is linux_guest.sh's
# The Linux guest as a router, read by linux_guest.sh: OUTDIR/router.cpio has iptables, tc and the modules they need.
#
# A second archive behind it in the same file brings what the run wants: /etc/iptables.rules, loaded before the cards go
# up, and /etc/commands, run after (/etc/addresses, /etc/settings: see init below).

# In the order in which they need each other; the same ones are in a kernel of our own (router_config).
ROUTER_MODULES="crypto/crc32c_generic lib/libcrc32c net/ipv6/netfilter/nf_defrag_ipv6 net/ipv4/netfilter/nf_defrag_ipv4
    net/netfilter/nf_conntrack net/netfilter/nf_nat net/netfilter/x_tables net/ipv4/netfilter/ip_tables
    net/ipv4/netfilter/iptable_filter net/ipv4/netfilter/iptable_raw net/ipv4/netfilter/iptable_nat
    net/netfilter/xt_tcpudp net/netfilter/xt_conntrack net/netfilter/xt_MASQUERADE net/sched/sch_tbf net/sched/sch_ingress
    net/sched/cls_bpf net/sched/act_gact drivers/net/ethernet/intel/e1000/e1000"

router_config() {
    printf 'CONFIG_%s=y\n' NETFILTER NETFILTER_ADVANCED NF_CONNTRACK NF_NAT NETFILTER_XTABLES IP_NF_IPTABLES IP_NF_FILTER IP_NF_RAW \
        IP_NF_NAT IP_NF_TARGET_MASQUERADE NETFILTER_XT_TARGET_MASQUERADE NETFILTER_XT_MATCH_CONNTRACK INET \
        IP_ADVANCED_ROUTER NET_SCHED NET_SCH_TBF NET_SCH_FQ_CODEL NET_SCH_DEFAULT DEFAULT_FQ_CODEL NET_SCH_INGRESS NET_CLS_ACT \
        NET_CLS_BPF NET_ACT_GACT BPF_SYSCALL BPF_JIT BPF_JIT_ALWAYS_ON MODULES # which the JIT wants; none is built
}

router_initramfs() {
    local tree=$out/router-tree module name program
    fetch iptables libxtables12 libip4tc2 libip6tc2 iproute2 libbpf1 libelf1 libmnl0 libcap2 libbsd0 libmd0
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,dev,proc,sys,run,etc,lib64,usr/lib/x86_64-linux-gnu,modules}
    for program in "$out"/root/bin/busybox "$out"/root/usr/sbin/xtables-legacy-multi "$out"/root/sbin/tc; do
        cp -L "$program" "$tree/bin/"
    done
    for name in sh mount ip insmod sysctl; do ln -s busybox "$tree/bin/$name"; done
    ln -s xtables-legacy-multi "$tree/bin/iptables-legacy-restore"
    ln -s usr/lib "$tree/lib"
    for name in libc.so.6 libm.so.6 libz.so.1 libxtables.so.12 libip4tc.so.2 libip6tc.so.2 libbpf.so.1 libelf.so.1 libmnl.so.0 \
        libcap.so.2 libbsd.so.0 libmd.so.0; do
        cp -L "$(find "$out/root/lib" "$out/root/usr/lib" -name "$name" | head -1)" "$tree/usr/lib/x86_64-linux-gnu/"
    done
    cp -L "$(find "$out/root" -name ld-linux-x86-64.so.2 | head -1)" "$tree/lib64/"
    cp -r "$out/root/usr/lib/x86_64-linux-gnu/xtables" "$tree/usr/lib/x86_64-linux-gnu/"
    for module in $ROUTER_MODULES; do
        cp "$out"/root/lib/modules/*/kernel/"$module.ko" "$tree/modules/"
        echo "/modules/${module##*/}.ko" >>"$tree/modules/order"
    done
    cat >"$tree/init" <<'C'
#!/bin/sh
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
[ -e /sys/bus/pci/drivers/e1000 ] || while read -r module; do insmod $module; done </modules/order
sysctl -w net.ipv4.ip_forward=1 >/dev/null
[ ! -e /etc/settings ] || sysctl -p /etc/settings >/dev/null
[ ! -e /etc/iptables.rules ] || iptables-legacy-restore /etc/iptables.rules || exit 1 # the kernel panics, and QEMU ends
ip link set lo up
while read -r device address; do ip addr add $address dev $device; ip link set $device up; done </etc/addresses
sh -e /etc/commands || exit 1
while :; do sleep 3600; done
C
    chmod +x "$tree/init"
    ln -s busybox "$tree/bin/sleep"
    (cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$out/router.cpio"
}

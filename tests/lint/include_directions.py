#!/usr/bin/env python3
"""Who may include whom. A room's sources may include what stands in its row, and nothing else.

Down goes by call, up goes by registration: a line that breaks the table is a layer that knows who uses it.
"""
import os
import re
import sys

STANDARD = "<>"  # the headers of libc/include, and these of the compiler's own
COMPILER = ["stdarg.h", "stdbool.h", "stddef.h", "stdint.h"]
CORE = ["net/core"]
ROOMS = {  # longest prefix wins
    "libc": ["libc", STANDARD],
    "kernel": ["kernel", "libc", STANDARD],
    "kernel/main.c": ["kernel", "libc", "drivers", "net", STANDARD],
    "kernel/libc_glue.c": ["kernel", "libc", STANDARD],
    "drivers": ["kernel", "libc", "drivers", "net/core/skbuff.h", "net/core/netdevice.h", "net/core/napi.h", STANDARD],
    "net/core": ["net/core", "kernel", "libc", STANDARD],
    "net/ethernet": CORE + ["net/ethernet", "kernel", STANDARD],
    "net/sched": CORE + ["net/sched", "kernel", STANDARD],
    "net/packet": CORE + ["net/packet", "net/ethernet/ethernet.h", "net/socket/socket.h", "kernel", STANDARD],
    # Two storeys: the hooks lie below IPv4, which calls them; rules, connection tracking and NAT stand on it.
    "net/netfilter/hooks.h": CORE + ["kernel", STANDARD],
    "net/netfilter/hooks.c": CORE + ["net/netfilter/hooks.h", "kernel", STANDARD],
    "net/netfilter": CORE + ["net/netfilter", "net/ethernet/ethernet.h", "net/ipv4/ip.h", "net/ipv4/route.h", "net/ipv4/icmp.h",
                             "net/tcp/tcp.h", "net/udp/udp.h", "kernel", STANDARD],
    "net/ipv4": CORE + ["net/ipv4", "net/netfilter/hooks.h", "net/ethernet/ethernet.h", "net/ethernet/arp.h", "kernel", STANDARD],
    "net/udp": CORE + ["net/udp", "net/ipv4/ip.h", "net/ipv4/ip_sockglue.h", "net/ipv4/igmp.h", "net/ipv4/route.h", "net/ipv4/icmp.h",
                       "kernel", STANDARD],
    "net/tcp": CORE + ["net/tcp", "net/ipv4/ip.h", "net/ipv4/ip_sockglue.h", "net/ipv4/route.h", "net/ipv4/icmp.h", "kernel", STANDARD],
    "net/socket": CORE + ["net/socket", "net/ethernet/arp.h", "net/ethernet/link.h", "net/ethernet/bridge.h", "net/netfilter", "net/packet",
                          "net/sched", "net/ipv4/ip.h", "net/ipv4/route.h", "net/ipv4/ip_sockglue.h", "net/ipv4/ping.h", "net/ipv4/raw.h", "net/udp/udp.h",
                          "net/tcp/tcp.h", "net/tcp/tcp_states.h", "kernel", STANDARD],
    "net/socket/route.c": CORE + ["net/socket/socket.h", "net/ipv4/ip.h", "net/ipv4/routeconfig.h", "kernel", STANDARD],
    "net/apps": ["net/apps", STANDARD],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def row_of(path):
    rooms = [r for r in ROOMS if path == r or path.startswith(r + "/")]
    return ROOMS[max(rooms, key=len)] if rooms else None


def allowed(row, kind, target):
    if kind == "<":  # <net/core/...> would find our own headers too: that is no way around the table
        return STANDARD in row and (target in COMPILER or os.path.exists("libc/include/" + target))
    return any(target == r or target.startswith(r + "/") for r in row)


def main():
    errors = []
    for top in ("libc", "kernel", "drivers", "net"):
        for folder, _, files in os.walk(top):
            for name in files:
                if not name.endswith((".c", ".h", ".S")):
                    continue
                path = os.path.join(folder, name)
                row = row_of(path)
                if row is None:
                    errors.append(f"{path}: stands in a room that the table does not know")
                    continue
                for kind, target in INCLUDE.findall(open(path).read()):
                    if kind == '"' and "/" not in target:
                        errors.append(f'{path}: "{target}" - include by full path from the top')
                    elif not allowed(row, kind, target):
                        errors.append(f"{path}: may not include {target}")
    print("\n".join(errors), end="\n" if errors else "")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()

"""Skiff translates between two networks of Linux machines: nobody on the right sees an address of the left."""
import concurrent.futures
import contextlib
import errno
import hashlib
import http.server
import random
import re
import socket
import struct
import threading
import time

import pytest

from conftest import Machine, ping
from router import APPEND, LEFT, LEFT_GW, RIGHT, RIGHT_GW, Networks, connect, exchange, read_all, serving, third_network
from test_console import PROMPT, Line
from test_firewall import archive
from test_router import error_of

CLIENTS = [LEFT, "10.81.1.3", "10.81.1.4", "10.81.1.5"]  # all on the left
SNATTED, POOL = ["10.81.1.129", "10.81.1.130", "10.81.1.131"], ["10.81.2.200", "10.81.2.201"]
WEB, DATAGRAMS, CLOSED = 9000, 5301, 33434  # ports that the outside reaches on the left

RULES = f"""*nat
-A PREROUTING -i eth0 -d {RIGHT} -p tcp --dport 80 -j REDIRECT
-A PREROUTING -i eth0 -p tcp --dport 8080 -j REDIRECT --to-ports 80
-A PREROUTING -d {RIGHT_GW} -p tcp --dport 8000 -j DNAT --to-destination {LEFT}:{WEB}
-A PREROUTING -d {RIGHT_GW} -p udp --dport 5300 -j DNAT --to-destination {LEFT}:{DATAGRAMS}
-A PREROUTING -i eth1 -d {RIGHT_GW} -p udp --dport {CLOSED} -j DNAT --to-destination {LEFT}
-A POSTROUTING -o eth0 -s 10.81.1.0/24 -j MASQUERADE
-A POSTROUTING -o eth1 -s 10.81.1.128/25 -j SNAT --to-source {POOL[0]}-{POOL[1]} --persistent
-A POSTROUTING -o eth1 -s 10.81.1.0/24 -j MASQUERADE
COMMIT
*filter
:FORWARD DROP
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i eth0 -o eth1 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
-A INPUT -i eth1 -m conntrack --ctstate NEW -j DROP
COMMIT
"""


@pytest.fixture(scope="module")
def nat(tmp_path_factory):
    """Two networks, a machine with the rules above between them, and its .line to type at."""
    directory, machines, networks = tmp_path_factory.mktemp("nat"), [], Networks()

    def boot(**options):
        machines.append(Machine(directory, **options))
        return machines[-1]

    try:
        networks.line = line = Line(boot, directory, append=f"{APPEND} mdns=0", taps=networks.taps(),
                                    site=archive(directory, **{"etc/iptables.rules": RULES}))
        line.expect("press Enter for a command line\n")
        line.type("\r")
        line.expect(PROMPT)
        for address in CLIENTS[1:] + SNATTED:
            networks.left.run("ip", "addr", "add", f"{address}/32", "dev", "left0")
        for address in POOL:  # not an address that the machine answers for
            networks.right.run("ip", "route", "add", address, "via", RIGHT_GW)
        networks.ready(machines[0])
        yield networks
        assert machines[0].process.poll() is None and "panic" not in line.data.decode("latin-1").lower(), line.data
    finally:
        for machine in machines:
            machine.stop()
        networks.close()


def bound(ns, kind, address, port=0, to=None):
    with ns:
        s = socket.socket(socket.AF_INET, kind)
    s.settimeout(30)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    if to:
        s.connect(to)
    return s


def connections(nat, *options):
    """What `conntrack -L` shows, a line each."""
    text = nat.line.run(" ".join(("conntrack -L", *options)))
    *lines, last = text.splitlines()
    assert last == f"conntrack: {len(lines)} flow entries have been shown."
    return lines


@pytest.mark.parametrize("size", [1, 100_000, 5_000_003])
def test_bytes_are_the_same_on_the_other_side(nat, size):
    exchange(nat.left, RIGHT, nat.right, size)


def test_clients_with_one_source_port_are_told_apart_by_the_server(nat):
    """RFC 4787 REQ-3, RFC 5382 REQ-7: the port is kept for one of them, the others get ports of their own."""
    peers = {}

    def answer(connection, peer):
        with connection:
            name = connection.recv(100)
            peers[name.decode()] = peer
            connection.sendall(name + b" at %d" % peer[1])
            connection.recv(1)  # all are open at once

    with contextlib.ExitStack() as stack:
        with nat.right:
            server = stack.enter_context(socket.create_server((RIGHT, 0)))
        clients = [stack.enter_context(bound(nat.left, socket.SOCK_STREAM, c, 40000, server.getsockname())) for c in CLIENTS]
        server.settimeout(30)
        for _ in clients:
            threading.Thread(target=answer, args=server.accept(), daemon=True).start()
        for name, s in zip(CLIENTS, clients):
            s.sendall(name.encode())
        for name, s in zip(CLIENTS, clients):
            assert s.recv(100).decode() == f"{name} at {peers[name][1]}"
        assert {address for address, _ in peers.values()} == {RIGHT_GW}
        ports = {port for _, port in peers.values()}
        assert len(ports) == len(CLIENTS) and 40000 in ports and min(ports) >= 1024

        shown = connections(nat, "-p", "tcp", "--sport", "40000")
        assert len(shown) == len(CLIENTS)
        port = server.getsockname()[1]
        for name in CLIENTS:
            pattern = (rf"tcp +6 \d+ ESTABLISHED src={name} dst={RIGHT} sport=40000 dport={port} "
                       rf"src={RIGHT} dst={RIGHT_GW} sport={port} dport={peers[name][1]} \[ASSURED\] mark=0 use=\d+")
            assert any(re.fullmatch(pattern, line) for line in shown), (pattern, shown)


def test_a_pool_of_addresses_gives_each_client_one(nat):
    with bound(nat.right, socket.SOCK_DGRAM, RIGHT) as server, bound(nat.right, socket.SOCK_DGRAM, RIGHT) as other:
        seen = {}
        for client in SNATTED:
            with bound(nat.left, socket.SOCK_DGRAM, client, 41000) as s:
                for to in (server, other):
                    s.sendto(b"who am I", to.getsockname())
                    seen[client, to], peer = to.recvfrom(100)[1], to
                    to.sendto(b"you", seen[client, to])
                    assert s.recvfrom(100) == (b"you", to.getsockname())
        assert {address for address, _ in seen.values()} <= set(POOL)
        for client in SNATTED:  # RFC 4787 REQ-1, REQ-2: one mapping, whoever it speaks to
            assert seen[client, server] == seen[client, other]
        assert len({seen[client, server] for client in SNATTED}) == len(SNATTED)


def test_a_server_behind_is_reached_by_the_outside_address(nat, tmp_path):
    files = {f"/{size}": random.Random(size).randbytes(size) for size in (0, 1, 1460, 3_000_000)}
    seen = set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.add(self.client_address[0])
            self.send_response(200)
            self.send_header("Content-Length", str(len(files[self.path])))
            self.end_headers()
            self.wfile.write(files[self.path])

        def log_message(self, *_):
            pass

    with nat.left:
        server = http.server.ThreadingHTTPServer((LEFT, WEB), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        for path, content in files.items():
            nat.right.run("curl", "-sf", "-m", 50, "-o", tmp_path / "got", f"http://{RIGHT_GW}:8000{path}")
            assert hashlib.sha256((tmp_path / "got").read_bytes()).digest() == hashlib.sha256(content).digest()
        assert seen == {RIGHT}
        # Hairpin (RFC 5382 REQ-8): a neighbour of the server's asks for it by the outside address too.
        seen.clear()
        for path, content in files.items():
            nat.left.run("curl", "-sf", "-m", 50, "--interface", CLIENTS[1], "-o", tmp_path / "got",
                         f"http://{RIGHT_GW}:8000{path}")
            assert (tmp_path / "got").read_bytes() == content
        assert seen == {LEFT_GW}
    finally:
        server.shutdown()
        server.server_close()


def test_hairpin_of_datagrams_comes_from_outside(nat):
    """RFC 4787 REQ-9: the answer's source is the address that was asked."""
    with bound(nat.left, socket.SOCK_DGRAM, LEFT, DATAGRAMS) as server, \
            bound(nat.left, socket.SOCK_DGRAM, CLIENTS[2]) as s:
        s.sendto(b"hello", (RIGHT_GW, 5300))
        data, peer = server.recvfrom(100)
        assert (data, peer[0]) == (b"hello", LEFT_GW)
        server.sendto(b"there", peer)
        assert s.recvfrom(100) == (b"there", (RIGHT_GW, 5300))


def test_whoever_is_redirected_meets_the_machines_own_server(nat):
    for address in (f"{RIGHT}:80", f"{RIGHT}:8080", f"{LEFT_GW}:8080"):
        out = nat.left.run("curl", "-sf", "-m", 50, f"http://{address}/").stdout
        assert out == "<p>hello"
    shown = connections(nat, "-p", "tcp", "--dport", "80")
    assert any(f"dst={RIGHT} " in line and f" src={LEFT_GW} " in line for line in shown)


def test_nobody_outside_begins_anything(nat):
    with serving(nat.left, lambda c: None) as port:
        for address in ((LEFT, port), (RIGHT_GW, port), (RIGHT_GW, 80), (LEFT_GW, 80)):
            with pytest.raises(TimeoutError):
                connect(nat.right, address, 0.4)
    for address in (LEFT, LEFT_GW, RIGHT_GW):
        assert not ping(address, wait="0.4", run=nat.right.run)
    assert connections(nat, "-s", RIGHT, "-d", LEFT) == []  # what was dropped leaves nothing behind
    # A segment in the middle of nothing is no connection either, nor is a datagram to the port of somebody's mapping.
    with bound(nat.left, socket.SOCK_DGRAM, LEFT) as s, bound(nat.right, socket.SOCK_DGRAM, RIGHT) as server, \
            bound(nat.right, socket.SOCK_DGRAM, RIGHT) as stranger:
        s.sendto(b"x", server.getsockname())
        mapped = server.recvfrom(10)[1]
        stranger.sendto(b"forged", mapped)
        server.sendto(b"answer", mapped)
        assert s.recvfrom(100) == (b"answer", server.getsockname())
        s.settimeout(0.3)
        with pytest.raises(TimeoutError):
            s.recv(100)


def test_an_error_about_a_translated_datagram_reaches_its_sender_and_nobody_else(nat):
    """RFC 5508 REQ-4"""
    server = bound(nat.right, socket.SOCK_DGRAM, RIGHT)
    to = server.getsockname()
    clients = [bound(nat.left, socket.SOCK_DGRAM, c, 42000, to) for c in CLIENTS]
    for s in clients:
        s.send(b"x")
    assert len({server.recvfrom(10)[1] for _ in clients}) == len(clients)
    server.close()
    for asker in (clients[2], clients[0], clients[3]):
        asker.send(b"anybody there?")
        with pytest.raises(ConnectionRefusedError):
            asker.recv(1)
        for s in clients:
            assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    for s in clients:
        s.close()
    with pytest.raises(ConnectionRefusedError):
        connect(nat.left, (RIGHT, 1))


def test_traceroute_through_the_translator(nat):
    assert error_of(nat.left, RIGHT, ttl=1) == (11, 0, 0, LEFT_GW)
    assert error_of(nat.left, RIGHT, ttl=2) == (3, 3, 0, RIGHT)
    # To a server behind: whatever says something stands under the address that was asked.
    assert error_of(nat.right, RIGHT_GW, ttl=1) == (11, 0, 0, RIGHT_GW)
    assert error_of(nat.right, RIGHT_GW, ttl=2) == (3, 3, 0, RIGHT_GW)
    assert error_of(nat.left, "192.0.2.1") == (3, 0, 0, LEFT_GW)


def test_the_path_mtu_is_learnt_through_the_translator(nat):
    """RFC 5508 REQ-4, RFC 1191: `too big` from Skiff about what it has translated, and from a hop behind it."""
    nat.line.run("ip link set eth0 mtu 1200")
    try:
        assert error_of(nat.right, RIGHT_GW, size=1300, df=True) == (3, 4, 1200, RIGHT_GW)
        with serving(nat.left, lambda c: c.sendall(read_all(c)), (LEFT, WEB)), connect(nat.right, (RIGHT_GW, 8000)) as s:
            data = random.Random(6).randbytes(100_000)
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            assert read_all(s) == data
    finally:
        nat.line.run("ip link set eth0 mtu 1500")
        nat.right.run("ip", "route", "flush", "cache")
    with third_network(nat.right) as third:
        nat.line.run(f"ip route add 10.81.3.0/24 via {RIGHT}")
        assert error_of(nat.left, "10.81.3.2", size=1400, df=True) == (3, 4, 1300, RIGHT)
        exchange(nat.left, "10.81.3.2", third, 300_000)


def test_fragments_are_translated_whole(nat):
    """RFC 4787 REQ-14: in whatever order; the pieces after the first have no ports."""
    for size in (3000, 20000):
        assert ping(RIGHT, 2, "-s", size, run=nat.left.run)
        assert ping(RIGHT, 1, "-I", SNATTED[0], "-s", size, run=nat.left.run)
    data = random.Random(5).randbytes(20000)
    with bound(nat.left, socket.SOCK_DGRAM, LEFT, DATAGRAMS) as server, \
            bound(nat.right, socket.SOCK_DGRAM, RIGHT, 0, (RIGHT_GW, 5300)) as s:
        s.send(data)
        got, peer = server.recvfrom(1 << 16)
        assert got == data and peer == s.getsockname()
        server.sendto(data[::-1], peer)
        assert s.recv(1 << 16) == data[::-1]


def echo_datagrams(ns, address):
    """A server that sends each datagram back, in a thread that ends with its socket. -> the socket"""
    server = bound(ns, socket.SOCK_DGRAM, *address)
    server.settimeout(None)

    def serve():
        while (found := server.recvfrom(1 << 16))[0] != b"end":
            server.sendto(*found)

    threading.Thread(target=serve, daemon=True).start()
    return server


def datagrams_come_back(s, rng, count):
    """So many datagrams of any size, each the same when it comes back; one that a full queue dropped is sent again."""
    s.settimeout(1)
    for number in range(count):
        data, end = struct.pack("!I", number) + rng.randbytes(rng.randrange(1400, 30000)), time.monotonic() + 60
        while True:
            assert time.monotonic() < end, f"datagram {number} does not come back"
            s.send(data)
            try:
                while (got := s.recv(1 << 16))[:4] != data[:4]:
                    pass  # the answer to one that was given up
                break
            except TimeoutError:
                pass
        assert got == data


def test_pieces_cut_again_and_trains_under_load_keep_every_byte(nat):
    """RFC 4787 REQ-14 by a narrower link: fragments are put together, translated and cut anew, both ways, beside streams."""
    rng = random.Random(7)
    nat.line.run("ip link set eth1 mtu 1000")
    inside, outside = echo_datagrams(nat.left, (LEFT, DATAGRAMS)), echo_datagrams(nat.right, (RIGHT, 5555))
    before = nat.line.run("nstat -az 'IpFrag*'")
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool, \
                bound(nat.left, socket.SOCK_DGRAM, CLIENTS[1], 0, (RIGHT, 5555)) as out, \
                bound(nat.right, socket.SOCK_DGRAM, RIGHT, 0, (RIGHT_GW, 5300)) as back:
            tasks = [pool.submit(exchange, nat.left, RIGHT, nat.right, size) for size in (3_000_000, 2_000_001)]
            tasks += [pool.submit(datagrams_come_back, s, random.Random(rng.random()), 40) for s in (out, back)]
            for task in tasks:
                task.result(240)
    finally:
        for server in (inside, outside):
            server.sendto(b"end", server.getsockname())
        nat.line.run("ip link set eth1 mtu 1500")
        for ns in (nat.left, nat.right):
            ns.run("ip", "route", "flush", "cache")

    def figure(name, text):
        return int(re.search(rf"^{name} +(\d+)", text, re.M)[1])

    after = nat.line.run("nstat -az 'IpFrag*'")
    assert figure("IpFragCreates", after) - figure("IpFragCreates", before) > 500


def test_pings_with_one_id_are_told_apart(nat):
    """RFC 5508 REQ-1: the id is a port."""
    nat.left.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    pings = []
    for client in CLIENTS:
        with nat.left:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
        s.settimeout(30)
        s.bind((client, 777))
        s.connect((RIGHT, 0))
        pings.append(s)
    for client, s in zip(CLIENTS, pings):
        s.send(b"\x08\0\0\0\0\0\0\1" + client.encode())
    for client, s in zip(CLIENTS, pings):
        assert s.recv(100)[8:] == client.encode()
        s.close()
    shown = connections(nat, "-p", "icmp")
    pair = f"type=8 code=0 id=777 src={RIGHT} dst={RIGHT_GW} type=0 code=0 id="
    assert sum(pair in line for line in shown) == len(CLIENTS)


def test_figures_and_the_end_of_connections(nat):
    def figures():
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", nat.line.run("conntrack -S"))}

    before = figures()
    with serving(nat.right, lambda c: c.sendall(c.recv(100))) as port:
        with connect(nat.left, (RIGHT, port)) as s:
            assert figures()["insert"] > before["insert"]
            assert "deleted" in nat.line.run("conntrack -F")
            assert connections(nat, "-p", "tcp", "--dport", str(port)) == []
            s.sendall(b"still there?")  # picked up in the middle (nf_conntrack_tcp_loose), by the same port
            assert s.recv(100) == b"still there?"
    assert figures()["invalid"] >= before["invalid"] and figures()["insert_failed"] == 0



def again(ns, address, port, to):
    """Connects from a port as soon as the client's own machine has the last acknowledgement of its connection before."""
    end = time.monotonic() + 30
    while True:
        try:
            return bound(ns, socket.SOCK_STREAM, address, port, to)
        except OSError as e:
            if e.errno != errno.EADDRNOTAVAIL or time.monotonic() > end:
                raise
            time.sleep(0.005)


def test_a_port_is_used_again_at_once(nat):
    """Closed by the server, which waits (RFC 9293 3.6.1), or reset: the same four numbers are a new connection."""
    with serving(nat.right, lambda c: c.sendall(b"bye")) as port:
        for i in range(12):
            with again(nat.left, CLIENTS[1], 43000, (RIGHT, port)) as s:
                if i % 3 == 2:  # RST instead of FIN
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    assert read_all(s) == b"bye"
    assert len(connections(nat, "-p", "tcp", "--sport", "43000")) == 1


def test_a_borrowed_address_that_goes_takes_its_connections_along(nat):
    """MASQUERADE: what is left would speak from an address that is nobody's."""
    with bound(nat.left, socket.SOCK_DGRAM, LEFT) as s, bound(nat.right, socket.SOCK_DGRAM, RIGHT) as server:
        s.sendto(b"x", server.getsockname())
        assert server.recvfrom(10)[1][0] == RIGHT_GW
        port = s.getsockname()[1]
        nat.line.run(f"ip addr del {RIGHT_GW}/24 dev eth1")
        assert connections(nat, "-p", "udp", "--sport", str(port)) == []
        nat.line.run("ip addr add 10.81.2.77/24 dev eth1")
        s.sendto(b"y", server.getsockname())
        assert server.recvfrom(10)[1][0] == "10.81.2.77"
        nat.line.run("ip addr del 10.81.2.77/24 dev eth1")
        nat.line.run(f"ip addr add {RIGHT_GW}/24 dev eth1")
    nat.right.run("ip", "neigh", "flush", "all")
    exchange(nat.left, RIGHT, nat.right, 1000)


def test_many_connections_at_once(nat):
    def echo(connection):
        with connection:
            connection.sendall(connection.recv(100))

    with contextlib.ExitStack() as stack:
        with nat.right:
            server = stack.enter_context(socket.create_server((RIGHT, 0), backlog=300))
        server.settimeout(30)
        clients = [stack.enter_context(connect(nat.left, server.getsockname())) for _ in range(200)]
        for i, s in enumerate(clients):
            s.sendall(b"%d" % i)
        peers = set()
        for _ in clients:
            connection, peer = server.accept()
            peers.add(peer)
            echo(connection)
        for i, s in enumerate(clients):
            assert s.recv(100) == b"%d" % i
        assert len(peers) == len(clients) and {address for address, _ in peers} == {RIGHT_GW}


def test_what_was_translated_stays_so_without_its_rule(nat):
    """As on Linux: who was hidden when the connection began is hidden to its end, and nobody breaks off."""
    nat.line.run("conntrack -F")
    with bound(nat.left, socket.SOCK_DGRAM, LEFT) as s, bound(nat.right, socket.SOCK_DGRAM, RIGHT) as server:
        s.sendto(b"x", server.getsockname())
        mapped = server.recvfrom(10)[1]
        server.sendto(b"y", mapped)
        assert s.recv(10) == b"y"
        nat.line.run("iptables -I FORWARD -i eth0 -m conntrack --ctstate NEW -j DROP")
        nat.line.run("iptables -t nat -F")
        s.sendto(b"z", server.getsockname())
        server.settimeout(30)
        assert server.recvfrom(10) == (b"z", mapped)
        server.sendto(b"y", mapped)
        assert s.recv(10) == b"y"
        nat.line.run("iptables -D FORWARD 1")
        nat.line.run(f"iptables -t nat -A POSTROUTING -o eth1 -j SNAT --to-source {RIGHT_GW}")

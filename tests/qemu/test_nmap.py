"""What nmap sees from outside is what the rules allow, and nothing else: a machine that filters for itself, and a router."""
import contextlib
import shutil
import socket
import threading
import xml.etree.ElementTree

import pytest

from conftest import GUEST, IP, get, sh
from router import LEFT_GW, RIGHT, Networks, serving
from test_firewall import archive

pytestmark = pytest.mark.skipif(not shutil.which("nmap"), reason="NOT RUN: nmap is missing (Debian package nmap)")

# 80, 7 and udp 7, 9: served. 4: let in, nobody is there. 13: refused by a sentence, 9: by a reset. All else: nothing.
SERVED = """-A INPUT -p tcp {syn} --dport 80 -j ACCEPT
-A INPUT -p tcp {syn} --dport 7 -j ACCEPT
-A INPUT -p tcp {syn} --dport 4 -j ACCEPT
-A INPUT -p tcp --dport 9 -j REJECT --reject-with tcp-reset
-A INPUT -p tcp --dport 13 -j REJECT --reject-with icmp-admin-prohibited
-A INPUT -p udp -m multiport --dports 4,7,9 -j ACCEPT
-A INPUT -p udp --dport 13 -j REJECT --reject-with icmp-host-prohibited
COMMIT
"""
STATELESS = "*filter\n:INPUT DROP\n" + SERVED.format(syn="")
STATEFUL = """*filter
:INPUT DROP
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
""" + SERVED.format(syn="--syn")

PORTS = "1-16,75-82,8080"


def numbers(text):
    """The ports of "1-3,7"."""
    for word in text.split(","):
        first, _, last = word.partition("-")
        yield from range(int(first), int(last or first) + 1)


def scan(run, target, *options, ports=PORTS):
    """{port: (state, why)} of all ports.

    Answers may take half a second, as on a busy machine they do, later ones count too, and what may have been lost is asked
    for again.
    """
    text = run("nmap", "-n", "-Pn", "--min-rtt-timeout", "500ms", "--max-retries", 3, "--min-parallelism", 30, "-oX", "-",
               "-p", ports, *options, target, timeout=300).stdout
    (host,) = xml.etree.ElementTree.fromstring(text).findall("host")
    found = {}
    for port in host.iter("port"):
        found[int(port.get("portid"))] = port.find("state").get("state"), port.find("state").get("reason")
    for more in host.iter("extraports"):  # the larger groups, put together
        for why in more.iter("extrareasons"):
            reason = {"no-responses": "no-response", "resets": "reset"}.get(why.get("reason"), why.get("reason").removesuffix("s"))
            found.update((port, (more.get("state"), reason)) for port in numbers(why.get("ports")))
    assert sorted(found) == sorted(set(numbers(ports)))
    return found


def besides(found, known, silent="filtered"):
    """Is what is found just this, and silence from all other ports?"""
    assert {port: what for port, what in found.items() if what != (silent, "no-response")} == known


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """A machine with either set of rules, started when first asked for: one at a time."""
    from conftest import Machine
    running = {}

    def start(rules):
        if rules not in running:
            for machine in running.values():
                machine.stop()
            running.clear()
            directory = tmp_path_factory.mktemp("nmap")
            sh("ip", "neigh", "flush", "all")
            running[rules] = Machine(directory, append=f"{IP} inetd=echo,discard",
                                     site=archive(directory, **{"etc/iptables.rules": rules}))
            running[rules].wait_http()
        return running[rules]

    yield start
    for machine in running.values():
        machine.stop()


def alive(machine):
    assert get("/")[0] == 200
    assert machine.process.poll() is None and "panic" not in machine.log().lower(), machine.log()


both = pytest.mark.parametrize("rules", [STATELESS, STATEFUL], ids=["stateless", "stateful"])

OPEN = {80: ("open", "syn-ack"), 7: ("open", "syn-ack")}


@both
def test_who_asks_by_syn_sees_what_is_let_in(hosts, rules):
    machine = hosts(rules)
    besides(scan(sh, GUEST, "-sS"), {**OPEN, 4: ("closed", "reset"), 9: ("closed", "reset"), 13: ("filtered", "admin-prohibited")})
    alive(machine)


@both
def test_who_connects_sees_the_same(hosts, rules):
    machine = hosts(rules)
    besides(scan(sh, GUEST, "-sT"), {**OPEN, 4: ("closed", "conn-refused"), 9: ("closed", "conn-refused"),
                                     13: ("filtered", "host-unreach")})
    alive(machine)


@both
def test_datagrams_see_what_is_let_in(hosts, rules):
    machine = hosts(rules)
    besides(scan(sh, GUEST, "-sU", ports="1-20"), {7: ("open", "udp-response"), 4: ("closed", "port-unreach"),
                                                   13: ("filtered", "host-prohibited")}, silent="open|filtered")
    alive(machine)


@pytest.mark.parametrize("kind", ["-sN", "-sF", "-sX"])
def test_segments_of_no_connection_are_answered_by_closed_ports_only(hosts, kind):  # RFC 9293 3.10.7.1, 3.10.7.2
    machine = hosts(STATELESS)
    besides(scan(sh, GUEST, kind), {4: ("closed", "reset"), 9: ("closed", "reset"), 13: ("filtered", "admin-prohibited")},
            silent="open|filtered")
    alive(machine)


def test_an_ACK_of_no_connection_tells_which_ports_are_let_in(hosts):
    machine = hosts(STATELESS)
    known = {port: ("unfiltered", "reset") for port in (80, 7, 4, 9)} | {13: ("filtered", "admin-prohibited")}
    besides(scan(sh, GUEST, "-sA"), known)
    alive(machine)


@pytest.mark.parametrize("kind", ["-sN", "-sF", "-sX"])
def test_who_tracks_connections_is_silent_to_segments_of_none(hosts, kind):
    machine = hosts(STATEFUL)
    besides(scan(sh, GUEST, kind), {}, silent="open|filtered")
    alive(machine)


def test_who_tracks_connections_lets_an_ACK_of_none_learn_of_no_service(hosts):
    machine = hosts(STATEFUL)
    besides(scan(sh, GUEST, "-sA"), {9: ("unfiltered", "reset"), 13: ("filtered", "admin-prohibited")})
    alive(machine)


@both
def test_guessing_the_system_harms_nobody(hosts, rules):
    machine = hosts(rules)
    out = sh("nmap", "-n", "-Pn", "-O", "--max-os-tries", 1, "-p", "80,4,13", GUEST, timeout=300).stdout
    assert "80/tcp" in out
    alive(machine)


# --- through a router ---

FORWARD = """*filter
:INPUT DROP
:FORWARD DROP
-A INPUT -i eth0 -p tcp --dport 80 -j ACCEPT
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i eth0 -o eth1 -p tcp --syn -m multiport --dports 50,51 -j ACCEPT
-A FORWARD -i eth0 -o eth1 -p tcp --dport 52 -j REJECT --reject-with tcp-reset
-A FORWARD -i eth0 -o eth1 -p tcp --dport 53 -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -i eth0 -o eth1 -p udp -m multiport --dports 50,51 -j ACCEPT
-A FORWARD -i eth0 -o eth1 -p udp --dport 52 -j REJECT --reject-with icmp-net-prohibited
COMMIT
"""
BEHIND = "45-60,9000"


@pytest.fixture(scope="module")
def between(tmp_path_factory):
    """A router, and Linux behind it with servers on 50, 52, 53, 54 and udp 50, 54: more than the rules let through."""
    from conftest import Machine
    from router import APPEND
    networks, directory = Networks(), tmp_path_factory.mktemp("nmap-router")
    machine = networks.machine = Machine(directory, append=APPEND, taps=networks.taps(),
                                         site=archive(directory, **{"etc/iptables.rules": FORWARD}))
    try:
        networks.ready(machine)
        with contextlib.ExitStack() as stack:
            for port in (50, 52, 53, 54):
                stack.enter_context(serving(networks.right, lambda c: None, ("0.0.0.0", port)))
            for port in (50, 54):
                stack.enter_context(datagram_echo(networks.right, port))
            yield networks
        assert machine.process.poll() is None and "panic" not in machine.log().lower(), machine.log()
    finally:
        machine.stop()
        networks.close()


@contextlib.contextmanager
def datagram_echo(ns, port):
    with ns:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                data, peer = s.recvfrom(2000)
                if data == b"end of the test":
                    return
                s.sendto(data or b"?", peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        s.sendto(b"end of the test", s.getsockname())
        thread.join(10)
        s.close()


def test_through_the_router_the_rules_are_seen_not_the_servers(between):
    known = {50: ("open", "syn-ack"), 51: ("closed", "reset"), 52: ("closed", "reset"), 53: ("filtered", "host-prohibited")}
    besides(scan(between.left.run, RIGHT, "-sS", ports=BEHIND), known)
    known = {50: ("open", "syn-ack"), 51: ("closed", "conn-refused"), 52: ("closed", "conn-refused"),
             53: ("filtered", "host-unreach")}
    besides(scan(between.left.run, RIGHT, "-sT", ports=BEHIND), known)


def test_through_the_router_datagrams_see_the_rules(between):
    known = {50: ("open", "udp-response"), 51: ("closed", "port-unreach"), 52: ("filtered", "net-prohibited")}
    besides(scan(between.left.run, RIGHT, "-sU", ports="45-59"), known, silent="open|filtered")


@pytest.mark.parametrize("kind, silent", [("-sN", "open|filtered"), ("-sF", "open|filtered"), ("-sX", "open|filtered")])
def test_the_router_takes_no_segment_of_no_connection_through(between, kind, silent):
    besides(scan(between.left.run, RIGHT, kind, ports=BEHIND), {}, silent=silent)


def test_an_ACK_of_no_connection_does_not_pass_the_router(between):
    known = {52: ("unfiltered", "reset"), 53: ("filtered", "host-prohibited")}  # the router's own answers
    besides(scan(between.left.run, RIGHT, "-sA", ports=BEHIND), known)


def test_from_the_other_side_there_is_nothing(between):
    from router import LEFT, RIGHT_GW
    with serving(between.left, lambda c: None, ("0.0.0.0", 50)):
        for target in (LEFT, LEFT_GW, RIGHT_GW):
            besides(scan(between.right.run, target, "-sS", ports="45-60,80"), {})
    for target in (LEFT, RIGHT_GW):
        besides(scan(between.right.run, target, "-sU", ports="45-54"), {}, silent="open|filtered")


def test_of_the_router_itself_the_inside_sees_one_port(between):
    besides(scan(between.left.run, LEFT_GW, "-sS", ports=BEHIND + ",80"), {80: ("open", "syn-ack")})

"""A machine that nobody gives an address or a name: it takes one of 169.254/16 and answers to skiff.local."""
import socket
import struct
import time

from conftest import GUEST, HOST, IP, get, sh

GROUP, PORT = "224.0.0.251", 5353


def dns_name(*labels):
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def ask(name, kind, source):
    """The answer to a question of a plain DNS client, which comes to it alone (RFC 6762 6.7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        s.bind((source, 0))
        s.settimeout(1)
        for _ in range(20):  # the name is being probed for, at first
            s.sendto(struct.pack("!6H", 7, 0, 1, 0, 0, 0) + name + struct.pack("!2H", kind, 1), (GROUP, PORT))
            try:
                return s.recv(1500)
            except TimeoutError:
                pass
    raise AssertionError("nobody answers")


def test_answers_to_its_name(boot):
    machine = boot(append=f"{IP} hostname=boat").wait_http()
    answer = ask(dns_name("boat", "local"), 1, HOST)
    assert answer[:2] == b"\0\7" and answer.endswith(struct.pack("!H", 4) + socket.inet_aton(GUEST))
    machine.wait_log(rf"eth0: http://boat\.local/ leads to {GUEST}")
    assert dns_name("boat", "_http", "_tcp", "local") in ask(dns_name("_http", "_tcp", "local"), 12, HOST)


def test_without_dhcp_it_chooses_an_address_and_is_found_by_its_name(boot):
    sh("ip", "addr", "add", "169.254.0.1/16", "dev", "tap0")
    try:
        machine = boot(append="")
        address = machine.wait_log(r"eth0: (169\.254\.\d+\.\d+)/16", timeout=90)[1]
        assert ask(dns_name("skiff", "local"), 1, "169.254.0.1").endswith(socket.inet_aton(address))
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                assert get("/", address)[0] == 200
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"{address} does not serve")
    finally:
        sh("ip", "addr", "del", "169.254.0.1/16", "dev", "tap0")

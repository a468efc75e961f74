"""The rules of the site archive, on the booted machine: in force from the first packet; closed when they are wrong."""
import errno
import io
import socket
import tarfile
import time

import pytest

from conftest import GUEST, IP, get, ping
from router import LEFT, RIGHT, connect, exchange, serving

RULES = """# what this machine is for, and nothing else
create friends hash:net
add friends 10.79.0.0/24
*filter
:INPUT DROP [0:0]
:SERVICES - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m set --match-set friends src -p tcp -j SERVICES
-A INPUT -p icmp --icmp-type echo-request -m length --length :100 -j ACCEPT
-A INPUT -p udp --dport 7 -j REJECT
-A SERVICES -p tcp --dport 80 -j ACCEPT
-A SERVICES -p tcp -m multiport --dports 7,9 -j REJECT --reject-with tcp-reset
COMMIT
"""


def archive(directory, **files):
    path = directory / "site.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in {"www/index.html": "<p>hello", **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def test_the_sites_rules_let_in_what_they_name_and_nothing_else(boot, tmp_path):
    machine = boot(append=f"{IP} inetd=echo", site=archive(tmp_path, **{"etc/iptables.rules": RULES})).wait_http()
    assert get("/")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((GUEST, 7), 30)
    with pytest.raises(TimeoutError):
        socket.create_connection((GUEST, 8), 0.5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(30)
        s.connect((GUEST, 7))
        s.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            s.recv(1)
    assert ping(GUEST) and not ping(GUEST, 1, "-s", 200, wait=1)
    assert "panic" not in machine.log().lower()


def test_a_wrong_rule_file_closes_the_machine_and_says_where(boot, tmp_path):
    wrong = RULES.replace("--dport 7 -j", "--dprot 7 -j")
    machine = boot(site=archive(tmp_path, **{"etc/iptables.rules": wrong}))
    machine.wait_log(r"etc/iptables.rules: line 10, column 17: nothing here knows the option --dprot")
    machine.wait_log("The firewall is closed")
    machine.wait_log("httpd")
    time.sleep(0.5)
    assert not ping(GUEST, wait=1)
    with pytest.raises(TimeoutError):
        socket.create_connection((GUEST, 80), 1)


FORWARD = """*mangle
-A FORWARD -p tcp --syn -j TCPMSS --set-mss 1000
COMMIT
*filter
:FORWARD DROP
-A FORWARD -i eth0 -o eth1 -p tcp --dport 9000 -j ACCEPT
-A FORWARD -i eth1 -o eth0 -p tcp --sport 9000 ! --syn -j ACCEPT
-A FORWARD -s 10.81.1.0/24 -p tcp --dport 9001 -j REJECT --reject-with tcp-reset
-A FORWARD -p udp -j REJECT --reject-with icmp-admin-prohibited
COMMIT
"""


def test_a_router_lets_through_what_its_rules_name_and_answers_for_the_rest(networks, boot, tmp_path):
    networks.boot(boot, site=archive(tmp_path, **{"etc/iptables.rules": FORWARD}))
    left, right = networks.left, networks.right
    exchange(left, RIGHT, right, 200_000, at=("0.0.0.0", 9000))
    sizes = []
    with serving(right, lambda c: sizes.append(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)), ("0.0.0.0", 9000)):
        with connect(left, (RIGHT, 9000)) as s:
            assert s.recv(1) == b""
    assert 900 <= sizes[0] <= 1000
    with pytest.raises(ConnectionRefusedError):
        connect(left, (RIGHT, 9001))
    with serving(left, lambda c: None, ("0.0.0.0", 9000)), pytest.raises(TimeoutError):
        connect(right, (LEFT, 9000), 1)
    with left, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(30)
        s.connect((RIGHT, 53))
        s.send(b"x")
        with pytest.raises(OSError) as e:
            s.recv(1)
        assert e.value.errno == errno.EHOSTUNREACH
    assert not ping(RIGHT, wait=1, run=left.run)

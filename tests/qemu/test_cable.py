"""The cable is pulled and put back, and the card reset, whatever is going on: nothing is lost but packets."""
import subprocess
import threading

import pytest

from conftest import GUEST, HOST, IP, digest, get
from test_console import PROMPT, Line

FILE = "/f3000001.bin"


class Download(threading.Thread):
    """Reads a large file meanwhile; .result() is what came."""

    def __init__(self, address=GUEST):
        super().__init__(daemon=True)
        self.address, self.body = address, None
        self.start()

    def run(self):
        self.body = get(FILE, self.address, timeout=120)[2]

    def result(self):
        self.join(180)
        assert self.body is not None, "the download does not end"
        return self.body


@pytest.fixture
def dhcp_server(tmp_path):
    """start() -> a server on tap0, ended with the test."""
    servers = []

    def start():
        servers.append(subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=tap0", "--bind-interfaces",
             "--dhcp-range=10.79.0.100,10.79.0.120,255.255.255.0,120", "--no-ping", "--dhcp-authoritative",
             f"--dhcp-option=3,{HOST}", f"--dhcp-leasefile={tmp_path}/leases", f"--pid-file={tmp_path}/pid", "--user=root",
             "--log-facility=-"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    yield start
    for server in servers:
        server.terminate()
        server.wait()


def pull(machine, times=1):
    """Out and in again, and each time the machine has seen both."""
    for _ in range(times):
        downs, ups = (machine.log().count(f"link is {state}") for state in ("down", "up"))
        machine.monitor("set_link n0 off")
        machine.wait_log(rf"(?s)(link is down.*){{{downs + 1}}}", timeout=60)
        machine.monitor("set_link n0 on")
        machine.wait_log(rf"(?s)(link is up.*){{{ups + 1}}}", timeout=60)


def test_downloads_go_on_after_the_cable_was_out(boot, site):
    m = boot(site=site.archive).wait_http()
    downloads = [Download() for _ in range(4)]
    pull(m, 3)
    for download in downloads:
        assert digest(download.result()) == digest(site.files[FILE[1:]])
    assert get("/")[0] == 200


def test_downloads_go_on_after_the_card_was_reset(boot, tmp_path, site):
    line = Line(boot, tmp_path, append=f"{IP} mdns=0", site=site.archive)
    line.expect(r"ttyS0: press Enter for a command line\n")
    line.machine.wait_http()
    line.type("\r")
    line.expect(PROMPT)
    downloads = [Download() for _ in range(4)]
    for _ in range(3):
        assert line.run("ip link set eth0 down") == ""
        line.type("ip link set eth0 up\r")
        line.expect(PROMPT)
    for download in downloads:
        assert digest(download.result()) == digest(site.files[FILE[1:]])
    line.socket.close()


def test_the_cable_is_pulled_while_an_address_is_asked_for(boot, dhcp_server):
    m = boot(append="")
    m.wait_log(r"eth0: link is up")
    pull(m, 2)
    dhcp_server()
    address = m.wait_log(r"eth0: (10\.79\.0\.1\d\d)/24 from DHCP", timeout=90)[1]
    m.wait_http(address)
    pull(m, 2)
    m.wait_http(address, timeout=60)


def test_a_server_that_comes_late_replaces_the_address_the_machine_gave_itself(boot, dhcp_server):
    m = boot(append="")
    m.wait_log(r"eth0: 169\.254\.\d+\.\d+/16", timeout=90)
    pull(m)
    dhcp_server()
    m.wait_http(m.wait_log(r"eth0: (10\.79\.0\.1\d\d)/24 from DHCP", timeout=180)[1])


def test_a_machine_that_only_waits_is_there_again_when_the_cable_is(boot):
    m = boot().wait_http()
    for _ in range(3):
        pull(m)
        m.wait_http(timeout=60)
    assert "panic" not in m.log().lower()

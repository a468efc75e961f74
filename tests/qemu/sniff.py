"""What comes by on a device: heard by scapy, and waited for. A time that is long enough here is too short on a busy machine."""
import contextlib
import logging
import threading
import time

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import AsyncSniffer  # noqa: E402


class Sniffer:
    """Listens from now on: options are scapy's (filter, lfilter ...). What it has heard by now is in .packets."""

    def __init__(self, interface, ns=contextlib.nullcontext(), **options):
        self.packets, started = [], threading.Event()
        with ns:
            self.sniffer = AsyncSniffer(iface=interface, started_callback=started.set, prn=self.packets.append, store=False,
                                        **options)
            self.sniffer.start()
            assert started.wait(60)

    def wait(self, seen=bool, timeout=60):
        """The packets, once seen(packets) - or after a minute without; then the test says what is missing."""
        end = time.monotonic() + timeout
        while not seen(self.packets) and time.monotonic() < end:
            time.sleep(0.02)
        return self.packets

    def heard(self, seen=bool, after=0.3):
        """The packets once seen(packets), and what came shortly after."""
        self.wait(seen)
        time.sleep(after)
        self.stop()
        return self.packets

    def stop(self):
        self.sniffer.stop()

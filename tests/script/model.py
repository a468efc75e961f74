#!/usr/bin/env python3
"""TCP's states against RFC 9293: every sequence of events up to a depth, on the stack and on a table.

usage: model.py [DEPTH]     (5 without argument: some ten seconds)

MODEL says for each state and event which state follows and what the stack sends, by RFC 9293 3.3.2 (the
diagram) and 3.10, with RFC 5961's challenge ACKs and RFC 1337. The stack's state is read by TCP_INFO as long as
there is a descriptor; without one, and in TIME-WAIT, the answers to further segments tell.

The peer's segments: syn, synack at its initial number; ack, fin, finack, rst right behind what the stack has received. fin
acknowledges what was acknowledged before, finack and ack everything. A second passes before each event, so that
no limit on challenge ACKs counts; timeout is 70 s, beyond TIME-WAIT.
"""
import sys

from skiff import LOCAL, PEER, STATES, Failed, Stack
from wire import FLAGS, Segment, Syntax, build, dissect

SEGMENTS = ("syn", "synack", "ack", "fin", "finack", "rst")
RESET = {"syn": ("CLOSE", "R."), "synack": ("CLOSE", "R"), "ack": ("CLOSE", "R"), "fin": ("CLOSE", "R"), "finack": ("CLOSE", "R"),
         "rst": ("CLOSE", "")}


def synchronised(**more):
    """What all states from ESTABLISHED on have in common: RFC 5961 4, RFC 9293 3.10.7.4."""
    return {"syn": (None, "."), "synack": (None, "."), "ack": (None, ""), "rst": ("CLOSE", ""), "timeout": (None, "*"),
            "close": (None, ""), "shutdown": (None, "")} | more


# state: event: (next state, None for the same; flags of the answer, | between alternatives, * for anything)
MODEL = {
    "CLOSE": RESET | {"connect": ("SYN_SENT", "S"), "listen": ("LISTEN", "")},
    "LISTEN": {"syn": ("SYN_RECV", "S."), "synack": (None, "R"), "ack": (None, "R"), "fin": (None, "R"), "finack": (None, "R"),
               "rst": (None, ""), "close": ("CLOSE", ""), "timeout": (None, "")},
    "SYN_SENT": {"syn": ("SYN_RECV'", "S."), "synack": ("ESTABLISHED", "."), "ack": (None, ""), "fin": (None, ""),
                 "finack": (None, ""), "rst": ("CLOSE", ""), "shutdown": ("CLOSE", ""), "close": ("CLOSE", ""), "timeout": (None, "*")},
    # From LISTEN: a RST leads back to it; after 63 s without an answer so does time.
    "SYN_RECV": {"syn": (None, "S.|."), "synack": (None, "."), "ack": ("ESTABLISHED", ""), "fin": ("CLOSE_WAIT", "."),
                 "finack": ("CLOSE_WAIT", "."), "rst": ("LISTEN", ""), "timeout": ("LISTEN", "*")},
    # From SYN-SENT, by a simultaneous open: the connection is the application's own.
    "SYN_RECV'": {"syn": (None, "S.|."), "synack": ("ESTABLISHED", "|."), "ack": ("ESTABLISHED", ""), "fin": ("CLOSE_WAIT", "."),
                  "finack": ("CLOSE_WAIT", "."), "rst": ("CLOSE", ""), "timeout": (None, "*"), "shutdown": ("FIN_WAIT1", "F."),
                  "close": ("FIN_WAIT1", "F.")},
    "ESTABLISHED": synchronised(fin=("CLOSE_WAIT", "."), finack=("CLOSE_WAIT", "."), shutdown=("FIN_WAIT1", "F."),
                                close=("FIN_WAIT1", "F."), timeout=(None, "")),
    "FIN_WAIT1": synchronised(ack=("FIN_WAIT2", ""), fin=("CLOSING", "."), finack=("TIME_WAIT", ".")),
    "FIN_WAIT2": synchronised(fin=("TIME_WAIT", "."), finack=("TIME_WAIT", "."), timeout=(None, "")),
    "CLOSING": synchronised(ack=("TIME_WAIT", ""), fin=(None, "."), finack=(None, ".")),
    "CLOSE_WAIT": synchronised(fin=(None, "."), finack=(None, "."), shutdown=("LAST_ACK", "F."), close=("LAST_ACK", "F."),
                               timeout=(None, "")),
    "LAST_ACK": synchronised(ack=("CLOSE", ""), fin=(None, "."), finack=(None, ".")),
    "TIME_WAIT": synchronised(rst=(None, ""), fin=(None, "."), finack=(None, "."), timeout=("CLOSE", "")),
}


class Peer:
    remote_port, local_port, remote_base, local_base = 40000, 8080, 2**32 - 1, 0

    def __init__(self):
        self.isns, self.script_isn, self.timestamps, self.cookies = [], 0, {}, {}


class Run:
    """One stack, one connection, the events of one sequence."""

    def __init__(self):
        self.stack, self.peer, self.state = Stack(), Peer(), "CLOSE"
        self.fd = self.listener = None
        self.received = self.sent = self.acked = 0  # sequence numbers used up by SYN and FIN
        self.closed = self.waited = False
        self.rest = 0  # events since the connection was over

    def enabled(self, event):
        fresh = self.state == "CLOSE" and not self.sent and self.listener is None and self.fd is None
        if event in ("connect", "listen"):
            return fresh and not self.closed
        if event in ("shutdown", "close"):
            return (self.fd is not None or event == "close" and self.state == "LISTEN") and event in MODEL[self.state]
        if event == "timeout":
            return not self.waited and event in MODEL[self.state]
        return True

    # --- events ---

    def segment(self, flags, seq, ack):
        flags = sum(FLAGS[f] for f in flags)
        self.stack.receive(build(Segment(flags, seq, 0, ack if flags & FLAGS["."] else None, {"win": 65535}), self.peer, LOCAL, PEER))

    def do_syn(self):
        self.segment("S", 0, 0)

    def do_synack(self):
        self.segment("S.", 0, max(1, self.sent))

    def do_ack(self):
        self.segment(".", max(1, self.received), max(1, self.sent))

    def do_fin(self):
        self.segment("F.", 1, max(1, self.acked))

    def do_finack(self):
        self.segment("F.", 1, max(1, self.sent))

    def do_rst(self):
        self.segment("R.", max(1, self.received) if self.state != "SYN_SENT" else 0, max(1, self.sent))

    def do_connect(self):
        self.fd = self.stack.call("socket", 2, 1, 0)
        self.peer.remote_port, self.peer.local_port = 8080, None
        try:
            self.stack.call("connect", self.fd, *self.stack.address(PEER, 8080))
        except Failed:
            pass  # EINPROGRESS

    def do_listen(self):
        self.listener = self.stack.call("socket", 2, 1, 0)
        self.stack.call("bind", self.listener, *self.stack.address("0.0.0.0", 8080))
        self.stack.call("listen", self.listener, 5)

    def do_shutdown(self):
        try:
            self.stack.call("shutdown", self.fd, 1)
        except Failed:
            pass  # ENOTCONN, where there is nothing to shut down

    def do_close(self):
        self.stack.call("close", self.fd if self.fd is not None else self.listener)
        self.fd = self.listener = None
        self.closed = True

    def do_timeout(self):
        self.stack.advance_to(self.stack.now() + 70_000_000)
        self.waited = True

    # --- what came of it ---

    def find_peer(self, sport, dport, flags):
        if self.peer.local_port is None:
            self.peer.local_port = sport
        return self.peer

    def answer(self):
        texts = []
        for _, datagram in self.stack.sent:
            flags = dissect(datagram, self.find_peer)[0].flags
            texts.append("".join(f for f in "SFR." if flags & FLAGS[f]))
        return "+".join(texts)

    def follow(self, event):
        """The model's move. Return: the answers it allows."""
        state, answers = MODEL[self.state][event]
        if event == "timeout" and self.state == "FIN_WAIT2" and self.closed:
            state = "CLOSE"  # nobody waits for the peer's FIN (Linux's tcp_fin_timeout)
        before, self.state = self.state, state or self.state
        if event in ("ack", "finack", "synack") and self.state != before:
            self.acked = self.sent
        if self.state != before:
            self.sent += {"SYN_SENT": 1, "SYN_RECV": 1, "FIN_WAIT1": 1, "LAST_ACK": 1}.get(self.state, 0)
            self.received = {"SYN_RECV": 1, "SYN_RECV'": 1, "ESTABLISHED": 1, "CLOSE_WAIT": 2, "CLOSING": 2, "TIME_WAIT": 2,
                             "LISTEN": 0}.get(self.state, self.received)
        if self.state == "LISTEN":
            self.sent = 0
        return answers

    def observe(self):
        """None, or the state the stack shows in place of the model's."""
        if self.listener is not None and self.state not in ("LISTEN", "SYN_RECV"):
            self.fd = self.stack.call("accept", self.listener, None, None)
            self.stack.call("close", self.listener)
            self.listener = None
        fd = self.fd if self.fd is not None else self.listener
        if fd is None:
            return None
        shown = STATES[self.stack.tcp_info(fd)["state"]]
        # A half-open connection is no socket yet, one in TIME-WAIT no more.
        expected = {"SYN_RECV": "LISTEN", "SYN_RECV'": "SYN_RECV", "TIME_WAIT": "CLOSE"}.get(self.state, self.state)
        return None if shown == expected else shown

    def step(self, event):
        """None, or in words how stack and model differ."""
        self.stack.advance_to(self.stack.now() + 1_000_000)
        self.answer()
        self.stack.sent.clear()
        before = self.state
        getattr(self, f"do_{event}")()
        allowed = self.follow(event)
        self.stack.advance_to(self.stack.now() + 50_000)  # a delayed ACK is an answer too
        self.rest = self.rest + 1 if self.state == "CLOSE" else 0
        try:
            came, shown = self.answer(), self.observe()
        except (Failed, Syntax) as e:
            return f"{before} --{event}--> {self.state}: {e}"
        if self.acked < self.sent and "F" not in allowed:
            came = came.removeprefix("F.+")  # what is not acknowledged may be sent again at any time
        if allowed != "*" and came not in allowed.split("|"):
            return f"{before} --{event}--> {self.state}: answer '{allowed}', came '{came}'"
        return f"{before} --{event}--> {self.state}: the stack is in {shown}" if shown else None


def play(sequence):
    """(words on the first difference or None, the events that may follow)."""
    run = Run()
    try:
        for event in sequence:
            if wrong := run.step(event):
                return wrong, ()
        if run.rest == 2:
            return None, ()  # a closed connection stays closed
        return None, tuple(e for e in ("connect", "listen", "shutdown", "close", "timeout", *SEGMENTS) if run.enabled(e))
    finally:
        run.stack.close()


def explore(depth):
    """(number of sequences, differences as {words: the shortest sequence that leads there})."""
    level, count, wrong = [()], 0, {}
    for _ in range(depth):
        following = []
        for sequence in level:
            difference, events = play(sequence)
            count += 1
            if difference:
                wrong.setdefault(difference, sequence)
            following += [(*sequence, e) for e in events]
        level = following
    for sequence in level:
        difference, _ = play(sequence)
        count += 1
        if difference:
            wrong.setdefault(difference, sequence)
    return count, wrong


def main(argv):
    count, wrong = explore(int(argv[0]) if argv else 5)
    for difference, sequence in wrong.items():
        print(f"{' '.join(sequence)}\n    {difference}")
    print(f"{count} sequences, {len(wrong)} differences")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

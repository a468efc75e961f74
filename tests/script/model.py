#!/usr/bin/env python3
"""TCP's states against RFC 9293: every sequence of events up to a depth, on the stack and on a table.

usage: model.py [DEPTH [MORE]]     (5 and 2 without arguments: some ten seconds)

Twice: from CLOSED every sequence of DEPTH events of BASIC; and from each state, reached by the ways of WAYS, every sequence
of MORE events of all there are: data, urgent data, data with FIN, a RST beside the mark, a keep-alive, an ACK of what was never sent,
writing, aborting, retransmission, and a new SYN in TIME-WAIT.

MODEL says for each state and event which state follows and what the stack sends, by RFC 9293 3.3.2 (the
diagram) and 3.10, with RFC 5961's challenge ACKs and RFC 1337. The stack's state is read by TCP_INFO as long as
there is a descriptor; without one, and in TIME-WAIT, the answers to further segments tell.

The peer's segments: syn, synack at its initial number; ack, fin, finack, rst right behind what the stack has received. fin
acknowledges what was acknowledged before, finack and ack everything. A second passes before each event, so that
no limit on challenge ACKs counts; timeout is 70 s, beyond TIME-WAIT. data and datafin bring ten bytes, which the application
reads at once; rststray is a RST in the window but not at its edge; abort is close() with SO_LINGER 0; keepalive
stands one before what was received, ackfuture acknowledges what was never sent; urgent is data with the urgent pointer behind
it; rto is ten seconds without an ACK; newsyn stands beyond all that was received, with a listener there.
"""
import sys

from skiff import LOCAL, PEER, STATES, Failed, Stack
from wire import FLAGS, Segment, Syntax, build, dissect

BASIC = ("connect", "listen", "shutdown", "close", "timeout", "syn", "synack", "ack", "fin", "finack", "rst")
MORE = ("data", "datafin", "rststray", "write", "abort", "rto", "newsyn", "urgent", "keepalive", "ackfuture")
BYTES = 10
RESET = {"syn": ("CLOSE", "R."), "synack": ("CLOSE", "R"), "ack": ("CLOSE", "R"), "fin": ("CLOSE", "R"), "finack": ("CLOSE", "R"),
         "rst": ("CLOSE", ""), "data": ("CLOSE", "R"), "datafin": ("CLOSE", "R"), "rststray": ("CLOSE", ""), "rto": ("CLOSE", ""),
         "urgent": ("CLOSE", "R"), "keepalive": ("CLOSE", "R"), "ackfuture": ("CLOSE", "R")}


def synchronised(**more):
    """What all states from ESTABLISHED on have in common: RFC 5961 4, RFC 9293 3.10.7.4."""
    return {"syn": (None, "."), "synack": (None, "."), "ack": (None, ""), "rst": ("CLOSE", ""), "timeout": (None, "*"),
            "close": (None, ""), "shutdown": (None, ""), "rststray": (None, "."), "rto": (None, ""),
            "abort": ("CLOSE", "R|R."), "keepalive": (None, "."), "ackfuture": (None, ".")} | more


# state: event: (next state, None for the same; flags of the answer, | between alternatives, * for anything)
MODEL = {
    "CLOSE": RESET | {"connect": ("SYN_SENT", "S"), "listen": ("LISTEN", "")},
    "LISTEN": {"syn": ("SYN_RECV", "S."), "synack": (None, "R"), "ack": (None, "R"), "fin": (None, "R"), "finack": (None, "R"),
               "rst": (None, ""), "close": ("CLOSE", ""), "timeout": (None, ""), "data": (None, "R"), "datafin": (None, "R"),
               "rststray": (None, ""), "rto": (None, ""), "urgent": (None, "R"), "keepalive": (None, "R"), "ackfuture": (None, "R")},
    "SYN_SENT": {"syn": ("SYN_RECV'", "S."), "synack": ("ESTABLISHED", "."), "ack": (None, ""), "fin": (None, ""),
                 "finack": (None, ""), "rst": ("CLOSE", ""), "shutdown": ("CLOSE", ""), "close": ("CLOSE", ""), "timeout": (None, "*"),
                 "data": (None, ""), "datafin": (None, ""), "abort": ("CLOSE", ""), "rto": (None, "S..."), "urgent": (None, ""), "rststray": (None, ""),
                 "keepalive": (None, ""), "ackfuture": (None, "R")},
    # From LISTEN: a RST leads back to it; after 63 s without an answer so does time.
    "SYN_RECV": {"syn": (None, "S.|."), "synack": (None, "."), "ack": ("ESTABLISHED", ""), "fin": ("CLOSE_WAIT", "."),
                 "finack": ("CLOSE_WAIT", "."), "rst": ("LISTEN", ""), "timeout": ("LISTEN", "*"), "data": ("ESTABLISHED", "."),
                 "datafin": ("CLOSE_WAIT", "."), "rststray": (None, "."), "rto": (None, "S...."),
                 "urgent": ("ESTABLISHED", "."), "keepalive": (None, "."), "ackfuture": (None, "R")},
    # From SYN-SENT, by a simultaneous open: the connection is the application's own.
    "SYN_RECV'": {"syn": (None, "S.|."), "synack": ("ESTABLISHED", "|."), "ack": ("ESTABLISHED", ""), "fin": ("CLOSE_WAIT", "."),
                  "finack": ("CLOSE_WAIT", "."), "rst": ("CLOSE", ""), "timeout": (None, "*"), "shutdown": ("FIN_WAIT1", "F."),
                  "close": ("FIN_WAIT1", "F."), "data": ("ESTABLISHED", "."), "datafin": ("CLOSE_WAIT", "."), "rststray": (None, "."),
                  "abort": ("CLOSE", "R|R."), "rto": (None, "S...."), "urgent": ("ESTABLISHED", "."), "keepalive": (None, "."),
                  "ackfuture": (None, "R")},
    "ESTABLISHED": synchronised(fin=("CLOSE_WAIT", "."), finack=("CLOSE_WAIT", "."), shutdown=("FIN_WAIT1", "F."),
                                close=("FIN_WAIT1", "F."), timeout=(None, ""), data=(None, "."), datafin=("CLOSE_WAIT", "."),
                                write=(None, ".D"), urgent=(None, ".")),
    "FIN_WAIT1": synchronised(ack=("FIN_WAIT2", ""), fin=("CLOSING", "."), finack=("TIME_WAIT", "."), data=(None, "."),
                              datafin=("CLOSING", "."), write=(None, ""), rto=(None, "F...."), urgent=(None, ".")),
    "FIN_WAIT2": synchronised(fin=("TIME_WAIT", "."), finack=("TIME_WAIT", "."), timeout=(None, ""), data=(None, "."),
                              datafin=("TIME_WAIT", "."), write=(None, ""), urgent=(None, ".")),
    "CLOSING": synchronised(ack=("TIME_WAIT", ""), fin=(None, "."), finack=(None, "."), write=(None, ""), rto=(None, "F...."),
                            abort=("CLOSE", "|R|R.")),
    "CLOSE_WAIT": synchronised(fin=(None, "."), finack=(None, "."), shutdown=("LAST_ACK", "F."), close=("LAST_ACK", "F."),
                               timeout=(None, ""), write=(None, ".D")),
    "LAST_ACK": synchronised(ack=("CLOSE", ""), fin=(None, "."), finack=(None, "."), write=(None, ""), rto=(None, "F...."),
                             abort=("CLOSE", "|R|R.")),
    # RFC 1337: no RST counts. A later SYN opens anew (RFC 9293 MAY-2).
    "TIME_WAIT": synchronised(rst=(None, ""), fin=(None, "."), finack=(None, "."), timeout=("CLOSE", ""), rststray=(None, ""),
                              abort=("TIME_WAIT", ""), newsyn=("SYN_RECV", "S."), ackfuture=(None, "|.")),
}

PASSIVE, ACTIVE = ("listen", "syn", "ack"), ("connect", "synack")
WAYS = [("listen",), ("connect",), ("listen", "syn"), ("connect", "syn"), PASSIVE, ACTIVE, (*ACTIVE, "fin"), (*PASSIVE, "fin", "shutdown"),
        (*ACTIVE, "fin", "close")]
WAYS += [(*PASSIVE, end, *more) for end in ("shutdown", "close") for more in ((), ("ack",), ("fin",), ("finack",))]


class Peer:
    remote_port, local_port, remote_base, local_base = 40000, 8080, 2**32 - 1, 0

    def __init__(self):
        self.isns, self.script_isn, self.timestamps, self.cookies = [], 0, {}, {}


class Run:
    """One stack, one connection, the events of one sequence."""

    def __init__(self):
        self.stack, self.peer, self.state = Stack(), Peer(), "CLOSE"
        self.fd = self.listener = None
        self.received = self.sent = self.acked = 0  # sequence numbers used up by SYN, data and FIN
        self.written = 0  # the end of our data
        self.fin_at = None  # where the peer's FIN stands
        self.closed = self.waited = self.retried = False
        self.rest = 0  # events since the connection was over

    def enabled(self, event):
        fresh = self.state == "CLOSE" and not self.sent and self.listener is None and self.fd is None
        if event in ("connect", "listen"):
            return fresh and not self.closed
        if event in ("shutdown", "close"):
            return (self.fd is not None or event == "close" and self.state == "LISTEN") and event in MODEL[self.state]
        if event == "timeout":
            return not self.waited and event in MODEL[self.state]
        if event == "rto":
            return not self.retried and not self.waited and event in MODEL[self.state]
        if event in ("write", "abort"):
            return self.fd is not None and event in MODEL[self.state]
        if event == "newsyn":
            return event in MODEL[self.state] and self.peer.local_port == 8080
        return event in MODEL[self.state]

    # --- events ---

    def segment(self, flags, seq, ack, length=0, urgent=0):
        flags = sum(FLAGS[f] for f in flags)
        words = {"win": 65535, "urg": urgent}
        self.stack.receive(build(Segment(flags, seq, length, ack if flags & FLAGS["."] else None, words), self.peer, LOCAL, PEER))

    def do_syn(self):
        self.segment("S", 0, 0)

    def do_synack(self):
        self.segment("S.", 0, max(1, self.sent))

    def do_ack(self):
        self.segment(".", max(1, self.received), max(1, self.sent))

    def do_fin(self):
        self.segment("F.", self.fin_number(), max(1, self.acked))

    def fin_number(self):
        return self.fin_at if self.fin_at is not None else max(1, self.received)

    def do_finack(self):
        self.segment("F.", self.fin_number(), max(1, self.sent))

    def do_data(self):
        self.segment(".", max(1, self.received), max(1, self.acked), BYTES)

    def do_datafin(self):
        self.segment("F.", max(1, self.received), max(1, self.acked), BYTES)

    def do_urgent(self):
        self.segment("U.", max(1, self.received), max(1, self.acked), BYTES, BYTES)

    def do_keepalive(self):
        self.segment(".", max(1, self.received) - 1, max(1, self.acked))

    def do_ackfuture(self):
        self.segment(".", max(1, self.received), self.sent + 1000)

    def do_rststray(self):
        self.segment("R", max(1, self.received) + 100, 0)

    def do_newsyn(self):
        self.do_listen()
        self.fd = None  # what may be left of the old connection's socket is of no interest any more
        self.peer.remote_base = (self.peer.remote_base + self.received + 1000) % 2**32
        self.segment("S", 0, 0)

    def do_write(self):
        self.stack.call("setsockopt", self.fd, 6, 1, b"\1\0\0\0", 4)  # TCP_NODELAY
        try:
            self.stack.call("send", self.fd, bytes(BYTES), BYTES, 0x4000)
        except Failed:
            pass  # EPIPE, after our FIN

    def do_abort(self):
        self.stack.call("setsockopt", self.fd, 1, 13, b"\1\0\0\0\0\0\0\0", 8)
        self.do_close()

    def do_rto(self):
        self.stack.advance_to(self.stack.now() + 10_000_000)
        self.retried = True

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
        self.stack.call("setsockopt", self.listener, 1, 2, b"\1\0\0\0", 4)
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

    def answer(self, sent=None):
        """The flags of each segment, D for data; without data and FINs that go again, below `sent`: they may at any time."""
        texts = []
        for _, datagram in self.stack.sent:
            segment = dissect(datagram, self.find_peer)[0]
            again = sent is not None and segment.seq < sent and (segment.len or segment.flags & FLAGS["F"])
            if not again:
                texts.append("".join(f for f in "SFR." if segment.flags & FLAGS[f]) + "D" * bool(segment.len))
        return "+".join(texts)

    def follow(self, event):
        """The model's move. Return: the answers it allows."""
        state, answers = MODEL[self.state][event]
        if event == "timeout" and self.state == "FIN_WAIT2" and self.closed:
            state = "CLOSE"  # nobody waits for the peer's FIN (Linux's tcp_fin_timeout)
        if event in ("data", "datafin", "urgent") and self.state in ("FIN_WAIT1", "FIN_WAIT2") and self.closed:
            state, answers = "CLOSE", "R|R."  # nobody is there to read it (SHLD-3)
        if event == "ackfuture" and self.state == "FIN_WAIT2" and self.closed:
            answers = "|."  # what is left of the socket knows no more than the numbers it waits for
        if event == "rto" and self.state == "FIN_WAIT1" and not self.acked:
            answers = "S...."  # FIN or not, the first that is not acknowledged goes again
        elif event == "rto" and self.written > self.acked and self.state != "CLOSE":
            answers = ".D..."
        before, self.state = self.state, state or self.state
        self.count(event, before)
        return answers

    def count(self, event, before):
        """Sequence numbers after the move."""
        moved = self.state != before
        if event == "newsyn":
            self.received, self.sent, self.acked, self.written, self.fin_at = 1, 1, 0, 0, None
            return
        if event == "ack" and before not in ("CLOSE", "LISTEN", "SYN_SENT") or event in ("finack", "synack") and moved:
            self.acked = self.sent
        if moved:
            self.sent += {"SYN_SENT": 1, "SYN_RECV": 1, "FIN_WAIT1": 1, "LAST_ACK": 1}.get(self.state, 0)
        if self.state in ("SYN_RECV", "SYN_RECV'", "ESTABLISHED") and not self.received:
            self.received = 1
        if event in ("data", "datafin", "fin", "urgent") and before not in ("CLOSE", "LISTEN", "SYN_SENT"):
            self.acked = max(self.acked, 1)
        if event == "write" and self.state in ("ESTABLISHED", "CLOSE_WAIT"):
            self.sent += BYTES
            self.written = self.sent
        if event in ("data", "urgent") and self.state in ("ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2") or event == "datafin" and moved:
            self.received += BYTES
        if event in ("fin", "finack", "datafin") and moved and self.state in ("CLOSE_WAIT", "CLOSING", "TIME_WAIT"):
            self.fin_at = self.received
            self.received += 1
        if self.state == "LISTEN":
            self.received = self.sent = 0

    def read_all(self):
        try:
            while self.stack.recv(self.fd, 1000):
                pass
        except Failed:
            pass  # EAGAIN, or the end

    def observe(self):
        """None, or the state the stack shows in place of the model's."""
        if self.listener is not None and self.state not in ("LISTEN", "SYN_RECV"):
            self.fd = self.stack.call("accept", self.listener, None, None)
            self.stack.call("close", self.listener)
            self.listener = None
        if self.fd is not None and self.state not in ("SYN_SENT", "CLOSE"):
            self.read_all()
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
        before, sent = self.state, self.sent
        getattr(self, f"do_{event}")()
        allowed = self.follow(event)
        self.stack.advance_to(self.stack.now() + 50_000)  # a delayed ACK is an answer too
        self.rest = self.rest + 1 if self.state == "CLOSE" else 0
        try:
            came, shown = self.answer(None if event == "rto" else sent), self.observe()
        except (Failed, Syntax) as e:
            return f"{before} --{event}--> {self.state}: {e}"
        if allowed.endswith("..."):  # this, once or more, maybe among others that go again
            fits = allowed[:-3] in came.split("+")
        else:
            fits = allowed == "*" or came in allowed.split("|")
        if not fits:
            return f"{before} --{event}--> {self.state}: answer '{allowed}', came '{came}'"
        return f"{before} --{event}--> {self.state}: the stack is in {shown}" if shown else None


def play(sequence, alphabet):
    """(words on the first difference or None, the events that may follow)."""
    run = Run()
    try:
        for event in sequence:
            if wrong := run.step(event):
                return wrong, ()
        if run.rest == 2:
            return None, ()  # a closed connection stays closed
        return None, tuple(e for e in alphabet if run.enabled(e))
    finally:
        run.stack.close()


def explore(depth, starts=((),), alphabet=BASIC):
    """(number of sequences, differences as {words: the shortest sequence that leads there})."""
    level, count, wrong = list(starts), 0, {}
    for _ in range(depth + 1):
        following = []
        for sequence in level:
            difference, events = play(sequence, alphabet)
            count += 1
            if difference:
                wrong.setdefault(difference, sequence)
            following += [(*sequence, e) for e in events]
        level = following
    return count, wrong


def explore_all(depth=5, more=2):
    basic, wrong = explore(depth)
    from_states, also_wrong = explore(more, WAYS, BASIC + MORE)
    return basic + from_states, also_wrong | wrong


def main(argv):
    count, wrong = explore_all(*map(int, argv))
    for difference, sequence in wrong.items():
        print(f"{' '.join(sequence)}\n    {difference}")
    print(f"{count} sequences, {len(wrong)} differences")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

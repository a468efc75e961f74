#!/usr/bin/env python3
"""TCP tests as scripts: packets in, packets out, socket calls and times; on the stack's own library, in virtual time.

usage: run.py [SCRIPT ...]     (without arguments: all of tests/script, model.py and rules.py)
       run.py --rules          whether every rule of rules.txt is shown by a test

A line is a time and an event; the language is packetdrill's where it can be (README.md in this folder).

    0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0   < S 0:0(0) win 32792 <mss 1000,nop,wscale 7>
    +0   > S. 0:0(0) ack 1 <mss 1460,...>
    +.1  < . 1:1(0) ack 1 win 257
    +0   accept(3, ..., ...) = 4
"""
import ctypes
import os
import pathlib
import re
import struct
import sys
import traceback

import calls
import events
import model
import rules
import wire
from skiff import LIBRARY, LOCAL_MAC, ROOT, STATES, Failed, Stack
from wire import Syntax, Wrong

HERE = pathlib.Path(__file__).resolve().parent
TIME = re.compile(r"(?P<plus>\+?)(?P<at>\d*\.?\d+)(?:~\+?(?P<until>\d*\.?\d+))?(?:\s*\.\.\.\s*(?P<end>\+?\d*\.?\d+))?\s+(?P<event>.*)", re.S)
SERVER_PORT, CLIENT_PORT = 8080, 40000
LONGEST_WAIT_US = 400_000_000
REMOTE_ISN = 2**32 - 100  # every script crosses the end of the sequence space


class Peer:
    """The other end of one connection: <2 and >2 are of the second one, < and > of the first."""

    def __init__(self, index):
        self.remote_port, self.local_port = CLIENT_PORT + index, SERVER_PORT
        self.remote_base, self.local_base, self.isns = REMOTE_ISN, 0, []
        self.script_isn, self.timestamps = 0, {}  # our ISN and our timestamps, as the script writes them
        self.mss = 0  # what its SYN says
        self.syn_isns = {"<": 0, ">": 0}  # what a published script writes for each side's ISN, in SYNs only

    def connect(self, port):
        """The stack is about to connect to this peer, from a port we shall see."""
        self.remote_port, self.local_port = port, None


class Script:
    def __init__(self, path):
        self.path, self.text = path, path.read_text()
        self.lines = self.text.splitlines()
        self.line, self.at, self.tolerance = 0, 0, 4000
        self.peers, self.pending, self.cookies, self.ignored = {}, [], {}, []
        self.came, self.variables = None, {}  # the last segment that was expected
        self.published, self.expectations = "defaults.sh" in self.text, 0
        self.fresh, self.former_ports = False, set()
        option = {name: int(value) for name, value in re.findall(r"^(?:--|ip link set dev tun0 )(mtu|mss)[= ](\d+)", self.text, re.M)}
        self.mss = option.get("mss", option.get("mtu", 1500) - 40)  # what comes in and is longer is a train of these
        self.stack = Stack(option.get("mtu", 1500), **(events.PUBLISHED_ADDRESSES if self.published else {}))
        self.cookies |= events.PUBLISHED_COOKIES if self.published else {}
        self.calls = calls.Calls(self.stack, self)

    def peer(self, index=1):
        if index not in self.peers:
            self.peers[index] = Peer(index)
            self.peers[index].cookies = self.cookies
        return self.peers[index]

    def first_peer_again(self):
        """A published script knows one connection at a time: the SYN after listen() is that of another."""
        former = self.peer()
        self.former_ports.add(former.remote_port)
        self.peers[1] = Peer(100 + len(self.former_ports))
        self.peers[1].cookies = self.cookies
        self.fresh = False
        self.forget_former()

    def find_peer(self, sport, dport, flags):
        for peer in self.peers.values():
            if peer.remote_port == dport and peer.local_port is None:
                peer.local_port = sport
            if (peer.remote_port, peer.local_port) == (dport, sport):
                return peer
        return self.peer()

    # --- time ---

    def advance_to(self, us):
        """Time passes; calls that are to answer on the way are looked at when their time has come."""
        self.finish_calls(us - 1)
        self.stack.advance_to(us)

    def finish_calls(self, us):
        """Calls that block answer at the end of their time, after the segments of that moment and before its calls."""
        while self.pending and self.pending[0].end <= us:
            blocked = self.pending.pop(0)
            self.stack.advance_to(blocked.end)
            self.line, now = blocked.line, self.line
            blocked.finish()
            self.line = now

    def finish_ready(self):
        """Nor does a call that may end any moment, and can, wait for the call behind it."""
        for blocked in list(self.pending):
            if blocked.end - self.at <= self.tolerance and blocked.is_ready():
                self.pending.remove(blocked)
                self.line, now = blocked.line, self.line
                blocked.finish()
                self.line = now

    def forget_former(self):
        """Published scripts say nothing of what happens on a connection after the next has begun."""
        if self.former_ports:
            self.stack.sent[:] = [(at, d) for at, d in self.stack.sent if int.from_bytes(d[22:24], "big") not in self.former_ports]

    def quiet_until(self, us):
        """Nothing may have been sent before this time that no line has spoken of."""
        self.advance_to(us)
        if self.published and not self.expectations:
            self.stack.sent.clear()  # packetdrill does not look at what comes after the last line with a >
        self.forget_former()
        if self.stack.sent and self.stack.sent[0][0] < us - self.tolerance:
            raise Wrong(f"nothing was expected here\n    came     {self.describe_next()}")

    def describe_next(self):
        at, datagram = self.stack.sent[0]
        try:
            segment, peer = wire.dissect(datagram, self.find_peer)
            return f"{at / 1e6:.3f} > {segment}"
        except Syntax as e:
            return f"{at / 1e6:.3f} > a damaged datagram: {e}"

    # --- events ---

    def next_segment(self, latest):
        while not self.stack.sent and self.stack.now() < latest:
            self.advance_to(min(max(self.stack.next_timer(), self.stack.now() + 1), latest))
            self.forget_former()
        if not self.stack.sent:
            return None
        at, datagram = self.stack.sent.pop(0)
        return at, *wire.dissect(datagram, self.find_peer)

    def next_train(self, want, latest):
        """A segment that is wanted longer than the MSS stands for the train of segments it takes: they are put together."""
        found = self.next_segment(latest)
        if not found or not want.len or found[1].len >= want.len:
            return found
        at, train, peer = found
        piece = train.len
        while train.len < want.len and (following := self.next_segment(latest)):
            _, segment, other = following
            if other is not peer or segment.seq != train.seq + train.len or segment.len > piece or train.len % piece:
                raise Wrong(f"expected {want}\n    came     {train}\n    and then {segment}")
            train.len, train.data, train.flags = train.len + segment.len, train.data + segment.data, train.flags | segment.flags
        want.optional |= wire.FLAGS["P"]  # where a sender cuts its trains, and says so by PSH, is its own matter
        return at, train, peer

    def expect(self, text, earliest, latest, peer_index):
        want = wire.parse_segment(text)
        if self.published:
            self.make_relative(want, self.peer(peer_index), ">")
            want.optional |= wire.FLAGS["P"] if want.len and want.len == self.peer(peer_index).mss else 0  # see next_train()
        elif want.flags & wire.FLAGS["S"] and want.seq:
            self.peer(peer_index).script_isn = want.seq
        found = self.next_train(want, latest)
        if not found:
            raise Wrong(f"expected {text}\n    came     nothing until {latest / 1e6:.3f}")
        at, came, peer = found
        wrong = wire.differences(want, came)
        if peer is not self.peer(peer_index):
            wrong.append("connection")
        if not earliest <= at <= latest:
            wrong.append(f"time {earliest / 1e6:.3f} to {latest / 1e6:.3f}, came {at / 1e6:.3f}")
        start = came.seq + bool(came.flags & wire.FLAGS["S"]) - peer.script_isn
        if came.data and not self.calls.odd_data and came.data != wire.pattern(start, came.len):
            wrong.append("bytes of the payload")
        if wrong:
            raise Wrong(f"expected {text}\n    came     {at / 1e6:.3f} > {came}\n    differs  {'; '.join(wrong)}")
        wire.learn(want, came, peer)
        self.came = came
        self.at = at if earliest == 0 else self.at

    def make_relative(self, segment, peer, direction):
        """In published scripts the numbers of a SYN are absolute, all others count from the ISNs."""
        if not segment.flags & wire.FLAGS["S"] or segment.seq is None:
            return
        peer.syn_isns[direction] = segment.seq
        if direction == "<" and (m := re.search(r"mss (\d+)", ",".join(segment.options or []))):
            peer.mss = int(m[1])
        segment.seq = 0
        if segment.ack is not None:
            segment.ack -= peer.syn_isns["<" if direction == ">" else ">"]

    def inject(self, text, peer_index):
        if "icmp " in text:
            self.stack.receive(wire.build_icmp(text, self.peer(peer_index), self.stack.local, self.stack.peer))
            return
        segment = wire.parse_segment(text)
        if self.fresh and segment.flags & wire.FLAGS["S"]:
            self.first_peer_again()
        peer = self.peer(peer_index)
        if self.published:
            self.make_relative(segment, peer, "<")
        if None in (segment.seq, segment.len):
            raise Syntax("a segment to the stack needs its numbers")
        if segment.words.get("urg") or (segment.flags & wire.FLAGS["S"] and segment.seq):
            self.calls.odd_data = True
        mac = b"\xff" * 6 if "broadcast" in segment.words else LOCAL_MAC
        self.stack.receive(wire.build(segment, peer, self.stack.local, self.stack.peer), mac, self.mss if segment.len > self.mss else 0)
        for blocked in list(self.pending):
            blocked.go_on()

    def check_python(self, code):
        names = self.variables | {"isns": [i for p in self.peers.values() for i in p.isns], "counter": self.stack.counter, "now": self.stack.now(), "last": self.came}
        names["timestamp"] = lambda number: self.peer().timestamps[number]  # ours, that the script has called so
        names |= wire.CA_STATES | wire.INFO_OPTIONS | {f"TCP_{name}": i for i, name in enumerate(STATES) if name}
        names |= {"cookie": lambda name: self.cookies[name], "isn": lambda i: self.peer(i).isns, "port": lambda i=1: self.peer(i).local_port}
        if self.calls.last_fd is not None:
            try:
                names |= {f"tcpi_{k}": v for k, v in self.stack.tcp_info(self.calls.last_fd).items()}
                names |= {"tcpi_snd_wscale": names["tcpi_wscales"] & 15, "tcpi_rcv_wscale": names["tcpi_wscales"] >> 4}
                names["SK_MEMINFO_RCVBUF"] = int.from_bytes(self.stack.getsockopt(self.calls.last_fd, 1, 8), "little")
            except Failed:
                pass
        given = set(names) | {"__builtins__"}
        try:
            exec(code.strip("\\ \n\t"), names)
            self.variables |= {n: v for n, v in names.items() if n not in given}
        except NameError as e:
            raise Syntax(f"{e} here")
        except AssertionError:
            shown = {n: names[n] for n in sorted(set(re.findall(r"\b\w+\b", code)) & set(names)) if not callable(names[n])}
            shown |= {"isns": names["isns"]} if "isn(" in code else {}
            shown |= {c: self.stack.counter(c) for c in re.findall(r"counter\(['\"]([\w.]+)", code)}
            raise Wrong(f"expected {code.strip()}\n    came     {shown}")

    def event(self, text, earliest, latest, end):
        arrow = re.match(r"([<>])(\d*) +(.*)", text)
        if arrow and arrow[1] == ">":
            self.expectations -= 1
            return self.expect(arrow[3].strip(), earliest, latest, int(arrow[2] or 1))
        self.quiet_until(self.at)
        if arrow:
            return self.inject(arrow[3].strip(), int(arrow[2] or 1))
        self.finish_calls(self.at)
        self.finish_ready()
        if text == "nothing":
            if self.stack.sent:
                raise Wrong(f"expected nothing\n    came     {self.describe_next()}")
            return None
        if m := re.fullmatch(r"%\{(.*)\}%", text, re.S):
            return self.check_python(m[1])
        if m := re.fullmatch(r"`(.*)`", text, re.S):
            return self.setting(m[1])
        return self.calls.run(text, end)

    def setting(self, text):
        for name, value, strict in events.settings(text):
            try:
                self.stack.sysctl(name, value)
            except Failed:
                if strict:  # without -e and -q: there must be such a setting
                    raise
                self.ignored.append(name)

    def option(self, text):
        """--name=value; those of packetdrill that say nothing to us (local_ip, speed ...) are read over."""
        name, _, value = text.partition("=")
        if name == "--tolerance_usecs":
            self.tolerance = int(value)
        elif name == "--include":
            self.run_text((HERE / value).read_text(), numbered=False)
        elif name == "--ip_version" and value != "ipv4":
            raise Syntax("there is IPv4 only")

    def step(self, text):
        if text.startswith("--finding="):
            return
        if text.startswith("--"):
            for word in text.split():
                self.option(word)
            return
        if text.startswith("`"):
            self.setting(text.strip("`"))
            return
        if m := re.fullmatch(r"\*\s+(>.*)", text):
            self.event(m[1], 0, self.stack.now() + LONGEST_WAIT_US, None)
            return
        m = TIME.fullmatch(text)
        if not m:
            raise Syntax("a line is a time and an event")
        base = self.at if m["plus"] else 0
        self.at = base + round(float(m["at"]) * 1e6)
        until = base + round(float(m["until"]) * 1e6) if m["until"] else self.at
        end = None
        if m["end"]:
            end = round(float(m["end"]) * 1e6) + base
        self.event(m["event"].strip(), self.at - self.tolerance if self.at > self.tolerance else -1, until + self.tolerance, end)

    def run_text(self, text, numbered=True):
        found = events.split(text)
        self.expectations += sum(bool(re.match(r"\S+ >\d* ", t)) for _, t in found)
        for line, event in found:
            self.line = line if numbered else self.line
            self.step(event)

    def run(self):
        self.run_text(self.text)
        self.quiet_until(max([self.at] + [blocked.end for blocked in self.pending]) + self.tolerance + 1)
        self.stack.close()


def run_here(path):
    """None, or what went wrong, in words."""
    script = Script(path)
    try:
        script.run()
        return None
    except Failed as e:
        why = f"the call failed: {e}"
    except (Wrong, Syntax) as e:
        why = str(e)
    text = script.lines[script.line - 1].strip() if script.line else ""
    why += f"\n    unknown  {' '.join(script.ignored)}" if script.ignored else ""
    return f"{os.path.relpath(path)}:{script.line}: {text}\n    {why}"


def finding(path):
    """A rule the stack is known to break, in words: such a script may fail; None for all others."""
    m = re.search(r"^--finding=(.*)", path.read_text(), re.M)
    return m and m[1]


def run_apart(path):
    """As run_here(), in a process of its own: each script has its own clock and seed, and a crash is one failure."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            answer = run_here(path)
        except BaseException:
            answer = traceback.format_exc()
        os.write(writer, (answer or "").encode()[:60000])
        ctypes.CDLL(None).exit(0)  # not _exit(): a library built for coverage writes its counts now
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    if status:
        return f"{os.path.relpath(path)}: the library crashed (signal {os.WTERMSIG(status)})"
    return answer or None


def scripts():
    return sorted(HERE.rglob("*.pkt"))


def run_all(paths):
    """(path, outcome, words) of each: ok, FAIL, or "skip" for a finding that still stands."""
    for path in paths:
        why, known = run_apart(path), finding(path)
        if known:
            yield path, "skip" if why else "ok  ", f"a finding: {known}" if why else "a finding that stands no more: take its line out"
        else:
            yield path, "FAIL" if why else "ok  ", why or ""


def run_model():
    count, wrong = model.explore_all()
    lines = [f"{' '.join(sequence)}: {difference}" for difference, sequence in wrong.items()]
    return "FAIL" if wrong else "ok  ", "\n  ".join([f"{count} sequences of events"] + lines)


def run_rules():
    count, wrong = rules.check(scripts())
    return "FAIL" if wrong else "ok  ", "\n  ".join([f"{count} rules"] + wrong)


def main(argv):
    if argv == ["--rules"]:
        outcome, words = run_rules()
        print(f"{outcome} rules\n  {words}")
        return outcome == "FAIL"
    if not LIBRARY.exists():
        sys.exit(f"run.py: {LIBRARY.relative_to(ROOT)} is missing: make host")
    missing = [a for a in argv if not pathlib.Path(a).is_file()]
    if missing:
        sys.exit(f"run.py: there is no script {', '.join(missing)}; write make script SCRIPTS=path/to/file.pkt")
    outcomes = []
    for path, outcome, words in run_all([pathlib.Path(a).resolve() for a in argv] or scripts()):
        print(f"{outcome} {os.path.relpath(path, HERE)}" + (f"\n  {words}" if words else ""), flush=True)
        outcomes.append(outcome)
    if not argv:
        outcome, words = run_model()
        print(f"{outcome} model of the connection's states\n  {words}")
        outcomes.append(outcome)
        outcome, words = run_rules()
        print(f"{outcome} rules and their tests\n  {words}")
        outcomes.append(outcome)
    print(f"{outcomes.count('ok  ')} passed, {outcomes.count('FAIL')} failed, {outcomes.count('skip')} skipped")
    return "FAIL" in outcomes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""TCP tests as scripts: packets in, packets out, socket calls and times; on the stack's own library, in virtual time.

usage: run.py [SCRIPT ...]     (all of tests/script and model.py without arguments)

A line is a time and an event; the language is packetdrill's where it can be (README.md in this folder).

    0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0   < S 0:0(0) win 32792 <mss 1000,nop,wscale 7>
    +0   > S. 0:0(0) ack 1 <mss 1460,...>
    +.1  < . 1:1(0) ack 1 win 257
    +0   accept(3, ..., ...) = 4
"""
import os
import pathlib
import re
import struct
import sys
import traceback

import calls
import model
import wire
from skiff import LIBRARY, LOCAL, LOCAL_MAC, PEER, ROOT, Failed, Stack
from wire import Syntax, Wrong

HERE = pathlib.Path(__file__).resolve().parent
TIME = re.compile(r"(?P<plus>\+?)(?P<at>\d*\.?\d+)(?:~\+?(?P<until>\d*\.?\d+))?(?:\.\.\.(?P<end>\+?\d*\.?\d+))?\s+(?P<event>.*)")
SERVER_PORT, CLIENT_PORT = 8080, 40000
LONGEST_WAIT_US = 400_000_000
REMOTE_ISN = 2**32 - 100  # every script crosses the end of the sequence space


class Peer:
    """The other end of one connection: <2 and >2 are of the second one, < and > of the first."""

    def __init__(self, index):
        self.remote_port, self.local_port = CLIENT_PORT + index, SERVER_PORT
        self.remote_base, self.local_base, self.isns = REMOTE_ISN, 0, []
        self.tsvals, self.cookie = [], b""  # what the stack has sent: its timestamps, its last Fast Open cookie

    def connect(self, port):
        """The stack is about to connect to this peer, from a port we shall see."""
        self.remote_port, self.local_port = port, None


class Script:
    def __init__(self, path):
        self.path, self.lines = path, path.read_text().splitlines()
        self.line, self.at, self.tolerance = 0, 0, 4000
        self.peers, self.pending, self.came = {}, [], None
        mtu = re.search(r"^--mtu=(\d+)", "\n".join(self.lines), re.M)
        self.stack = Stack(int(mtu[1]) if mtu else 1500)
        self.calls = calls.Calls(self.stack, self)

    def peer(self, index=1):
        return self.peers.setdefault(index, Peer(index))

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
        while self.pending and self.pending[0][0] <= us:
            end, line, finish = self.pending.pop(0)
            self.stack.advance_to(end)
            self.line, now = line, self.line
            finish()
            self.line = now
        self.stack.advance_to(us)

    def quiet_until(self, us):
        """Nothing may have been sent before this time that no line has spoken of."""
        self.advance_to(us)
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

    def expect(self, text, earliest, latest, peer_index):
        want = wire.parse_segment(text)
        while not self.stack.sent and self.stack.now() < latest:
            self.advance_to(min(max(self.stack.next_timer(), self.stack.now() + 1), latest))
        if not self.stack.sent:
            raise Wrong(f"expected {text}\n    came     nothing until {latest / 1e6:.3f}")
        came_line = self.describe_next()
        at, datagram = self.stack.sent.pop(0)
        came, peer = wire.dissect(datagram, self.find_peer)
        wrong = wire.differences(want, came)
        if peer is not self.peer(peer_index):
            wrong.append("connection")
        if not earliest <= at <= latest:
            wrong.append(f"time {earliest / 1e6:.3f} to {latest / 1e6:.3f}, came {at / 1e6:.3f}")
        if came.data and not self.calls.odd_data and came.data != wire.pattern(came.seq, came.len):
            wrong.append("bytes of the payload")
        if wrong:
            raise Wrong(f"expected {text}\n    came     {came_line}\n    differs  {'; '.join(wrong)}")
        self.at = at if earliest == 0 else self.at

    def inject(self, text, peer_index):
        peer = self.peer(peer_index)
        if " icmp " in text:
            self.stack.receive(wire.build_icmp(text, peer, LOCAL, PEER))
            return
        segment = wire.parse_segment(text)
        if None in (segment.seq, segment.len):
            raise Syntax("a segment to the stack needs its numbers")
        if segment.words.get("urg"):
            self.calls.odd_data = True
        mac = b"\xff" * 6 if "broadcast" in segment.words else LOCAL_MAC
        self.stack.receive(wire.build(segment, peer, LOCAL, PEER), mac)

    def check_python(self, code):
        names = {"isns": [i for p in self.peers.values() for i in p.isns], "counter": self.stack.counter, "now": self.stack.now()}
        names |= {"isn": lambda i: self.peer(i).isns, "port": lambda i=1: self.peer(i).local_port,
                  "tsval": lambda i=-1: self.peer().tsvals[i], "cookie": lambda i=1: self.peer(i).cookie}
        if self.calls.last_fd is not None:
            try:
                names |= {f"tcpi_{k}": v for k, v in self.stack.tcp_info(self.calls.last_fd).items()}
            except Failed:
                pass
        try:
            exec(code.strip(), names)  # a script is code of ours
        except AssertionError:
            shown = {n: names[n] for n in sorted(set(re.findall(r"\b\w+\b", code)) & set(names)) if not callable(names[n])}
            shown |= {"isns": names["isns"]} if "isn(" in code else {}
            shown |= {c: self.stack.counter(c) for c in re.findall(r"counter\(['\"]([\w.]+)", code)}
            raise Wrong(f"expected {code.strip()}\n    came     {shown}")

    def event(self, text, earliest, latest, end):
        arrow = re.match(r"([<>])(\d*) +(.*)", text)
        if arrow and arrow[1] == ">":
            return self.expect(arrow[3].strip(), earliest, latest, int(arrow[2] or 1))
        self.quiet_until(self.at)
        if arrow:
            return self.inject(arrow[3].strip(), int(arrow[2] or 1))
        if text == "nothing":
            if self.stack.sent:
                raise Wrong(f"expected nothing\n    came     {self.describe_next()}")
            return None
        if m := re.fullmatch(r"%\{(.*)\}%", text):
            return self.check_python(m[1])
        if m := re.fullmatch(r"`(.*)`", text):
            return self.setting(m[1])
        return self.calls.run(text, end)

    def setting(self, text):
        words = text.split()
        for word in [w for w in words if "=" in w]:
            name, _, value = word.partition("=")
            try:
                self.stack.sysctl(name, value)
            except Failed:
                if "-e" not in words:  # sysctl's own way to say: if there is such a setting
                    raise

    def step(self, text):
        if m := re.fullmatch(r"--tolerance_usecs=(\d+)", text):
            self.tolerance = int(m[1])
            return
        if m := re.fullmatch(r"--include=(\S+)", text):
            self.run_lines((HERE / m[1]).read_text().splitlines())
            return
        if re.match(r"--(mtu|finding)=", text):
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
            end = round(float(m["end"]) * 1e6) + (base if m["end"][0] == "+" else 0)
        self.event(m["event"].strip(), max(1, self.at - self.tolerance) if self.at else -1, until + self.tolerance, end)

    def run_lines(self, lines):
        for text in lines:
            text = re.sub(r"(^|\s)(//|#).*", "", text).strip()
            if text:
                self.step(text)

    def run(self):
        for self.line, text in enumerate(self.lines, 1):
            self.run_lines([text])
        self.quiet_until(max([self.at] + [end for end, _, _ in self.pending]) + self.tolerance + 1)
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
        os._exit(0)
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
    count, wrong = model.explore(5)
    lines = [f"{' '.join(sequence)}: {difference}" for difference, sequence in wrong.items()]
    return "FAIL" if wrong else "ok  ", "\n  ".join([f"{count} sequences of events"] + lines)


def main(argv):
    if not LIBRARY.exists():
        sys.exit(f"run.py: {LIBRARY.relative_to(ROOT)} is missing: make host")
    outcomes = []
    for path, outcome, words in run_all([pathlib.Path(a).resolve() for a in argv] or scripts()):
        print(f"{outcome} {os.path.relpath(path, HERE)}" + (f"\n  {words}" if words else ""), flush=True)
        outcomes.append(outcome)
    if not argv:
        outcome, words = run_model()
        print(f"{outcome} model of the connection's states\n  {words}")
        outcomes.append(outcome)
    print(f"{outcomes.count('ok  ')} passed, {outcomes.count('FAIL')} failed, {outcomes.count('skip')} skipped")
    return "FAIL" in outcomes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

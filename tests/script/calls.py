"""The socket calls of a script: `accept(3, ..., ...) = 4`. Descriptors are the script's own numbers, `...` is any argument.

A call with a time span (`0...0.100 connect(3, ..., ...) = 0`) has its answer at the end of it: what would block is tried
again there.
"""
import ctypes
import errno
import re
import socket
import struct
import termios

import wire
from skiff import PEER, Failed

CALL = re.compile(r"(\w+)\((.*)\) = (-?[\w|.]+)(?: ([A-Z]+))?(?: \(.*\))?")
LEVELS = {"SOL_SOCKET": 1, "SOL_IP": 0, "IPPROTO_IP": 0, "SOL_TCP": 6, "IPPROTO_TCP": 6}
MSG = {"MSG_OOB": 1, "MSG_PEEK": 2, "MSG_DONTWAIT": 0x40, "MSG_NOSIGNAL": 0x4000, "MSG_MORE": 0x8000}
IOCTLS = {"SIOCINQ": termios.FIONREAD, "FIONREAD": termios.FIONREAD, "SIOCOUTQ": termios.TIOCOUTQ, "SIOCATMARK": 0x8905}
POLL = {"POLLIN": 1, "POLLPRI": 2, "POLLOUT": 4, "POLLERR": 8, "POLLHUP": 16, "POLLRDHUP": 0x2000}
HOW = {"SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2}
WAITS = (errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY)


def split(text):
    """Arguments, at the commas that are not inside of brackets."""
    parts, depth, current = [], 0, ""
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        if c == "," and not depth:
            parts.append(current.strip())
            current = ""
        else:
            current += c
    return parts + [current.strip()] if current.strip() else parts


def value(text, names=None):
    """A number, names with | in between, or a name of the socket module."""
    total = 0
    for word in text.strip("[] ").split("|"):
        word = word.strip()
        if re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", word):
            total |= int(word, 0)
        elif names and word in names:
            total |= names[word]
        elif hasattr(socket, word):
            total |= int(getattr(socket, word))
        else:
            raise wire.Syntax(f"'{word}' is unknown here")
    return total


def option_value(text):
    """The bytes of a socket option: [1], ["reno"], {onoff=1, linger=0}."""
    if m := re.fullmatch(r'\[?"(.*)"\]?', text):
        return m[1].encode()
    if m := re.fullmatch(r"\{(?:onoff=|l_onoff=)?(\d+), ?(?:linger=|l_linger=)?(\d+)\}", text):
        return struct.pack("<ii", int(m[1]), int(m[2]))
    return struct.pack("<i", value(text))


class Calls:
    def __init__(self, stack, script):
        self.stack, self.script = stack, script
        self.fds, self.last_fd, self.odd_data = {}, None, False
        self.read_at, self.written_at = {}, {}

    def fd(self, text):
        if int(text) not in self.fds:
            raise wire.Syntax(f"there is no descriptor {text} yet")
        self.last_fd = self.fds[int(text)]
        return self.last_fd

    def new_fd(self, real, expected):
        if expected.isdigit():
            self.fds[int(expected)] = real
        self.last_fd = real
        self.read_at[real] = self.written_at[real] = 1
        return int(expected) if expected.isdigit() else real

    def run(self, text, end):
        m = CALL.fullmatch(text)
        if not m or not hasattr(self, f"call_{m[1]}"):
            known = ", ".join(sorted(n[5:] for n in dir(self) if n.startswith("call_")))
            raise wire.Syntax(f"this is no event; calls are NAME(ARGUMENTS) = RESULT, with {known}")
        name, arguments, expected, error = m[1], split(m[2]), m[3], m[4]
        if end is None:
            self.compare(text, *self.attempt(name, arguments, expected), expected, error)
            return
        result, number = self.attempt(name, arguments, expected)
        if result == -1 and number in WAITS:
            again = "finish_connect" if name == "connect" else name
            self.script.pending.append((end, self.script.line, lambda: self.compare(
                text, *self.attempt(again, arguments, expected), expected, error)))
            self.script.pending.sort(key=lambda p: p[0])
        else:
            self.compare(text, result, number, expected, error)

    def attempt(self, name, arguments, expected):
        try:
            return getattr(self, f"call_{name}")(arguments, expected), 0
        except Failed as e:
            return -1, e.errno

    def compare(self, text, result, number, expected, error):
        came = f"{result} {errno.errorcode[number]}" if number else str(result)
        if expected != "..." and (str(result) != expected or (error and errno.errorcode.get(number) != error)):
            raise wire.Wrong(f"expected {expected}{' ' + error if error else ''}\n    came     {came}")

    # --- one method per call: arguments as text, the result as a number ---

    def call_socket(self, a, expected):
        kind = value(a[1]) if a[1] != "..." else 1
        return self.new_fd(self.stack.call("socket", 2, kind, 0), expected)

    def call_bind(self, a, expected):
        port = re.search(r"htons\((\d+)\)", a[1])
        host = re.search(r'inet_addr\("([\d.]+)"\)', a[1])
        return self.stack.call("bind", self.fd(a[0]), *self.stack.address(host[1] if host else "0.0.0.0", int(port[1]) if port else 8080))

    def call_listen(self, a, expected):
        return self.stack.call("listen", self.fd(a[0]), value(a[1]))

    def call_accept(self, a, expected):
        return self.new_fd(self.stack.call("accept", self.fd(a[0]), None, None), expected)

    def call_connect(self, a, expected):
        fd, port = self.fd(a[0]), re.search(r"htons\((\d+)\)", a[1])
        host = re.search(r'inet_addr\("([\d.]+)"\)', a[1])
        peer = self.script.peer(int(a[1]) if a[1].isdigit() else 1)
        port = int(port[1]) if port else 8080
        if peer.local_port is not None and peer.remote_port != port:
            peer.connect(port)
        return self.stack.call("connect", fd, *self.stack.address(host[1] if host else PEER, port))

    def call_finish_connect(self, a, expected):
        error = struct.unpack("<i", self.stack.getsockopt(self.fd(a[0]), 1, socket.SO_ERROR))[0]
        if error:
            raise Failed(error)
        return 0

    def call_write(self, a, expected):
        return self.send(self.fd(a[0]), value(a[2]), 0)

    def call_send(self, a, expected):
        return self.send(self.fd(a[0]), value(a[2]), value(a[3], MSG))

    def send(self, fd, length, flags):
        sent = self.stack.call("send", fd, wire.pattern(self.written_at[fd], length), length, flags | MSG["MSG_NOSIGNAL"])
        self.written_at[fd] += sent
        return sent

    def call_read(self, a, expected):
        return self.receive(self.fd(a[0]), value(a[2]), 0)

    def call_recv(self, a, expected):
        return self.receive(self.fd(a[0]), value(a[2]), value(a[3], MSG))

    def receive(self, fd, length, flags):
        data = self.stack.recv(fd, length, flags)
        if not self.odd_data and data != wire.pattern(self.read_at[fd], len(data)):
                raise wire.Wrong("expected the bytes as the peer sent them\n    came     others")
        self.read_at[fd] += 0 if flags & MSG["MSG_PEEK"] else len(data)
        return len(data)

    def call_close(self, a, expected):
        result = self.stack.call("close", self.fd(a[0]))
        del self.fds[int(a[0])]
        self.last_fd = None
        return result

    def call_shutdown(self, a, expected):
        return self.stack.call("shutdown", self.fd(a[0]), value(a[1], HOW))

    def call_setsockopt(self, a, expected):
        data = option_value(a[3])
        return self.stack.call("setsockopt", self.fd(a[0]), value(a[1], LEVELS), value(a[2]), data, len(data))

    def call_getsockopt(self, a, expected):
        data = self.stack.getsockopt(self.fd(a[0]), value(a[1], LEVELS), value(a[2]), value(a[4]) if len(a) > 4 else 4)
        wanted = option_value(a[3]) if a[3] != "..." else data
        if data != wanted:
            raise wire.Wrong(f"expected {a[3]}\n    came     [{int.from_bytes(data, 'little')}]")
        return 0

    def call_fcntl(self, a, expected):
        return int(expected)  # sockets of the library never block

    def call_ioctl(self, a, expected):
        room = ctypes.c_int()
        result = self.stack.call("ioctl", self.fd(a[0]), ctypes.c_ulong(IOCTLS[a[1]]), ctypes.byref(room))
        if len(a) > 2 and a[2] != "..." and room.value != value(a[2]):
            raise wire.Wrong(f"expected {a[2]}\n    came     [{room.value}]")
        return result

    def call_poll(self, a, expected):
        """poll(4, POLLIN|POLLOUT) = POLLOUT: what is ready now."""
        room = ctypes.create_string_buffer(struct.pack("<ihh", self.fd(a[0]), value(a[1], POLL), 0), 8)
        self.stack.call("poll", room, 1)
        ready = struct.unpack("<ihh", room.raw)[2]
        return "|".join(n for n, bit in POLL.items() if ready & bit) or 0

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
from skiff import Failed, IoVec, MsgHdr

CALL = re.compile(r"(\w+) ?\((.*)\) = (-?[\w|.]+)(?: ([A-Z0-9]+))?(?: ?\(.*\))?")
LEVELS = {"SOL_SOCKET": 1, "SOL_IP": 0, "IPPROTO_IP": 0, "SOL_TCP": 6, "IPPROTO_TCP": 6}
MSG = {"MSG_OOB": 1, "MSG_PEEK": 2, "MSG_DONTWAIT": 0x40, "MSG_EOR": 0x80, "MSG_NOSIGNAL": 0x4000, "MSG_MORE": 0x8000,
       "MSG_TRUNC": 0x20, "MSG_WAITALL": 0x100, "MSG_ERRQUEUE": 0x2000, "MSG_ZEROCOPY": 0x4000000, "MSG_FASTOPEN": 0x20000000}
IOCTLS = {"SIOCINQ": termios.FIONREAD, "FIONREAD": termios.FIONREAD, "SIOCOUTQ": termios.TIOCOUTQ, "SIOCATMARK": 0x8905}
POLL = {"POLLIN": 1, "POLLPRI": 2, "POLLOUT": 4, "POLLERR": 8, "POLLHUP": 16, "POLLRDHUP": 0x2000}
POLL["EPOLLET"] = 1 << 31
POLL |= {f"E{name}": bit for name, bit in POLL.items() if name[0] == "P"} | {"EPOLLONESHOT": 1 << 30}
EPOLL_OPS = {"EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2, "EPOLL_CTL_MOD": 3}
# Options Python's socket module does not name.
OPTIONS = {"TCP_INQ": 36, "TCP_CM_INQ": 36, "TCP_TX_DELAY": 37, "TCP_RTO_MAX_MS": 44, "SO_ZEROCOPY": 60, "SO_BINDTODEVICE": 25, "TCP_FASTOPEN": 23, "TCP_TIMESTAMP": 24,
           "TCP_NOTSENT_LOWAT": 25, "TCP_SAVE_SYN": 27, "TCP_FASTOPEN_CONNECT": 30, "TCP_FASTOPEN_KEY": 33,
           "TCP_FASTOPEN_NO_COOKIE": 34, "TCP_USER_TIMEOUT": 18, "TCP_REPAIR": 19, "TCP_THIN_LINEAR_TIMEOUTS": 16, "IP_MTU": 14,
           "IP_MTU_DISCOVER": 10, "IP_PMTUDISC_DONT": 0, "IP_PMTUDISC_WANT": 1, "IP_PMTUDISC_DO": 2, "IP_PMTUDISC_PROBE": 3, "IP_MINTTL": 21}
HOW = {"SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2}
CONTROL = re.compile(r"\{ ?cmsg_level ?= ?(\w+), ?cmsg_type ?= ?(\w+), ?cmsg_data ?= ?(\d+) ?\}")
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
        elif word in OPTIONS:
            total |= OPTIONS[word]
        elif hasattr(errno, word):
            total |= getattr(errno, word)
        elif hasattr(socket, word):
            total |= int(getattr(socket, word))
        else:
            raise wire.Syntax(f"'{word}' is unknown here")
    return total


def option_value(text):
    """The bytes of a socket option: [1], ["reno"], {onoff=1, linger=0}."""
    if m := re.fullmatch(r'\[?"(.*)"\]?', text):
        return m[1].encode().decode("unicode_escape").encode("latin-1")
    if m := re.fullmatch(r"\{(?:onoff=|l_onoff=)?(\d+), ?(?:linger=|l_linger=)?(\d+)\}", text):
        return struct.pack("<ii", int(m[1]), int(m[2]))
    return struct.pack("<I", value(text) & 0xffffffff)


def lengths(text):
    """Those of [{..., 40}, {..., 20}], the pieces of readv, writev, sendmsg and recvmsg."""
    m = re.search(r"msg_iov\(\d+\) ?= ?\[(.*?)\]", text) or re.search(r"\[(.*)\]", text)
    if not m:
        raise wire.Syntax("[{..., LENGTH}, ...] is missing")
    return [value(piece) for piece in re.findall(r"\{ ?\.\.\., (\w+) ?\}", m[1])]


class Blocked:
    """A call that blocks: tried again, and what came of it compared, at the end of its time."""

    def __init__(self, end, line, again, compare, sending=False):
        self.end, self.line, self.again, self.compare, self.sending = end, line, again, compare, sending
        self.sent = self.wanted = 0

    def go_on(self):
        """A write takes what there is room for, whenever there is some."""
        if self.sending and self.sent < self.wanted:
            result, number = self.again(self.wanted - self.sent)
            self.sent += max(0, result)
            self.error = number if result < 0 and number not in WAITS else 0

    def is_ready(self):
        """Has it an answer? (Which is then its own: an accept() or read() that has worked is not tried again.)"""
        if self.sending:
            self.go_on()
            return self.sent == self.wanted
        result, number = self.again()
        if result == -1 and number in WAITS:
            return False
        self.again = lambda: (result, number)
        return True

    def finish(self):
        if not self.sending:
            self.compare(*self.again())
            return
        self.go_on()
        self.compare(self.sent or -1, 0 if self.sent else self.error)


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

        def compare(came, error_number):
            self.compare(text, came, error_number, expected, error)
        if name in ("write", "send") and (number in WAITS or 0 < result < value(arguments[2])):
            def rest(length):
                return self.attempt(name, [*arguments[:2], str(length), *arguments[3:]], expected)
            blocked = Blocked(end, self.script.line, rest, compare, sending=True)
            blocked.sent, blocked.wanted = max(0, result), value(arguments[2])
        elif result == -1 and number in WAITS:
            again = "finish_connect" if name == "connect" else name
            blocked = Blocked(end, self.script.line, lambda: self.attempt(again, arguments, expected), compare)
        else:
            compare(result, number)
            return
        self.script.pending.append(blocked)
        self.script.pending.sort(key=lambda p: p.end)

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
        self.script.fresh = self.script.published
        return self.stack.call("listen", self.fd(a[0]), value(a[1]))

    def call_accept(self, a, expected):
        return self.new_fd(self.stack.call("accept", self.fd(a[0]), None, None), expected)

    def call_connect(self, a, expected):
        fd, port = self.fd(a[0]), re.search(r"htons\((\d+)\)", a[1])
        if a[1] == "AF_UNSPEC":
            return self.stack.call("connect", fd, ctypes.create_string_buffer(16), 16)
        host = re.search(r'inet_addr\("([\d.]+)"\)', a[1])
        peer = self.script.peer(int(a[1]) if a[1].isdigit() else 1)
        port = int(port[1]) if port else 8080
        if peer.local_port is not None and peer.remote_port != port:
            peer.connect(port)
        return self.stack.call("connect", fd, *self.stack.address(host[1] if host else self.stack.peer, port))

    def call_finish_connect(self, a, expected):
        error = struct.unpack("<i", self.stack.getsockopt(self.fd(a[0]), 1, socket.SO_ERROR))[0]
        if error:
            raise Failed(error)
        return 0

    def call_write(self, a, expected):
        return self.send(self.fd(a[0]), value(a[2]), 0, a[1] == "NULL")

    def call_send(self, a, expected):
        return self.send(self.fd(a[0]), value(a[2]), value(a[3], MSG), a[1] == "NULL")

    def send(self, fd, length, flags, nothing=False):
        """`nothing`: NULL instead of a buffer."""
        if nothing:
            return self.stack.call("send", fd, None, length, flags | MSG["MSG_NOSIGNAL"])
        sent = self.stack.call("send", fd, wire.pattern(self.written_at[fd], length), length, flags | MSG["MSG_NOSIGNAL"])
        self.written_at[fd] += sent
        return sent

    def call_sendto(self, a, expected):
        fd, length, flags = self.fd(a[0]), value(a[2]), value(a[3], MSG)
        if len(a) < 5 or "NULL" in (a[1], a[4]):
            return self.send(fd, length, flags, a[1] == "NULL")
        sent = self.stack.call("sendto", fd, wire.pattern(self.written_at[fd], length), length, flags | MSG["MSG_NOSIGNAL"],
                               *self.stack.address(self.stack.peer, 8080))
        self.written_at[fd] += sent
        return sent

    def call_sendmsg(self, a, expected):
        return self.send_pieces(self.fd(a[0]), lengths(a[1]), value(a[2], MSG))

    def call_writev(self, a, expected):
        return self.send_pieces(self.fd(a[0]), lengths(a[1]), 0)

    def send_pieces(self, fd, pieces, flags):
        at = self.written_at[fd]
        starts = [at + sum(pieces[:i]) for i in range(len(pieces))]
        rooms = [ctypes.create_string_buffer(wire.pattern(start, n), max(1, n)) for start, n in zip(starts, pieces)]
        iov = (IoVec * len(pieces))(*((ctypes.addressof(room), n) for room, n in zip(rooms, pieces)))
        message = MsgHdr(iov=iov, iov_len=len(pieces))
        sent = self.stack.call("sendmsg", fd, ctypes.byref(message), flags | MSG["MSG_NOSIGNAL"])
        self.written_at[fd] += sent
        return sent

    def call_recvmsg(self, a, expected):
        control = re.search(r"msg_control ?= ?\[(.*)\]", a[1])
        if not control:
            return self.receive(self.fd(a[0]), sum(lengths(a[1])), value(a[2], MSG))
        wanted = CONTROL.fullmatch(control[1].strip())
        if control[1].strip() and not wanted:
            raise wire.Syntax("of control messages there is {cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=N}")
        data, messages = self.stack.recvmsg(self.fd(a[0]), sum(lengths(a[1])), value(a[2], MSG))
        expected_messages = [(LEVELS[wanted[1]], value(wanted[2]), int(wanted[3]))] if wanted else []
        if messages != expected_messages:
            raise wire.Wrong(f"expected control messages {expected_messages}\n    came     {messages}")
        return self.check_received(self.fd(a[0]), data, value(a[2], MSG))

    def call_readv(self, a, expected):
        return self.receive(self.fd(a[0]), sum(lengths(a[1])), 0)

    def call_recv(self, a, expected):
        fd, length, flags = self.fd(a[0]), value(a[2]), value(a[3], MSG) if len(a) > 3 else 0
        if a[1] == "NULL":
            return self.stack.call("recv", fd, None, length, flags)
        return self.receive(fd, length, flags)

    call_read = call_recvfrom = call_recv

    def receive(self, fd, length, flags):
        return self.check_received(fd, self.stack.recv(fd, length, flags), flags)

    def check_received(self, fd, data, flags):
        if not self.odd_data and data != wire.pattern(self.read_at[fd], len(data)):
            raise wire.Wrong("expected the bytes as the peer sent them\n    came     others")
        self.read_at[fd] += 0 if flags & MSG["MSG_PEEK"] else len(data)
        return len(data)

    def call_close(self, a, expected):
        if several := re.fullmatch(r"(\d+)\.\.(\d+)", a[0]):
            return max(self.call_close([str(n)], expected) for n in range(int(several[1]), int(several[2]) + 1))
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
        if data.rstrip(b"\0") != wanted.rstrip(b"\0"):
            raise wire.Wrong(f"expected {a[3]}\n    came     [{int.from_bytes(data, 'little')}]")
        return 0

    def call_fcntl(self, a, expected):
        return expected  # sockets of the library never block

    def call_ioctl(self, a, expected):
        room = ctypes.c_int()
        result = self.stack.call("ioctl", self.fd(a[0]), ctypes.c_ulong(IOCTLS[a[1]]), ctypes.byref(room))
        if len(a) > 2 and a[2] != "..." and room.value != value(a[2]):
            raise wire.Wrong(f"expected {a[2]}\n    came     [{room.value}]")
        return result

    def call_poll(self, a, expected):
        """poll(4, POLLIN|POLLOUT) = POLLOUT, or as in C: poll([{fd=4, events=POLLIN, revents=0}], 1, 0) = 0."""
        if a[0][0] != "[":
            wanted, asked = None, [(a[0], a[1])]
        else:
            found = re.findall(r"fd ?= ?(\d+), ?events ?= ?([\w| ]+)(?:, ?revents ?= ?([\w| ]+))?", a[0])
            wanted, asked = [value(revents or "0", POLL) for _, _, revents in found], [(fd, events) for fd, events, _ in found]
        room = b"".join(struct.pack("<iHH", self.fd(fd), value(events, POLL), 0) for fd, events in asked)
        room = ctypes.create_string_buffer(room, len(room))
        count = self.stack.call("poll", room, len(asked))
        ready = [struct.unpack_from("<iHH", room, 8 * i)[2] for i in range(len(asked))]
        if wanted is None:
            return "|".join(n for n, bit in POLL.items() if n[0] == "P" and ready[0] & bit) or 0
        if ready != wanted:
            raise wire.Wrong(f"expected revents {wanted}\n    came     {ready}")
        return count

    def call_epoll_create(self, a, expected):
        self.fds[int(expected)] = self.stack.call("epoll_create1", 0)
        return int(expected)

    call_epoll_create1 = call_epoll_create

    def call_epoll_ctl(self, a, expected):
        m = re.search(r"events ?= ?([\w|]+)", a[3])
        event = struct.pack("<IQ", value(m[1], POLL) if m else 0, int(a[2]))
        return self.stack.call("epoll_ctl", self.fds[int(a[0])], EPOLL_OPS[a[1]], self.fd(a[2]), event)

    def call_epoll_wait(self, a, expected):
        """epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1; the event is compared if there is one."""
        room = ctypes.create_string_buffer(12 * max(1, value(a[2])))
        count = self.stack.call("epoll_wait", self.fds[int(a[0])], room, value(a[2]))
        wanted = re.search(r"events ?= ?([\w|]+)(?:, ?fd ?= ?(\d+))?", a[1])
        events, data = struct.unpack_from("<IQ", room)
        if count and wanted and (events != value(wanted[1], POLL) or wanted[2] and data != int(wanted[2])):
            raise wire.Wrong(f"expected {wanted[0]}\n    came     events={events:#x}, fd={data}")
        return count

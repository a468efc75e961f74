"""TCP segments as text, as packetdrill writes them, and as bytes.

    P. 1:1001(1000) ack 1 win 257 urg 5 <nop,nop,TS val 1 ecr 2>

Flags: S F R P U E W and . for ACK; P? is a PSH that may be there or not. A * stands for any number. Options: mss N, wscale N,
sackOK, TS val N ecr N, sack N:N ..., FO HEX, nop, eol, raw HEX (`ecr last`, `FO last`: what the stack sent last); a
list that ends in ... allows others, <...> any. Sequence numbers are relative: those of a side start at 0 with its SYN.
"""
import re
import struct

FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128}
ECN = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
WORDS = {"win": int, "urg": int, "tos": int, "ttl": int, "from": str, "to": str, "sport": int, "dport": int, "ipopt": str}
SEGMENT = re.compile(r"(?:\[(?P<ecn>\w+)\] )?(?P<flags>[SFRPUEW.?-]+|-) (?P<seq>\d+|\*):(?P<end>\d+|\*)\((?P<len>\d+|\*)\)"
                     r"(?: ack (?P<ack>\d+|\*))?(?P<words>(?: [a-z]+(?: [\w.*]+)?)*?)(?: <(?P<options>.*)>)?")
ICMP = re.compile(r"\[(?P<seq>\d+):(?P<end>\d+)\((?P<len>\d+)\)\] icmp (?P<words>[a-z_ ]+?)(?: mtu (?P<mtu>\d+))?(?: from (?P<from>\S+))?")
ICMP_KINDS = {"unreachable net_unreachable": (3, 0), "unreachable host_unreachable": (3, 1),
              "unreachable protocol_unreachable": (3, 2), "unreachable port_unreachable": (3, 3),
              "unreachable frag_needed": (3, 4), "unreachable source_route_failed": (3, 5), "source_quench": (4, 0),
              "time_exceeded": (11, 0), "parameter_problem": (12, 0)}


class Syntax(Exception):
    """The script cannot be understood."""


class Wrong(Exception):
    """The stack did something else than the script says."""


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def address(text):
    return bytes(map(int, text.split(".")))


def pattern(seq, length):
    """What stands at these relative sequence numbers, in both directions."""
    return bytes((i * 31 + (i >> 8)) & 0xff for i in range(seq, seq + length))


def number(text):
    return None if text in (None, "*") else int(text)


class Segment:
    """Fields in relative numbers; None: not there, or any number. `words`: win, urg, and what stands in the IP header."""

    def __init__(self, flags, seq, length, ack=None, words=None, options=None, optional=0):
        self.flags, self.seq, self.len, self.ack, self.optional = flags, seq, length, ack, optional
        self.words, self.options = words or {}, options

    def __str__(self):
        flags = "".join(c for c in "SFRPUEW." if self.flags & FLAGS[c]) or "-"
        end = "*" if self.seq is None or self.len is None else self.seq + self.len
        text = f"{flags} {'*' if self.seq is None else self.seq}:{end}({'*' if self.len is None else self.len})"
        text += "" if self.ack is None else f" ack {self.ack}"
        for word in ("win", "urg"):
            text += f" {word} {self.words[word]}" if self.words.get(word) else ""
        return text + (f" <{','.join(self.options)}>" if self.options else "")


def parse_words(text):
    words, parts = {}, text.split()
    while parts:
        word = parts.pop(0)
        if word in ("badsum", "df", "broadcast"):
            words[word] = True
        elif word in WORDS and parts:
            value = parts.pop(0)
            words[word] = None if value == "*" else WORDS[word](value)
        else:
            raise Syntax(f"'{word}' is unknown in a segment")
    return words


def parse_segment(text):
    m = SEGMENT.fullmatch(text)
    if not m:
        raise Syntax("this is no segment: FLAGS SEQ:END(LENGTH) ack N win N <options>")
    flags = sum(FLAGS[c] for c in m["flags"].replace("?", "") if c != "-")
    optional = FLAGS["P"] if "P?" in m["flags"] else 0
    seq, end, length = number(m["seq"]), number(m["end"]), number(m["len"])
    if None not in (seq, end, length) and end - seq != length:
        raise Syntax(f"{seq}:{end} are not {length} bytes")
    words = parse_words(m["words"])
    if m["ecn"]:
        if m["ecn"] not in ECN:
            raise Syntax(f"[{m['ecn']}] is unknown; there are {', '.join(ECN)}")
        words["ecn"] = ECN[m["ecn"]]
    options = None if m["options"] is None else [o.strip() for o in m["options"].split(",")]
    segment = Segment(flags & ~optional, seq, length, number(m["ack"]), words, options, optional)
    segment.any_ack = m["ack"] == "*"
    return segment


def option_bytes(option, peer):
    words = option.split()
    if words[0] == "TS":
        echo = peer.tsvals[-1] if words[4] == "last" else int(words[4])
        return struct.pack("!BBII", 8, 10, int(words[2]), echo)
    if words[0] == "sack":
        edges = [(int(e) + peer.local_base) % 2**32 for block in words[1:] for e in block.split(":")]
        return struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges)
    if words[0] == "raw":
        return bytes.fromhex("".join(words[1:]))
    if words[0] == "FO":  # a cookie of Fast Open, or none
        cookie = peer.cookie if words[1:] == ["last"] else bytes.fromhex("".join(words[1:]))
        return bytes([34, 2 + len(cookie)]) + cookie
    simple = {"nop": lambda: b"\1", "eol": lambda: b"\0", "sackOK": lambda: b"\4\2",
              "mss": lambda: struct.pack("!BBH", 2, 4, int(words[1])), "wscale": lambda: bytes([3, 3, int(words[1])])}
    if words[0] not in simple:
        raise Syntax(f"option '{option}' is unknown")
    return simple[words[0]]()


def option_texts(data, peer):
    texts = []
    while data:
        kind = data[0]
        length = 1 if kind in (0, 1) else data[1] if len(data) > 1 else 0
        value = data[2:length]
        if length < 1 or length > len(data) or (kind > 1 and length < 2):
            return texts + [f"raw {data.hex()}"]
        if kind == 5:
            edges = [(e - peer.local_base_of_peer) % 2**32 for e in struct.unpack(f"!{len(value) // 4}I", value)]
            texts.append("sack " + " ".join(f"{a}:{b}" for a, b in zip(edges[::2], edges[1::2])))
        elif kind == 34:
            texts.append(f"FO {value.hex()}".strip())
            peer.cookie = value
        elif kind == 8:
            texts.append("TS val {} ecr {}".format(*struct.unpack("!II", value)))
            peer.tsvals.append(struct.unpack("!II", value)[0])
        else:
            texts.append({0: lambda: "eol", 1: lambda: "nop", 2: lambda: f"mss {int.from_bytes(value, 'big')}",
                          3: lambda: f"wscale {value[0]}", 4: lambda: "sackOK"}.get(kind, lambda: f"raw {data[:length].hex()}")())
        data = data[length:]
        if kind == 0:
            break
    return texts


def ip_header(source, target, protocol, length, words=None):
    words = words or {}
    options = bytes.fromhex(words.get("ipopt", ""))
    tos = words.get("tos", 0) | words.get("ecn", 0)
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos, 20 + len(options) + length, 1, 0, words.get("ttl", 64),
                         protocol, 0)
    header += address(source) + address(target) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:]


def tcp_sum(source, target, segment):
    return checksum(source + target + struct.pack("!BBH", 0, 6, len(segment)) + segment)


def build(segment, peer, local, remote):
    """The datagram of a segment from the peer to us."""
    words = segment.words
    options = b"".join(option_bytes(o, peer) for o in segment.options or [] if o)
    options += b"\0" * (-len(options) % 4)
    source, target = words.get("from", remote), words.get("to", local)
    ack = 0 if segment.ack is None else (segment.ack + peer.local_base) % 2**32
    tcp = struct.pack("!HHIIBBHHH", words.get("sport", peer.remote_port), words.get("dport", peer.local_port),
                      (segment.seq + peer.remote_base) % 2**32, ack, (20 + len(options)) << 2, segment.flags,
                      words.get("win", 0), 0, words.get("urg", 0)) + options
    tcp += pattern(segment.seq + (segment.flags >> 1 & 1), segment.len)  # the SYN stands before the text
    right = tcp_sum(address(source), address(target), tcp)
    tcp = tcp[:16] + struct.pack("!H", right ^ 0x5555 if "badsum" in words else right) + tcp[18:]
    return ip_header(source, target, 6, len(tcp), words) + tcp


def build_icmp(text, peer, local, remote):
    """An ICMP error about a segment of ours: [SEQ:END(LENGTH)] icmp unreachable frag_needed mtu 1200."""
    m = ICMP.fullmatch(text)
    if not m or m["words"] not in ICMP_KINDS:
        raise Syntax(f"this is no ICMP error: [SEQ:END(LENGTH)] icmp KIND mtu N; kinds: {', '.join(ICMP_KINDS)}")
    kind, code = ICMP_KINDS[m["words"]]
    quoted = struct.pack("!HHIIBBHHH", peer.local_port, peer.remote_port, (int(m["seq"]) + peer.local_base) % 2**32, 0, 5 << 4,
                         16, 0, 0, 0)
    quoted = ip_header(local, remote, 6, 20 + int(m["len"])) + quoted
    icmp = struct.pack("!BBHHH", kind, code, 0, 0, int(m["mtu"] or 0)) + quoted
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    return ip_header(m["from"] or remote, local, 1, len(icmp)) + icmp


def dissect(datagram, find_peer):
    """The segment a datagram of ours carries, and its peer; Syntax if it is malformed."""
    ihl = (datagram[0] & 15) * 4
    total = struct.unpack_from("!H", datagram, 2)[0]
    if checksum(datagram[:ihl]) or total > len(datagram):
        raise Syntax("IP header: wrong checksum or length")
    tcp = datagram[ihl:total]
    sport, dport, seq, ack, offset, flags, win, _, urg = struct.unpack_from("!HHIIBBHHH", tcp)
    if tcp_sum(datagram[12:16], datagram[16:20], tcp):
        raise Syntax("wrong TCP checksum")
    peer = find_peer(sport, dport, flags)
    if flags & 2:
        peer.local_base = seq
        peer.isns += [seq] if seq not in peer.isns else []
    peer.local_base_of_peer = peer.remote_base
    header_len = (offset >> 4) * 4
    words = {"win": win, "urg": urg, "tos": datagram[1], "ecn": datagram[1] & 3, "ttl": datagram[8], "df": bool(datagram[6] & 0x40)}
    segment = Segment(flags, (seq - peer.local_base) % 2**32, len(tcp) - header_len,
                      (ack - peer.remote_base) % 2**32 if flags & 16 else None, words, option_texts(tcp[20:header_len], peer))
    segment.data = tcp[header_len:]
    return segment, peer


def differences(want, came):
    """Words on what is not as wanted; none if the segment fits."""
    found = []
    if (want.flags | want.optional) != (came.flags | want.optional):
        found.append("flags")
    for name in ("seq", "len"):
        if getattr(want, name) is not None and getattr(want, name) != getattr(came, name):
            found.append(f"{name} {getattr(want, name)}, came {getattr(came, name)}")
    if not want.any_ack and want.ack != came.ack:
        found.append(f"ack {want.ack}, came {came.ack}")
    for word, value in want.words.items():
        if value is not None and came.words[word] != value:
            found.append(f"{word} {value}, came {came.words[word]}")
    options = want.options or []
    if options and options[-1] == "...":
        missing = [o for o in options[:-1] if o and not any(re.fullmatch(re.escape(o).replace(r"\*", r"[\da-f]+"), c) for c in came.options)]
        found += [f"option {o} is missing" for o in missing]
    elif len(options) != len(came.options) or not all(re.fullmatch(re.escape(o).replace(r"\*", r"[\da-f]+"), c)
                                                      for o, c in zip(options, came.options)):
        found.append(f"options <{','.join(options)}>, came <{','.join(came.options)}>")
    return found

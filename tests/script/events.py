"""The events of a script out of its text: without comments, each in one piece, however many lines it takes.

Comments are //, # and /* */, as in packetdrill. An event starts with its time; a line that starts with none, or
stands within brackets, backquotes or %{ }%, goes on with the one before.
"""
import re
import shlex

from wire import Syntax

KEPT_OR_COMMENT = re.compile(r'(?P<kept>%\{.*?\}%|`[^`]*`|"(?:\\.|[^"\\\n])*")|/\*.*?\*/|(?<!:)//[^\n]*|(?:(?<=\s)|^)#[^\n]*', re.S)
START = re.compile(r"\s*(?:[+*.]?\d|\+\.|\*\s|--[a-z]|`|%\{)")


def without_comments(text):
    return KEPT_OR_COMMENT.sub(lambda m: m[0] if m["kept"] else "\n" * m[0].count("\n"), text)


def is_open(text):
    outside = re.sub(r"%\{.*?\}%|`[^`]*`", "", text, flags=re.S)
    return "`" in outside or "%{" in outside or outside.count("(") > outside.count(")")


def split(text):
    """[(number of the first line, event)], white space within an event made one blank unless it is code or a command."""
    events = []
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        if events and (is_open(events[-1][1]) or line.strip() and not START.match(line)):
            events[-1] = (events[-1][0], events[-1][1] + "\n" + line)
        elif line.strip():
            events.append((number, line.strip()))
    return [(n, t.strip() if "`" in t or "%{" in t else " ".join(t.split())) for n, t in events]


# --- commands in backquotes: what they set, and nothing else ---

# What the published scripts' common/defaults.sh sets, as far as there is such a setting; with a queue that does not pace.
DEFAULTS = {"tcp_rmem": "4096 540000 15728640", "tcp_wmem": "4096 262144 4194304", "tcp_timestamps": "1", "tcp_syn_retries": "5",
            "tcp_synack_retries": "5", "tcp_frto": "2", "tcp_sack": "1", "tcp_dsack": "1", "tcp_congestion_control": "cubic",
            "tcp_slow_start_after_idle": "0", "tcp_early_retrans": "4", "tcp_recovery": "1", "tcp_ecn": "0", "tcp_syncookies": "1",
            "tcp_fastopen": "3", "tcp_fastopen_key": "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4", "tcp_pacing": "0"}
# Between whom they run, and what the server's cookie for this client is with that key, and with one of zeros.
PUBLISHED_ADDRESSES = {"local": "192.168.0.1", "peer": "192.0.2.1"}
PUBLISHED_COOKIES = {"TFO_COOKIE": "3021b9d889017eeb", "TFO_COOKIE_ZERO": "b7c12350a90dc8f5"}
WITHOUT_EFFECT = ("ip", "tc", "dd", "grep", "ethtool", "nstat", "sleep", "rm", "true", "date", "set_sysctls.sh")


def arithmetic(text):
    """$((15*1024*1024)), and quotes taken away from around it."""
    def number(m):
        if not re.fullmatch(r"[\d\s*+-]+", m[1]):
            raise Syntax(f"$(({m[1]})) is no sum")
        return str(eval(m[1]))  # digits and + - * alone
    return re.sub(r"\$\(\(([^)]*)\)\)", number, text)


def settings(command):
    """(name, value, must exist) of each setting a shell command makes; other commands of published scripts change nothing here."""
    for part in re.split(r"[;\n]|&&", arithmetic(command.replace("\\\n", " "))):
        words = shlex.split(part)
        name = words[0].rpartition("/")[2] if words else ""
        if name == "defaults.sh":
            yield from ((f"net.ipv4.{k}", v, False) for k, v in DEFAULTS.items())
        elif name == "sysctl":
            strict = not {"-q", "-e", "-w"} & set(words)
            yield from ((*w.replace("/", ".").split("=", 1), strict) for w in words[1:] if "=" in w)
        elif name == "set_sysctls.py":
            yield from ((*w.removeprefix("/proc/sys/").replace("/", ".").split("=", 1), False) for w in words[1:] if "=" in w)
        elif name == "echo" and ">" in words:
            yield words[-1].removeprefix("/proc/sys/").replace("/", "."), " ".join(words[1:words.index(">")]), False
        elif name == "tc" and "fq" in words:  # the queue that does pace
            yield "net.ipv4.tcp_pacing", "1", False
        elif name and name not in WITHOUT_EFFECT and not name.startswith("sysctl_restore"):
            raise Syntax(f"the command '{name}' is unknown; there are sysctl, defaults.sh, set_sysctls.py, echo N > /proc/sys/...")

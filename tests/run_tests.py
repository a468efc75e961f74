#!/usr/bin/env python3
"""Runs the tests and closes with one count: "N passed, N failed, N skipped".

usage: run_tests.py [--lint] [--unit PROGRAM ...] [--script] [--system [PYTEST-ARGUMENT ...]]

--lint    every check of tests/lint/lint.sh is one test
--unit    cmocka programs, two at a time; a program that dies counts as a failed test
--script  tests/script: each script is one test, and the model of TCP's states
--system  tests/qemu by pytest: the booted image on a tap device. All of them run in two lanes side by side (SKIFF_LANES says
          in how many); with arguments for pytest it is one, and pytest speaks for itself
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

LANES = 2  # of system tests
SILENT_S = 1800  # a lane that ends no test for so long hangs
LINT_CHECKS = ["includes", "sparse", "format", "shell", "words", "order"]


class Count:
    passed = failed = skipped = 0

    def add(self, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped


def lint(count):
    for check in LINT_CHECKS:
        run = subprocess.run(["tests/lint/lint.sh", check], capture_output=True, text=True)
        count.add(run.returncode == 0, run.returncode != 0)
        print(f"{'ok  ' if run.returncode == 0 else 'FAIL'} lint {check}")
        if run.returncode:
            print(run.stdout + run.stderr)


def run_program(program):
    start = time.monotonic()
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", UBSAN_OPTIONS="print_stacktrace=1", ASAN_OPTIONS="detect_leaks=1")
    try:
        run = subprocess.run([program], capture_output=True, text=True, errors="replace", env=env, timeout=900)
        output, status = run.stdout + run.stderr, run.returncode
    except subprocess.TimeoutExpired as e:
        output, status = f"{e.stdout}\nstill running after 900 s\n", -1
    plan = re.search(r"^1\.\.(\d+)", output, re.M)
    ok = re.findall(r"^ok \d+(?! # SKIP).*", output, re.M)
    skipped = re.findall(r"^ok \d+ # SKIP.*", output, re.M)
    failed = re.findall(r"^not ok \d+.*", output, re.M)
    planned = int(plan[1]) if plan else 0
    lost = max(0, planned - len(ok) - len(skipped) - len(failed))
    if (status and not failed and not lost) or not planned:
        lost += 1
    return program, len(ok), len(failed) + lost, len(skipped), output, time.monotonic() - start


def unit(programs, count):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for program, ok, failed, skipped, output, seconds in pool.map(run_program, programs):
            count.add(ok, failed, skipped)
            name = os.path.relpath(program, "build/asan/tests") if program.startswith("build/asan/") else program
            print(f"{'FAIL' if failed else 'ok  '} {name}: {ok} of {ok + failed + skipped} ({seconds:.1f} s)", flush=True)
            if failed:
                print("\n".join(l for l in output.splitlines() if not re.match(r"^ok \d+", l)))


def script(paths, count):
    run = subprocess.run([sys.executable, "tests/script/run.py", *paths], capture_output=True, text=True)
    for line in re.split(r"^(?=ok  |FAIL|skip)", run.stdout, flags=re.M)[1:]:
        count.add(line.startswith("ok"), line.startswith("FAIL"), line.startswith("skip"))
        if not line.startswith("ok"):
            print(line.rstrip() if not line.startswith("skip") else line.strip())
    summary = re.search(r"^\d+ passed, .*", run.stdout, re.M)
    print(f"script: {summary[0] if summary else 'the runner died'}")
    if not summary:
        print(run.stdout + run.stderr)
        count.add(0, 1)


PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "-rs"]


def count_report(report, status, count):
    """Adds what pytest's report says. Return: how many tests are in it."""
    try:
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
        total, failed, skipped, errors = (int(suite.get(k)) for k in ("tests", "failures", "skipped", "errors"))
        failed += errors + (status not in (0, 1))
        count.add(max(0, total - failed - skipped), failed, skipped)
        return total
    except (OSError, AttributeError, xml.etree.ElementTree.ParseError):
        print("FAIL pytest left no report")
        count.add(0, 1)
        return 0


def system(arguments, count):
    if not arguments:
        return system_lanes(int(os.environ.get("SKIFF_LANES") or LANES), count)
    report = "build/system.xml"
    run = subprocess.run([*PYTEST, "-q", f"--junitxml={report}", "tests/qemu", *arguments])
    count_report(report, run.returncode, count)


class Progress:
    """A line for each file of system tests when all of it has run, in whichever lanes."""

    def __init__(self):
        listed = subprocess.run([*PYTEST, "--collect-only", "-qq", "tests/qemu"], capture_output=True, text=True).stdout
        self.planned = {file: int(n) for file, n in re.findall(r"^(tests/qemu/\S+\.py): (\d+)$", listed, re.M)}
        self.seen, self.bad, self.start = {}, {}, time.monotonic()

    def line(self, line):
        match = re.match(r"(tests/qemu/\S+\.py)::(.+) (PASSED|SKIPPED|FAILED|ERROR)\b", line)
        if not match:
            return
        file, name, verdict = match.groups()
        seen, bad = self.seen.setdefault(file, set()), self.bad.setdefault(file, set())
        if verdict in ("FAILED", "ERROR"):
            bad.add(name)
            print(f"FAIL {file}::{name}", flush=True)
        if name not in seen:
            seen.add(name)
            if len(seen) == self.planned.get(file):
                print(f"{'FAIL' if bad else 'ok  '} {file[6:-3]}: {len(seen) - len(bad)} of {len(seen)} "
                      f"(at {time.monotonic() - self.start:.0f} s)", flush=True)


def guard(lane):
    """Ends the lane if it is silent for too long; what it has not run then counts as failed."""
    timer = threading.Timer(SILENT_S, lane.kill)
    timer.daemon = True
    timer.start()
    return timer


def run_lane(number, folder, progress):
    """One pytest, which takes what no other has taken. Return: its status, and what it says about failures and skips."""
    lines = []
    with subprocess.Popen([*PYTEST, "-v", f"--junitxml=build/system-{number}.xml", "tests/qemu"], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, SKIFF_LANE=folder)) as lane:
        watchdog = guard(lane)
        for line in lane.stdout:
            watchdog.cancel()
            lines.append(line)
            progress.line(line)
            watchdog = guard(lane)
        watchdog.cancel()
    output = "".join(lines)
    pathlib.Path(f"build/system-{number}.log").write_text(output)
    said = re.search(r"^=+ (FAILURES|ERRORS|short test summary info) =+$(?s:.*)", output, re.M)
    return lane.returncode, said[0] if said else "" if lane.returncode == 0 else output


def system_lanes(lanes, count):
    """Side by side, since tests wait most of the time: see tests/qemu/conftest.py."""
    progress, total = Progress(), 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        for number in range(lanes):
            pathlib.Path(f"build/system-{number}.xml").unlink(missing_ok=True)
        for number, (status, said) in enumerate(pool.map(lambda n: run_lane(n, folder, progress), range(lanes))):
            total += count_report(f"build/system-{number}.xml", status, count)
            print(said, end="")
    lost = sum(progress.planned.values()) - total
    if lost or not total:
        print(f"FAIL {lost} of {sum(progress.planned.values())} system tests were run by no lane")
        count.add(0, max(1, lost))


def main(argv):
    sections = {}
    for word in argv:
        if word in ("--lint", "--unit", "--script", "--system"):
            current = sections.setdefault(word, [])
        elif sections:
            current.append(word)
        else:
            sys.exit(__doc__)
    count = Count()
    if "--lint" in sections:
        lint(count)
    if "--unit" in sections:
        unit(sections["--unit"], count)
    if "--script" in sections:
        script(sections["--script"], count)
    if "--system" in sections:
        system(sections["--system"], count)
    print(f"\n{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    sys.exit(bool(count.failed) or not count.passed)


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env python3
"""Runs the tests and closes with one count: "N passed, N failed, N skipped".

usage: run_tests.py [--lint] [--unit PROGRAM ...] [--script] [--system [PYTEST-ARGUMENT ...]]

--lint    every check of tests/lint/lint.sh is one test
--unit    cmocka programs, two at a time; a program that dies counts as a failed test
--script  tests/script: each script is one test, and the model of TCP's states
--system  tests/qemu by pytest: the booted image on a tap device
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

LINT_CHECKS = ["includes", "sparse", "format", "shell", "words"]


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


def system(arguments, count):
    report = "build/system.xml"
    run = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rs", "--tb=short",
                          f"--junitxml={report}", "tests/qemu", *arguments])
    try:
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
        total, failed, skipped = (int(suite.get(k)) for k in ("tests", "failures", "skipped"))
        failed += int(suite.get("errors"))
        if run.returncode not in (0, 1):
            failed += 1
        count.add(total - failed - skipped, failed, skipped)
    except (OSError, AttributeError, xml.etree.ElementTree.ParseError):
        print("FAIL pytest left no report")
        count.add(0, 1)


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

#!/usr/bin/env python3
"""Which lines and branches of a folder the tests reach, and which not.

usage: coverage.py BUILD FOLDER PROGRAM ...     BUILD is compiled with gcc --coverage; the programs run, and the TCP scripts

A line or branch of a header counts as reached if it is in any file that includes it. gcc counts a branch for each way
out of a condition, "a && b" has four. The whole report is written to BUILD/report.txt.
"""
import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(build, programs):
    """True if all passed. What failed says so itself; coverage is reported all the same."""
    env = dict(os.environ, SKIFF_LIBRARY=str((build / "libskiff.so").resolve()))
    command = [sys.executable, "tests/run_tests.py", "--unit", *programs, "--script"]
    return subprocess.run(command, env=env).returncode == 0


def counts(build, folder):
    """What gcov knows of each object of the folder, as parsed JSON."""
    data = sorted((build / "raw" / folder).glob("*.gcda"))
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["gcov", "--json-format", "--branch-probabilities", *(str(d.resolve()) for d in data)], cwd=directory,
                       check=True, stdout=subprocess.DEVNULL)
        for path in pathlib.Path(directory).glob("*.json.gz"):
            yield from json.loads(gzip.decompress(path.read_bytes()))["files"]


class Source:
    def __init__(self):
        self.lines, self.branches, self.functions = collections.Counter(), collections.Counter(), collections.Counter()
        self.starts = {}

    def add(self, file):
        for line in file["lines"]:
            self.lines[line["line_number"]] += line["count"]
            for i, branch in enumerate(line["branches"]):
                self.branches[line["line_number"], i] += branch["count"]
        for function in file["functions"]:
            self.functions[function["name"]] += function["execution_count"]
            self.starts[function["name"]] = function["start_line"]

    def missed_functions(self):
        return sorted((self.starts[name], name) for name, count in self.functions.items() if not count)

    def missed_lines(self):
        return sorted(line for line, count in self.lines.items() if not count)

    def half_taken(self):
        """Lines that ran, and never left by one of their ways."""
        return sorted({line for (line, _), count in self.branches.items() if not count and self.lines[line]})


def collect(build, folder):
    sources = collections.defaultdict(Source)
    for file in counts(build, folder):
        if file["file"].startswith(f"{folder}/"):
            sources[file["file"]].add(file)
    for path in (ROOT / folder).glob("*.c"):  # a file nobody calls has no data; it shows as 0 of 0
        sources[str(path.relative_to(ROOT))]
    return dict(sorted(sources.items()))


def share(counter):
    reached = sum(count > 0 for count in counter.values())
    return f"{reached:6} of {len(counter):5} {100 * reached / max(1, len(counter)):6.1f} %"


def report(sources, out):
    total = Source()
    print(f"{'':34}{'lines':>23}{'branches':>24}", file=out)
    for name, source in sources.items():
        print(f"{name:34}{share(source.lines)} {share(source.branches)}", file=out)
        total.lines.update({(name, k): v for k, v in source.lines.items()})
        total.branches.update({(name, k): v for k, v in source.branches.items()})
    print(f"{'together':34}{share(total.lines)} {share(total.branches)}", file=out)


def report_missed(sources, out):
    print("\nfunctions never called:", file=out)
    for name, source in sources.items():
        for line, function in source.missed_functions():
            print(f"  {name}:{line}: {function}()", file=out)
    for title, missed in (("lines never reached:", Source.missed_lines), ("lines that never took one of their ways:", Source.half_taken)):
        print(f"\n{title}", file=out)
        for name, source in sources.items():
            text = (ROOT / name).read_text().splitlines()
            for line in missed(source):
                print(f"  {name}:{line}: {text[line - 1].strip()}", file=out)


def main(argv):
    if len(argv) < 3:
        sys.exit(__doc__)
    build, folder, programs = pathlib.Path(argv[0]), argv[1].strip("/"), argv[2:]
    os.chdir(ROOT)
    passed = run(build, programs)
    sources = collect(build, folder)
    with open(build / "report.txt", "w") as file:
        report(sources, file)
        report_missed(sources, file)
    text = (build / "report.txt").read_text()
    print("\n" + text.partition("\nlines that never took")[0])
    print(f"every branch not taken is in {build}/report.txt")
    sys.exit(not passed)


if __name__ == "__main__":
    main(sys.argv[1:])

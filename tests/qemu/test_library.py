"""libskiff.so, as an outside tool uses it."""
import os
import subprocess

from conftest import ROOT, sh


def test_library_example_of_a_page_builds_and_runs(tmp_path):
    program = tmp_path / "hello"
    sh("gcc", "-Wall", "-Werror", "-I", ROOT, ROOT / "tests/example/hello_skiff.c", ROOT / "build/host/libskiff.so", "-o", program)
    out = subprocess.run([program], check=True, capture_output=True, text=True, timeout=30).stdout
    assert 'bob heard "ahoy"' in out and "retransmitted 1 segment" in out


def test_library_shows_its_own_names_only():
    symbols = sh("nm", "-D", "--defined-only", ROOT / "build/host/libskiff.so").stdout.split("\n")
    names = [line.split()[2] for line in symbols if line]
    assert names and all(n.startswith("skiff_") for n in names), names
    assert os.path.getsize(ROOT / "build/host/libskiff.so") > 0


def test_library_carries_one_connection_round_the_circle_of_sequence_numbers(tmp_path):  # RFC 9293 3.4
    program, seed = tmp_path / "round", 1
    sh("gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-I", ROOT, ROOT / "tests/wire/round.c",
       ROOT / "build/host/libskiff.so", "-o", program)
    run = subprocess.run([program, "4.6", str(seed)], capture_output=True, text=True, timeout=900)
    assert run.returncode == 0 and run.stdout.startswith("ok"), f"seed {seed}: {run.stdout} {run.stderr}"

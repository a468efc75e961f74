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

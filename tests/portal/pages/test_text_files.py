"""Files that are not text as every program reads it: refused, with file and line."""

import pytest

from portal.__main__ import main
from portal.text.utf8 import read

WRONG = {
    "docs/attention/small.rst": b"\xef\xbb\xbf:summary: S.\n",
    "docs/references.bib": "@misc{real, author={Bée}}".encode("latin-1"),
    "snippets/attention/small.py": b'"""M."""\n\n\x0c\ndef small(x):\n    return x\n',
    "snippets/attention/plot_small_line.py": '"""A\n\u2028B"""\n'.encode(),
    "tests/attention/test_small.py": "x = 1\ny = 2\n".encode("utf-16"),
}
PROBLEMS = {
    "docs/attention/small.rst:1": "a byte-order mark: save the file as UTF-8 without",
    "docs/references.bib:1": "the byte 0xE9 is not UTF-8",
    "snippets/attention/small.py:3": "U+000C is neither shown nor the end of a line",
    "snippets/attention/plot_small_line.py:2": "U+2028 is neither shown nor the end",
    "tests/attention/test_small.py:1": "the byte 0xFF is not UTF-8",
}


def test_all_such_files_are_reported_and_nothing_else(site, make_html):
    root = site()
    for name, data in WRONG.items():
        (root / name).write_bytes(data)
    build = make_html(root)
    assert build.status != 0
    for place, problem in PROBLEMS.items():
        assert f"{place}: ERROR: {problem}" in build.output
    assert build.output.count("ERROR") == len(PROBLEMS)
    assert "raceback" not in build.output


@pytest.mark.parametrize(
    "name", ["docs/attention/small.rst", "tests/attention/test_small.py"]
)
def test_the_command_line_reports_them_too(site, capsys, name):
    root = site()
    (root / name).write_bytes(WRONG[name])
    assert main(["why", "attention/small"], root) == 1
    assert f"({name.rpartition('/')[2]}, line 1)" in capsys.readouterr().err


def test_line_ends_of_every_system_are_the_same_text(tmp_path):
    (tmp_path / "a").write_bytes("é\r\n\tb\r\nc\r".encode())
    assert read(tmp_path / "a") == "é\n\tb\nc\n"

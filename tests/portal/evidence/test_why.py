"""``why`` tells which tasks of a page are fresh, and what changed for the others."""

import subprocess
import sys

import pytest

from portal.__main__ import main

SCRIPT = "attention/plot_small_line.py"
TEST = "attention/test_small.py"
TRACE = ".. snippet:: attention.small.small\n   :shapes: small(torch.ones(2))\n"


@pytest.fixture
def why(site, capsys):
    def why(root):
        capsys.readouterr()
        assert main(["why", "attention/small"], root) == 0
        return dict(
            line.split(": ", 1) for line in capsys.readouterr().out.split("\n")[:-1]
        )

    return why


@pytest.fixture
def built(site, make_html, script):
    code = script.replace("import mat", "import snippets.attention.small\nimport mat")
    root = site(files={"snippets/attention/plot_small_line.py": f"{code}\n# why\n"})
    (root / "build/evidence").unlink()
    build = make_html(root)
    assert build.status == 0, build.output
    return root


def test_fresh_after_a_build_and_stale_after_an_edit(built, why):
    assert why(built) == {SCRIPT: "fresh", TEST: "fresh"}
    module = built / "snippets/attention/small.py"
    module.write_text(f"{module.read_text()}\n# edited after the build\n")
    assert why(built) == {
        SCRIPT: "stale, changed: snippets/attention/small.py",
        TEST: "fresh",
    }
    script = built / "snippets/attention/plot_small_line.py"
    script.write_text(f"import json\n{script.read_text()}")
    changed = "snippets/attention/plot_small_line.py, snippets/attention/small.py"
    assert why(built)[SCRIPT] == f"stale, changed: {changed}"


def test_settings_are_named(built, why):
    conf = built / "conf.py"
    conf.write_text(
        f"{conf.read_text()}\nsphinx_gallery_conf['min_reported_time'] = 1\n"
    )
    assert why(built)[SCRIPT] == "stale, changed: settings"


def test_a_result_that_is_damaged_is_stale(built, why):
    for file in (built / "build/evidence").glob(
        "*/files/gallery/*/plot_small_line.rst"
    ):
        file.chmod(0o644)
        file.write_text("half")
    assert why(built)[SCRIPT] == "stale, changed: its stored result"


def test_what_no_build_has_run_is_said_to_be_so(site, why, tmp_path):
    root = site(files={"docs/attention/small.rst": f"Small\n=====\n\n{TRACE}"})
    (root / "build/evidence").unlink()
    answers = why(root)
    assert len(answers) == 3
    assert set(answers.values()) == {"never ran"}
    assert any(task.startswith("attention/small.small.") for task in answers)


def test_unknown_page(site, capsys):
    assert main(["why", "attention/none"], site()) == 1
    assert "there is no page attention/none" in capsys.readouterr().err


def test_answering_imports_no_torch(built):
    code = "import sys; from portal.__main__ import main; from pathlib import Path\n"
    code += f"main(['why', 'attention/small'], Path({str(built)!r}))\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

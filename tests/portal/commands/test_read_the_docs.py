"""Hosting: the committed configuration can be rehearsed."""

import re
import subprocess

import pytest

from portal.commands.read_the_docs import commands, rehearse


def test_configuration_of_this_repository(root):
    found = commands((root / ".readthedocs.yaml").read_text())
    assert found[-1].startswith("make html ")


def test_job_of_unknown_order_is_refused():
    with pytest.raises(ValueError, match="post_build"):
        commands("build: {jobs: {post_build: [a]}}")


def test_rehearsal_runs_the_commands_in_a_clone(tmp_path):
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / ".readthedocs.yaml").write_text(
        "build: {jobs: {build: {html: ['mkdir -p $READTHEDOCS_OUTPUT/html',"
        " 'pwd > $READTHEDOCS_OUTPUT/html/where']}}}"
    )
    git = ["git", "-C", str(origin), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "One"]):
        subprocess.run([*git, *command], check=True)
    html = rehearse(origin, tmp_path / "rtd")
    assert (html / "where").read_text().strip() != str(origin)


def test_failing_command_is_an_error(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        rehearse(tmp_path, tmp_path / "rtd")


@pytest.mark.parametrize("path", ["/", "/en/latest/"])
def test_the_page_of_lost_readers_finds_its_styles(site, make_html, monkeypatch, path):
    """It is shown at any address, so that only whole paths lead to the files."""
    monkeypatch.setenv("READTHEDOCS_CANONICAL_URL", f"https://ml.example.org{path}")
    build = make_html(site())
    assert build.status == 0, build.output
    addresses = re.findall(r'(?:href|src|action)="([^"#]+)"', build.page("404"))
    own = [address for address in addresses if ":" not in address]
    assert len(own) > 10
    assert [address for address in own if not address.startswith(path)] == []
    assert any(address.startswith(f"{path}_static/portal.css") for address in own)


def test_github_serves_the_folders_that_begin_with_an_underscore(site, make_html):
    build = make_html(site())
    assert build.status == 0, build.output
    assert (build.html / ".nojekyll").read_bytes() == b""
    assert not (build.html / "CNAME").exists()  # that is the host's to name

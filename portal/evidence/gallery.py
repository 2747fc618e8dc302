"""Evidence of a gallery script: its page, notebook, figures and measured values.

Sphinx-Gallery makes these files, in a process of our own, and later finds them current.
Contact points with it, all tested in ``tests/portal/test_gallery.py``:

- ``generate_file_rst(name, target, source, gallery_conf)`` makes all files of a script;
- ``reset_argv`` is called between making a script's globals and running it;
- a script is current when ``<copy>.py.md5`` beside its copy holds the copy's digest;
- ``plot_gallery`` is false in the site's configuration, so that Sphinx-Gallery, which
  then writes the gallery's index, executes nothing itself.
"""

import json
import logging
import re
import sys
import time
import zipfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from sphinx.application import Sphinx

from portal import environment, measured
from portal.evidence.inputs import of_script
from portal.evidence.site import Site
from portal.evidence.source_tree import protect
from portal.evidence.work import Work

# By path, since they import matplotlib, which only workers need.
PORTAL = Path(__file__).parents[1]
DRAWING = ("figures", "frames", "glyphs", "inks", "legible", "palette")
STYLE = [PORTAL / f"{name}.py" for name in DRAWING]
STYLE += [Path(measured.__file__), Path(environment.__file__), Path(__file__)]
TOOLS = ("pillow",)


def _fix_zip_times(archive: Path) -> None:
    """Rewrite an archive without the times of its members, so that bytes repeat."""
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in members.items():
            new.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def make(folder: Path, script: Path, gallery_conf: dict) -> dict[str, float]:
    """Execute one script; its files come to lie below ``folder``.

    Returns the CPU seconds in which its figures were drawn.

    Raises
    ------
    ValueError
        If the script draws nothing.
    """
    from sphinx_gallery.gen_rst import generate_file_rst

    from portal.figures import scrape

    target = folder / "gallery" / script.parent.name
    target.mkdir(parents=True)
    drawing: list[float] = []
    gallery_conf = {
        **gallery_conf,
        "src_dir": str(folder),
        "plot_gallery": True,
        "abort_on_example_error": True,
        "image_scrapers": (timed(scrape, drawing), measured.keep),
        "reset_argv": as_main,
        "reset_modules": ("portal.figures.reset",),
    }
    sys.path.insert(0, str(script.parents[2]))
    protect(script.parents[2], folder)
    # An error is raised as well as logged: report it once.
    logging.getLogger("sphinx").addHandler(logging.NullHandler())
    start = time.process_time()
    generate_file_rst(script.name, target, script.parent, gallery_conf)
    seconds = {"seconds": rounded_up(time.process_time() - start)}
    (target / f"{script.stem}.run.json").write_text(json.dumps(seconds))
    (target / f"{script.stem}.cost.json").unlink()  # seconds differ from run to run
    _fix_zip_times(target / f"{script.stem}.zip")
    if not list(target.glob(f"images/sphx_glr_{script.stem}_*.svg")):
        raise ValueError("the script draws no figure: it must draw at least one")
    return {"drawing": sum(drawing)}


def timed(function: Callable, spent: list[float]) -> Callable:
    """The same function, which appends the CPU seconds of each call to a list."""

    @wraps(function)
    def call(*arguments: object) -> object:
        start = time.process_time()
        try:
            return function(*arguments)
        finally:
            spent.append(time.process_time() - start)

    return call


def as_main(gallery_conf: dict, script_vars: dict) -> list[str]:
    """The arguments of a script: none. Asked for right before the script runs.

    As with ``python plot_page.py``, a process that the script starts finds the script's
    functions and classes in its file.
    """
    names = script_vars["example_globals"]
    names.update(__file__=script_vars["src_file"], __spec__=None)
    return []


def rounded_up(seconds: float) -> int:
    """A bound that seldom changes from run to run.

    >>> [rounded_up(seconds) for seconds in (0.3, 1.7, 5.1, 70)]
    [1, 2, 10, 120]
    """
    bounds = (1, 2, 5, 10, 20, 30, 60)
    return next((bound for bound in bounds if seconds < bound), 120)


def limit(script: Path, kind: str, default: float) -> float:
    """What a script may take: ``# sphinx_gallery_time_limit = 30``, or the default.

    ``kind`` is ``time``, in seconds, or ``memory``, in GiB.
    """
    pattern = rf"(?m)^# sphinx_gallery_{kind}_limit = (\d+)$"
    declared = re.search(pattern, script.read_text("utf-8"))
    return float(declared[1]) if declared else default


def work(site: Site) -> list[Work]:
    """One piece of work for each gallery script."""
    root, conf = Path(site.confdir), site.config
    return [
        Work(
            f"{script.parent.name}/{script.name}",
            script,
            of_script(script, root, STYLE, conf.evidence_settings, TOOLS),
            make,
            (script, conf.sphinx_gallery_conf),
            limit(script, "time", conf.evidence_time_limit),
            memory=limit(script, "memory", conf.evidence_memory_limit),
        )
        for script in sorted(root.glob("snippets/*/plot_*.py"))
    ]


def setup(app: Sphinx) -> None:
    app.setup_extension("sphinx_gallery.gen_gallery")

"""Executes a gallery script: its page, notebook, figures and measured values."""

import json
import logging
import time
import zipfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from sphinx_gallery.gen_rst import generate_file_rst

from portal.worker.enter import enter
from portal.worker.figures import reset, scrape
from portal.worker.measured import keep


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
    target = folder / "gallery" / script.parent.name
    target.mkdir(parents=True)
    drawing: list[float] = []
    gallery_conf = {
        **gallery_conf,
        "image_scrapers": (timed(scrape, drawing), keep),
        "reset_modules": (reset,),
        "src_dir": str(folder),
        "plot_gallery": True,
        "abort_on_example_error": True,
        "reset_argv": as_main,
    }
    enter(script.parents[2], folder)
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

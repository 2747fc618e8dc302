"""Run the gallery scripts whose evidence is missing; Sphinx-Gallery runs none.

Contact points with Sphinx-Gallery, all tested in ``tests/portal/test_gallery.py``:

- ``generate_file_rst(name, target, source, gallery_conf)`` makes all files of a script;
- a script is current when ``<copy>.py.md5`` beside its copy holds the copy's digest;
- ``plot_gallery`` is false in the site's configuration, so that Sphinx-Gallery, which
  then writes the gallery's index, executes nothing itself.
"""

import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.display import status_iterator

from portal import figures
from portal.evidence import inputs
from portal.evidence.process import Outcome, Task, run
from portal.evidence.store import Store

logger = logging.getLogger(__name__)
STYLE = [Path(figures.__file__)]
LIMIT = re.compile(r"^# sphinx_gallery_time_limit = (\d+)$", re.MULTILINE)


def scripts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/plot_*.py"))


def _fix_zip_times(archive: Path) -> None:
    """Rewrite an archive without the times of its members, so that bytes repeat."""
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in members.items():
            new.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def make(script: Path, scratch: Path, gallery_dir: str, gallery_conf: dict) -> None:
    """Execute one script; its page, notebook and figures come to lie in ``scratch``."""
    from sphinx_gallery.gen_rst import generate_file_rst

    target = scratch / gallery_dir / script.parent.name
    target.mkdir(parents=True)
    gallery_conf = {
        **gallery_conf,
        "src_dir": str(scratch),
        "plot_gallery": True,
        "abort_on_example_error": True,
    }
    sys.path.insert(0, str(script.parents[2]))
    generate_file_rst(script.name, target, script.parent, gallery_conf)
    archive = target / f"{script.stem}.zip"
    _fix_zip_times(archive)
    if not list(target.glob(f"images/sphx_glr_{script.stem}_*.png")):
        raise ValueError("no figure: a gallery script draws at least one")


def sweep(gallery: Path, live: set[Path]) -> None:
    """Remove what deleted and renamed scripts left in the gallery."""
    stems = {path.stem for path in live}
    for folder in [path for path in gallery.glob("*") if path.is_dir()]:
        if folder.name not in {path.parent.name for path in live}:
            shutil.rmtree(folder)
            continue
        for file in folder.rglob("*plot_*"):
            stem = re.sub(r"^sphx_glr_", "", file.name).split(".")[0]
            stem = re.sub(r"_(\d{3}(_\w+)?|thumb)$", "", stem)
            if stem not in stems and file.is_file():
                file.unlink()


def _time_limit(script: Path, default: float) -> float:
    declared = LIMIT.search(script.read_text("utf-8"))
    return float(declared[1]) if declared else default


def _tasks(app: Sphinx, stale: list[Path], store: Store) -> list[Task]:
    """One task for each stale script, the longest of last time first."""
    conf = app.config.sphinx_gallery_conf
    seconds = store.seconds()
    tasks = []
    for script in sorted(stale, key=lambda script: -seconds.get(_name(script), 1e9)):
        scratch = store.scratch()
        arguments = (script, scratch / "files", conf["gallery_dirs"][0], conf)
        limit = _time_limit(script, app.config.evidence_time_limit)
        log = scratch / "log"
        tasks.append(Task(_name(script), script, make, arguments, log, limit))
    return tasks


def _name(script: Path) -> str:
    return f"{script.parent.name}/{script.name}"


def execute(
    app: Sphinx, wanted: dict[Path, inputs.Inputs], store: Store
) -> list[Outcome]:
    """Run the scripts without an entry, keep what succeeds, return what failed."""
    stale = [script for script in wanted if store.get(wanted[script]) is None]
    tasks, failed = _tasks(app, stale, store), []
    workers = os.cpu_count() or 1
    outcomes = run(tasks, workers, ["portal.evidence.preload"]) if tasks else []
    for outcome in status_iterator(
        outcomes,
        "running gallery scripts... ",
        length=len(tasks),
        stringify_func=lambda outcome: f"{outcome.task.name} {outcome.seconds:.1f} s",
    ):
        task = outcome.task
        if outcome.problem:
            failed.append(outcome)
        else:
            store.put(task.log.parent, task.name, wanted[task.script], outcome.seconds)
    return failed


def update(app: Sphinx) -> None:
    """Make missing evidence, and put all of it where Sphinx-Gallery looks.

    When scripts fail, the build ends after all have run: every failure is reported,
    what succeeded is kept, and the pages that were there are untouched. A second build
    waits until the first has made its evidence.
    """
    store = Store(Path(app.confdir, "build/evidence"))
    with store.lock():
        store.sweep()
        _update(app, store)


def _update(app: Sphinx, store: Store) -> None:
    conf = app.config.sphinx_gallery_conf
    root = Path(app.confdir)
    source = Path(app.srcdir, conf["examples_dirs"][0]).resolve()
    settings = app.config.evidence_settings
    try:
        wanted = {
            script: inputs.of_script(script, root, STYLE, settings)
            for script in scripts(source)
        }
    except SyntaxError as error:
        logger.error(error.msg, location=f"{error.filename}:{error.lineno}")
        raise SystemExit(1) from error
    failed = execute(app, wanted, store)
    for outcome in failed:
        logger.error(outcome.report(), location=outcome.place)
    if failed:
        store.sweep()
        logger.error("%d gallery scripts failed: the build stops", len(failed))
        raise SystemExit(1)
    sweep(Path(app.srcdir, conf["gallery_dirs"][0]), set(wanted))
    for script in wanted:
        store.get(wanted[script]).copy_to(Path(app.srcdir))


def remember_settings(app: Sphinx, config: Config) -> None:
    """Keep the settings as written, before Sphinx-Gallery completes them."""
    config.evidence_settings = repr(sorted(config.sphinx_gallery_conf.items()))


def setup(app: Sphinx) -> None:
    app.setup_extension("sphinx_gallery.gen_gallery")
    app.add_config_value("evidence_settings", "", "", str)
    app.add_config_value("evidence_time_limit", 120.0, "", (float, int))
    app.connect("config-inited", remember_settings, priority=5)  # Sphinx-Gallery: 10
    app.connect("builder-inited", update, priority=400)  # Sphinx-Gallery: 500

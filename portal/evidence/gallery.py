"""Evidence of a gallery script: its page, notebook, figures and measured values.

Sphinx-Gallery makes these files, in a process of our own, and later finds them current.
Contact points with it, all tested in ``tests/portal/evidence/test_gallery.py``:

- ``generate_file_rst(name, target, source, gallery_conf)`` makes all files of a script;
- ``reset_argv`` is called between making a script's globals and running it;
- a script is current when ``<copy>.py.md5`` beside its copy holds the copy's digest;
- ``plot_gallery`` is false in the site's configuration, so that Sphinx-Gallery, which
  then writes the gallery's index, executes nothing itself.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

from portal.evidence.inputs import of_script
from portal.evidence.site import Site
from portal.evidence.work import Work

MAKER = "portal.worker.script:make"


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
            of_script(script, root, MAKER, conf.evidence_settings),
            MAKER,
            (script, conf.sphinx_gallery_conf),
            limit(script, "time", conf.evidence_time_limit),
            memory=limit(script, "memory", conf.evidence_memory_limit),
        )
        for script in sorted(root.glob("snippets/*/plot_*.py"))
    ]


def setup(app: Sphinx) -> None:
    app.setup_extension("sphinx_gallery.gen_gallery")

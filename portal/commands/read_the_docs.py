"""``make rtd`` builds as the hosting service will: the commands of its configuration.

They run in a fresh clone of the last commit, with ``READTHEDOCS_OUTPUT`` in a scratch
folder.
"""

import os
import shutil
import subprocess
from pathlib import Path

import yaml


def commands(configuration: str) -> list[str]:
    """The shell commands of all jobs, in the order in which they run.

    >>> commands("build: {jobs: {install: [a], build: {html: [b, c]}}}")
    ['a', 'b', 'c']
    """
    jobs = yaml.safe_load(configuration)["build"]["jobs"]
    order = ["post_checkout", "create_environment", "install", "build"]
    unknown = set(jobs) - set(order)
    if unknown:
        named = ", ".join(sorted(unknown))
        raise ValueError(f".readthedocs.yaml has jobs that are not rehearsed: {named}")
    found = []
    for job in order:
        steps = jobs.get(job, [])
        found += steps["html"] if isinstance(steps, dict) else steps
    return found


def rehearse(root: Path, scratch: Path) -> Path:
    """Clone the last commit into ``scratch``, run the commands; returns the site.

    Raises
    ------
    subprocess.CalledProcessError
        If a command fails; its output has been shown.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    clone, output = scratch / "clone", scratch / "output"
    subprocess.run(
        ["git", "clone", "--quiet", str(root.resolve()), str(clone)], check=True
    )
    environment = {**os.environ, "READTHEDOCS_OUTPUT": str(output)}
    for command in commands((clone / ".readthedocs.yaml").read_text()):
        print(f"$ {command}", flush=True)
        subprocess.run(["bash", "-c", command], cwd=clone, env=environment, check=True)
    return output / "html"

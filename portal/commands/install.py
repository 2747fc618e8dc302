"""``make install``: is what the package declares all that its snippets need?

The package goes into an environment of its own, with what ``pyproject.toml`` declares
for its readers, at the versions of the lock. Each of its modules is then imported
there, far from the checkout. Scripts of figures run what they import: they are left to
the build.
"""

import shutil
import subprocess
import tempfile
import venv
from pathlib import Path

from portal.commands import resolver

IMPORT_ALL = """\
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
    if not module.name.rpartition(".")[2].startswith("plot_"):
        try:
            importlib.import_module(module.name)
        except Exception as error:
            print(f"{module.name}: {error}")
"""


def failing_imports(python: Path | str, package: str, *options: str) -> list[str]:
    """Modules of an installed package that do not import, each with its reason."""
    with tempfile.TemporaryDirectory() as elsewhere:
        run = subprocess.run(
            [python, *options, "-c", IMPORT_ALL, package],
            cwd=elsewhere,
            capture_output=True,
            text=True,
            check=False,
        )
    return run.stdout.splitlines() + ([run.stderr] if run.returncode else [])


def try_install(root: Path) -> list[str]:
    """Install the package anew; returns what does not import.

    Raises
    ------
    resolver.Unreachable
        If no package index answers.
    subprocess.CalledProcessError
        If it cannot be installed; pip has said why.
    """
    resolver.compiled(root, "requirements.lock", "--no-deps")  # is there an index?
    shutil.rmtree(root / "build/lib", ignore_errors=True)  # modules that went
    folder = root.resolve() / "build/installed"
    venv.create(folder, clear=True, with_pip=True)
    python = folder / "bin/python"
    pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    pins = ["--no-compile", "--constraint", "requirements.lock"]
    subprocess.run([*pip, *pins, "."], cwd=root, check=True)
    return failing_imports(python, "snippets", "-I")

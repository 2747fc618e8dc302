"""A build of the site for ``make live``, in a process of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from portal.live.problems import Problem, problems

SHOWN = ("making evidence... [", "waiting for")  # of what Sphinx says beside problems


@dataclass(frozen=True)
class Build:
    """Where it is built from, and below which folder."""

    root: Path
    folder: Path

    @property
    def html(self) -> Path:
        return self.folder / "html"

    @property
    def report(self) -> Path:
        return self.folder / "problems.txt"

    def run(self) -> list[Problem]:
        """Build what has changed; the problems are also printed."""
        self.report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-j", "auto"]
        command += ["-b", "html", "-c", self.root, "-d", self.folder / "doctrees"]
        command += ["-w", self.report, self.root / "docs", self.html]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if line.startswith(SHOWN):
                    print(line, end="", flush=True)
        return self.found(process.returncode)

    def found(self, status: int) -> list[Problem]:
        """The problems that were reported, or at least that there were some."""
        text = self.report.read_text("utf-8") if self.report.exists() else ""
        found = list(problems(text, str(self.root)))
        if status and not found:
            return [Problem("", f"the build ended with status {status}: {text}")]
        return found

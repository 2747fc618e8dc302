"""Write what was measured: ``results.md`` with its targets, and ``results.svg``."""


def about() -> dict[str, str]:
    """The machine, the versions, the commit and the date."""
    import os
    import platform
    import subprocess
    import sys
    import time
    from importlib.metadata import version

    from benchmarks.site import REPOSITORY

    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=REPOSITORY, capture_output=True, text=True).stdout
    names = ("sphinx", "sphinx-gallery", "furo", "matplotlib", "numpy", "torch")
    return {
        "Cores": str(os.cpu_count()),
        "Memory": f"{pages / 2**30:.0f} GiB",
        "Load before the first build": f"{os.getloadavg()[0]:.1f}",
        "System": f"{platform.system()}, {platform.machine()}",
        "Python": ".".join(map(str, sys.version_info[:3])),
        **{name: version(name) for name in names},
        "Commit": commit.strip(),
        "Date": time.strftime("%Y-%m-%d"),
    }

"""Versions of the installed packages, by the names under which code imports them."""

from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

# Asking the environment which distribution has a package takes 0.3 s.
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn"}


@cache
def installed(package: str) -> str:
    """Version of the distribution that provides an importable package."""
    try:
        return version(DISTRIBUTIONS.get(package, package))
    except PackageNotFoundError:
        providers = packages_distributions().get(package, [])
        return ", ".join(f"{name} {version(name)}" for name in providers) or "absent"

"""What evidence needs to know of a site, with a running Sphinx or without one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.tags import Tags

from portal.order import Configured

SETTINGS = (
    ("evidence_settings", "", "", str),
    ("evidence_memory_limit", 4.0, "", (float, int)),  # GiB of one task
    ("evidence_shard", "", "", str),  # k/n: make this share, and build no page
    ("evidence_time_limit", 120.0, "", (float, int)),  # seconds of one task
)


class Site(Protocol):
    """The attributes of ``Sphinx`` from which work is listed."""

    confdir: Path
    srcdir: Path
    config: Config


@dataclass(frozen=True)
class UnbuiltSite:
    """The same without Sphinx; ``config`` lacks what extensions complete."""

    confdir: Path
    srcdir: Path
    config: Config


def documents(site: Site) -> list[Path]:
    """The documents that authors write: all but those of the gallery."""
    source = Path(site.srcdir)
    gallery = source / "gallery"
    found = sorted(source.rglob("*.rst"))
    return [path for path in found if not path.is_relative_to(gallery)]


def read(root: Path) -> UnbuiltSite:
    """The site whose ``conf.py`` and ``docs`` lie in ``root``."""
    config = Config.read(root, overrides={}, tags=Tags())
    for setting in (*SETTINGS, ("sphinx_gallery_conf", {}, "", dict)):
        config.add(*setting)
    site = UnbuiltSite(root, root / "docs", config)
    remember_settings(site, config)
    return site


def remember_settings(site: Site, config: Config) -> None:
    """Keep the gallery's settings as written, before Sphinx-Gallery completes them."""
    config.evidence_settings = repr(sorted(config.sphinx_gallery_conf.items()))


def setup(app: Sphinx) -> None:
    for setting in SETTINGS:
        app.add_config_value(*setting)
    app.connect("config-inited", remember_settings, priority=Configured.GALLERY)

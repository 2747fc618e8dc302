"""The styles of sources, registered once.

pybtex asks all installed packages for a style each time that it needs one, which is
several times a page. What has been registered with it is found at once.
"""

from functools import cache

from pybtex.backends import plaintext
from pybtex.plugin import find_plugin, register_plugin
from pybtex.style.labels import alpha
from pybtex.style.names import plain
from pybtex.style.sorting import none
from sphinx.application import Sphinx
from sphinx.config import Config

USED = {  # what sphinxcontrib-bibtex and its style ask for, beside the style itself
    ("pybtex.backends", "plaintext"): plaintext.Backend,
    ("pybtex.style.labels", "alpha"): alpha.LabelStyle,
    ("pybtex.style.names", "plain"): plain.NameStyle,
    ("pybtex.style.sorting", "none"): none.SortingStyle,
}


@cache  # to register also asks all packages
def register(default: str) -> None:
    group = "pybtex.style.formatting"
    style = {(group, default): find_plugin(group, default)}
    for (group, name), found in {**USED, **style}.items():
        register_plugin(group, name, found, force=True)


def configure(app: Sphinx, config: Config) -> None:
    register(config.bibtex_default_style)


def setup(app: Sphinx) -> None:
    app.connect("config-inited", configure)

"""The styles of sources, each looked up once.

pybtex asks all installed packages for a style each time that it needs one, which is
several times a page. What has been registered with it is found at once.
"""

from pybtex.plugin import find_plugin, register_plugin
from sphinx.application import Sphinx
from sphinx.config import Config

USED = {  # what sphinxcontrib-bibtex and its style ask for, beside the style itself
    "pybtex.backends": "plaintext",
    "pybtex.style.labels": "alpha",
    "pybtex.style.names": "plain",
    "pybtex.style.sorting": "none",
}


def register(app: Sphinx, config: Config) -> None:
    style = {"pybtex.style.formatting": config.bibtex_default_style}
    for group, name in {**USED, **style}.items():
        register_plugin(group, name, find_plugin(group, name), force=True)


def setup(app: Sphinx) -> None:
    app.connect("config-inited", register)

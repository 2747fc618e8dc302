"""Links that open a notebook in Colab, where the portal's repository is on GitHub.

Colab opens what lies in a branch there. The continuous integration writes the notebooks
of the site to the branch ``notebooks``; their first cell installs what they import.
"""

from collections.abc import Collection

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.pages.late import connect, late

GITHUB = "https://github.com/"
COLAB = "https://colab.research.google.com/github/{}/blob/notebooks/{}.ipynb"


class colab_link(late):
    """Stands for the link to the notebook of one script."""


def address(repository: str, script: str) -> str:
    """Where Colab opens a notebook; empty if it cannot.

    >>> address("https://github.com/a/b/", "plot_c")
    'https://colab.research.google.com/github/a/b/blob/notebooks/plot_c.ipynb'
    >>> address("https://gitlab.com/a/b", "plot_c")
    ''
    """
    if not repository.startswith(GITHUB):
        return ""
    return COLAB.format(repository.removeprefix(GITHUB).strip("/"), script)


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, str]:
    repository = env.config.html_theme_options.get("source_repository", "")
    return {script: address(repository, script) for script in wanted}


def render(app: Sphinx, docname: str, node: colab_link, view: str) -> list[nodes.Node]:
    if not view:
        return []
    link = nodes.reference("", "open in Colab", refuri=view, internal=False)
    return [nodes.Text(", "), link]


def setup(app: Sphinx) -> None:
    connect(app, colab_link, views, render)

"""Links that download a file of the repository as it is."""

from docutils import nodes
from sphinx import addnodes
from sphinx.environment import BuildEnvironment


def link(env: BuildEnvironment, text: str, target: str) -> nodes.Node:
    """A link to the file ``target``, its path from the root of the repository."""
    node = addnodes.download_reference("", text, refdoc=env.docname, reftype="download")
    node["reftarget"] = f"/../{target}"
    return node

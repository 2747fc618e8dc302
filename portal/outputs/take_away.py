"""What readers download runs without a checkout: each file says where its imports are.

The site carries the package as a wheel, below ``code``. A notebook begins with a cell
that installs it where it is missing, and has links in place of the roles of Sphinx. A
script or module has a comment on top. Without a public address of the site both name
the wheel by its path in the folder of the site.
"""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import quote

from sphinx.application import Sphinx

from portal.order import Finished
from portal.outputs.wheel import PROJECT, wheel
from portal.pages import titles
from portal.pages.citation import public_address

FOLDER = "code"
ROLE = re.compile(r":(\w+):`(?:([^`<]+) <)?([^`>]+)>?`")
CELL = """\
# What follows imports modules of {site}, from the package `snippets`.
# Where it is missing, this cell installs it, with the packages that it needs.{hint}
try:
    import snippets
except ModuleNotFoundError:
    %pip install --quiet "{wheel}\""""
HINT = """
# The wheel lies in the folder of the site; elsewhere, write here where it is."""
COMMENT = """\
# From {site}, version {version}. Imports that begin with `snippets` come with:
#     pip install "{wheel}"
"""


def address(app: Sphinx, docname: str) -> str:
    """Where a page is, as precisely as it is known."""
    return public_address(app, docname) or app.builder.get_target_uri(docname)


def linked(app: Sphinx, text: str) -> str:
    """Markdown in which roles of Sphinx are links and words."""

    def shown(role: re.Match) -> str:
        name, given, target = role.groups()
        page = target.strip("/")
        if name == "doc" and page in app.env.titles:
            return f"[{given or titles.title(app.env, page)}]({address(app, page)})"
        return f"`{given or target}`"

    return ROLE.sub(shown, text)


def with_cell(app: Sphinx, notebook: str, cell: str) -> str:
    """A notebook whose first code installs what the others import."""
    content = json.loads(notebook)
    for part in content["cells"]:
        if part["cell_type"] == "markdown":
            part["source"] = linked(app, "".join(part["source"])).splitlines(True)
    place = next(n for n, c in enumerate(content["cells"]) if c["cell_type"] == "code")
    made = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    made["source"] = cell.splitlines(True)
    content["cells"].insert(place, made)
    return json.dumps(content, indent=1)


def publish(app: Sphinx, exception: Exception | None) -> None:
    root, builder = Path(app.confdir), app.builder
    if exception or builder.name != "html" or not (root / PROJECT).is_file():
        return
    made, folder = wheel(root), Path(app.outdir, FOLDER)
    folder.mkdir(exist_ok=True)
    shutil.copyfile(made, folder / made.name)
    site = public_address(app, app.config.root_doc).rpartition("/")[0]
    where = f"{site}/{FOLDER}/{quote(made.name)}" if site else f"{FOLDER}/{made.name}"
    said = {
        "site": app.config.project,
        "version": made.name.split("-")[1],
        "wheel": where,
        "hint": "" if site else HINT,
    }
    for name in app.env.dlfiles.values():
        file = Path(app.outdir, "_downloads", name[1])
        if file.suffix == ".ipynb":
            text = with_cell(app, file.read_text("utf-8"), CELL.format(**said))
        elif file.suffix == ".py":
            text = COMMENT.format(**said) + file.read_text("utf-8")
        else:
            continue
        file.write_text(text, "utf-8")


def setup(app: Sphinx) -> None:
    app.connect("build-finished", publish, priority=Finished.TAKE_AWAY)

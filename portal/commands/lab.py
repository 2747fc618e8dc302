"""``make lab``: the notebooks of the last build, as JupyterLab opens them.

They are copies, in a folder of the commit's own, below one for each book; what has been
written into one is never overwritten.
"""

import shutil
from pathlib import Path

from portal.outputs.archive import complete_site
from portal.outputs.take_away import FOLDER


def lay_out(root: Path) -> Path:
    """Put the notebooks where they can be opened; returns the folder.

    See :func:`portal.outputs.archive.complete_site` for when there are none.
    """
    html = complete_site(root)
    made = next(html.glob(f"{FOLDER}/*.whl"))
    folder = root / "build/notebooks" / made.name.split("-")[1]
    books = {
        file.name: file.parent.name for file in root.glob("docs/gallery/*/*.ipynb")
    }
    for notebook in html.glob("_downloads/*/*.ipynb"):
        if book := books.get(notebook.name):
            copy = folder / book / notebook.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                shutil.copyfile(notebook, copy)
    return folder

"""``make lab``: the notebooks of the last build, as JupyterLab opens them.

They are copies, in a folder of the commit's own, below one for each book; what has been
written into one is never overwritten.
"""

import shutil
from pathlib import Path

from portal.outputs.take_away import FOLDER


def lay_out(root: Path) -> Path:
    """Put the notebooks where they can be opened; returns the folder.

    Raises
    ------
    FileNotFoundError
        If nothing was built, or the last build failed.
    """
    html = root / "build/html"
    if not (html / ".complete").is_file():
        raise FileNotFoundError("there is no complete site yet: run make html first")
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

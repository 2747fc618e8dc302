"""``make zip``: the built site as one file that works from disk, without a server.

Archives are the same byte for byte whenever the files in them are: entries carry the
date of the commit that was built (``SOURCE_DATE_EPOCH``), not those of the files.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo


def pack(target: Path, folder: Path, names: Iterable[str], top: str = "") -> None:
    """Write the files ``names`` of ``folder`` into an archive, below ``top``.

    A file called ``mimetype`` is stored as it is: EPUB wants that.
    """
    moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "1700000000")))[:6]
    with ZipFile(target, "w") as archive:
        for name in names:
            entry = ZipInfo(f"{top}{name}", moment)
            entry.compress_type = ZIP_STORED if name == "mimetype" else ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (folder / name).read_bytes())


def complete_site(root: Path) -> Path:
    """The folder of the site of the last build.

    Raises
    ------
    FileNotFoundError
        If nothing was built, or the last build failed.
    """
    html = root / "build/html"
    if not (html / ".complete").is_file():
        raise FileNotFoundError("there is no complete site yet: run make html first")
    return html


def pack_site(root: Path) -> Path:
    """Pack the site of the last build; see :func:`complete_site`."""
    html = complete_site(root)
    files = (path for path in sorted(html.rglob("*")) if path.is_file())
    names = [path.relative_to(html).as_posix() for path in files]
    target = root / "build/runnable-ml.zip"
    shown = [name for name in names if not name.startswith(".")]
    pack(target, html, shown, "runnable-ml/")
    return target

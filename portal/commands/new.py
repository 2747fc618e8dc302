"""``make new page=book/page title="…" after=page`` starts a page.

Writes the article, its reference implementation, its gallery script and its test, and
adds the page to the table of contents of its book: after the page that ``after`` names,
or else last. All of it lints and passes; what is left to write is marked, and until it
is written the page is a draft (``portal/pages/draft.py``). Nothing is overwritten: if
one of the files exists, or cannot be written, none is.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from portal.pages import names
from portal.pages.draft import ARTICLE, MODULE, SCRIPT, TEST
from portal.pages.mirror import places
from portal.text.hint import hint

LONGEST = 60  # characters of a title, so that no line of a template is too long


def entries(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Line number, from 0, and page of each entry of the tables of contents.

    >>> list(entries([".. toctree::", "   :hidden:", "", "   Rope <rope>", "x"]))
    [(3, 'rope')]
    """
    inside = False
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith(" "):
            inside = line.startswith(".. toctree::")
        elif inside and line.strip() and not line.lstrip().startswith(":"):
            yield number, re.sub(r".*<(.*)>", r"\1", line.strip())


def with_entry(index: str, page: str, after: str = "") -> str:
    """A *Start here* page that lists ``page`` after another, or last.

    >>> print(with_entry("Book\\n====\\n", "rope"))
    Book
    ====
    <BLANKLINE>
    .. toctree::
       :hidden:
    <BLANKLINE>
       rope
    <BLANKLINE>

    Raises
    ------
    ValueError
        If it does not list the page ``after``.
    """
    lines = index.splitlines(keepends=True)
    found = {name: number for number, name in entries(lines)}
    if after and after not in found:
        raise ValueError(
            f"after={after}: the book does not list it; {hint(after, found)}"
        )
    if not found:
        return f"{index.rstrip()}\n\n.. toctree::\n   :hidden:\n\n   {page}\n"
    number = found[after] if after else max(found.values())
    indent = re.match(" *", lines[number])[0]
    lines[number] = f"{lines[number].rstrip()}\n{indent}{page}\n"
    return "".join(lines)


def check(book: str, name: str, title: str, root: Path) -> None:
    """See that such a page can be started.

    Raises
    ------
    ValueError
        If there is no such book, or page or title cannot be used.
    FileExistsError
        If one of the files exists, or another book has a page of that name.
    """
    books = {file.parent.name for file in root.glob("docs/*/index.rst")} - {"gallery"}
    if book not in books:
        raise ValueError(f"there is no book {book!r}; {hint(book, books)}")
    if problem := names.problem(name) or names.shadowed(name):
        raise ValueError(f"a page cannot be called {name!r}: {problem}")
    if not title or len(title) > LONGEST or re.search(r'[\\"\n]', title):
        raise ValueError(
            f'write title="..." of at most {LONGEST} characters, without quotes and '
            "backslashes; markup can be added to the article later"
        )
    taken = [
        *root.glob(f"docs/*/{name}.rst"),
        *(file for file in texts(book, name, title) if (root / file).exists()),
    ]
    if taken:
        raise FileExistsError(f"{taken[0]} exists; nothing was written")


def texts(book: str, name: str, title: str) -> dict[Path, str]:
    """The files of a page, as they are written."""
    words = {
        "book": book,
        "page": name,
        "title": title,
        "label": name.replace("_", "-"),
        "rule": "=" * len(title),
    }
    article, module, test = places(book, name)
    files = {
        article: ARTICLE,
        module: MODULE,
        Path(f"snippets/{book}/plot_{name}_line.py"): SCRIPT,
        test: TEST,
    }
    return {file: text.format(**words) for file, text in files.items()}


def write(files: dict[Path, str]) -> None:
    """Write all files, or, where one cannot be written, leave all as they were."""
    with ExitStack() as undo:
        for file, text in files.items():
            if file.exists():
                undo.callback(file.write_bytes, file.read_bytes())
            else:
                undo.callback(file.unlink, missing_ok=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        undo.pop_all()


def new(page: str, title: str, root: Path, after: str = "") -> list[Path]:
    """Write the files of ``book/page`` below ``root``; returns what was written.

    Raises
    ------
    ValueError, FileExistsError
        If such a page cannot be started; the message says why.
    """
    book, slash, name = page.partition("/")
    if not slash:
        raise ValueError(f"page={page}: write book/page, such as positions/rope")
    title = title.strip()
    check(book, name, title, root)
    index = Path(f"docs/{book}/index.rst")
    old = (root / index).read_text("utf-8")
    made = texts(book, name, title)
    header = Path(f"snippets/{book}/GALLERY_HEADER.rst")
    if not (root / header).exists():
        heading = old.splitlines()[0]
        made[header] = f"{heading}\n{'-' * len(heading)}\n"
    made[index] = with_entry(old, name, after.removeprefix(f"{book}/"))
    write({root / file: text for file, text in made.items()})
    return list(made)

"""Read a text file that every program reads alike: UTF-8, with one kind of line ends.

Python ends no line at a form feed or at U+2028, ``splitlines`` and docutils do; XML, of
which an EPUB is made, takes no control character at all.
"""

import codecs
import re
from pathlib import Path

UNSHOWN = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\U0010ffff]")


def problem(data: bytes) -> tuple[int, str]:
    r"""Where the text of a file begins to be wrong, and how; empty if it is right.

    >>> problem("é\tb\r\n".encode()), problem(b"a\x0cb")
    ((0, ''), (1, 'U+000C is neither shown nor the end of a line: write an escape'))
    """
    if data.startswith(codecs.BOM_UTF8):
        return 0, "a byte-order mark: save the file as UTF-8 without one"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        return error.start, f"the byte 0x{byte:02X} is not UTF-8: save the file as such"
    found = UNSHOWN.search(text)
    if found is None:
        return 0, ""
    code = f"U+{ord(found[0]):04X}"
    start = len(text[: found.start()].encode())
    return start, f"{code} is neither shown nor the end of a line: write an escape"


def read(file: Path) -> str:
    """The text of a file.

    Raises
    ------
    SyntaxError
        With the file and the line of what is wrong with it.
    """
    data = file.read_bytes()
    start, wrong = problem(data)
    if wrong:
        line = data.count(b"\n", 0, start) + 1
        raise SyntaxError(wrong, (str(file), line, None, None))
    return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")

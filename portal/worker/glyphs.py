"""Every character of a figure has a glyph, or drawing it is an error.

Matplotlib draws a box in its place and only warns: in a warning for plain text, in its
log for math.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOG = logging.getLogger("matplotlib.mathtext")
ADVICE = "write it in letters that the figure's font has"


class Refuse(logging.Handler):
    """Raises what Matplotlib would only log."""

    def emit(self, record: logging.LogRecord) -> None:
        raise ValueError(f"{record.getMessage()}: {ADVICE}")


@contextmanager
def every_glyph() -> Iterator[None]:
    """Refuse to draw what has no glyph.

    Raises
    ------
    ValueError
        If a character has none; the message names it.
    """
    refuse = Refuse(logging.WARNING)
    LOG.addHandler(refuse)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Glyph .* missing from")
            yield
    except UserWarning as missing:
        raise ValueError(f"{missing} {ADVICE.capitalize()}") from missing
    finally:
        LOG.removeHandler(refuse)

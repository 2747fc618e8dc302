"""In which order things happen that handle one event: the smaller number comes first.

Every ``app.connect(..., priority=...)`` of the portal names its place here. What names
none, as most of Sphinx and its extensions, comes at 500, in the order of set-up.
"""

from enum import IntEnum


class Inited(IntEnum):
    """``builder-inited``: check what can be checked before scripts run for minutes."""

    TEXT_FILES = 200  # ends the build where a file is not UTF-8; all others read files
    SETTINGS = 250
    LAYOUT = 300  # missing files, drafts, lists of sources that cannot be read
    EVIDENCE = 400  # scripts run; Sphinx-Gallery, at 500, makes pages of the results
    CONTENTS = 900  # compares what Sphinx-Gallery wrote


class Read(IntEnum):
    """``doctree-read``: collectors of Sphinx take titles, images, downloads at 500."""

    EVIDENCE = 400  # adds downloads
    MATH = 510  # binds marks to formulas: not in the titles that were collected
    GUARDS = 520  # see each mistake where its author wrote it
    GALLERY = 530
    READING_TIME = 540  # counts what stands on the page itself
    NEIGHBORS = 550  # level and time stand above the line of evidence
    LATE = 560  # notes what all the others have put there
    REFERENCES = 570


class Updated(IntEnum):
    """``env-updated``: at 500 most say which pages to write again."""

    CIRCLES = 100  # ends the build: nothing can walk tables of contents in a circle
    REFERENCES = 900  # sources have their numbers (sphinxcontrib-bibtex: 500)
    FAILURES = 1000  # all is read


class Context(IntEnum):
    """``html-page-context``: furo gives the navigation, and colors, at 500."""

    SIDEBAR = 400  # furo takes the table of contents
    MATH = 510  # adds style sheets and fonts; the meta tags follow
    PAGE = 520  # foot, meta tags, plain text
    CAPTIONS = 600  # of the navigation that furo has made
    FILES = 900  # leaves out style sheets and scripts that others have added
    POLICY = 910  # allows what is left


class Resolved(IntEnum):
    """``doctree-resolved``: at 500 what follows from all pages is filled in."""

    TERMS = 600  # in the text as it will stand
    EPUB = 700  # simplifies what is there


class Finished(IntEnum):
    """``build-finished``: at 500 files are written, the search's index among them."""

    TAKE_AWAY = 600  # changes downloads that are written, and adds to them
    LEFTOVERS = 900  # lists all that is written
    FAILURES = 950
    COSTS = 999  # counts all seconds
    LOCK = 1000


class Configured(IntEnum):
    """``config-inited``."""

    LOCK = 1  # before any other build's files are touched
    GALLERY = 5  # settings as written; Sphinx-Gallery completes them at 10

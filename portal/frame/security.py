"""``.well-known/security.txt``: whom to tell of a weakness (RFC 9116).

Written where ``PORTAL_SECURITY_CONTACT`` names an address, ``https://...`` or
``mailto:...``. It expires a year after the commit that was built.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sphinx.application import Sphinx


def security_txt(contact: str, built: datetime) -> str:
    """The file's text.

    >>> print(security_txt("mailto:a@example.org", datetime(2026, 1, 2, tzinfo=UTC)))
    Contact: mailto:a@example.org
    Expires: 2027-01-02T00:00:00Z
    Preferred-Languages: en
    <BLANKLINE>
    """
    expires = (built + timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n"


def write(app: Sphinx, exception: Exception | None) -> None:
    contact = os.environ.get("PORTAL_SECURITY_CONTACT", "")
    if exception is None and contact and app.builder.name == "html":
        moment = int(os.environ.get("SOURCE_DATE_EPOCH", "1700000000"))
        file = Path(app.outdir, ".well-known/security.txt")
        file.parent.mkdir(exist_ok=True)
        file.write_text(security_txt(contact, datetime.fromtimestamp(moment, UTC)))


def setup(app: Sphinx) -> None:
    app.connect("build-finished", write)

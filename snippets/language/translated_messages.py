"""Messages of Sphinx, such as "Table of Contents", with their translations.

They come with the package: volunteers translated them. Only messages that all of
the languages have are kept, so that all texts say the same.
"""

from pathlib import Path

import sphinx
from babel.messages.mofile import read_mo

LANGUAGES = {
    "Spanish": "es",
    "Portuguese": "pt_BR",
    "Turkish": "tr",
    "Russian": "ru",
    "Greek": "el",
    "Persian": "fa",
    "Georgian": "ka",
    "Korean": "ko",
    "Japanese": "ja",
    "Chinese": "zh_CN",
}


def translated_messages() -> dict[str, list[str]]:
    """The same messages in each language, English first.

    Examples
    --------
    >>> messages = translated_messages()
    >>> place = messages["English"].index("Complete Table of Contents")
    >>> messages["Spanish"][place], messages["Turkish"][place]
    ('Índice de contenidos completo', 'Tam İçindekiler')
    """
    folder, catalogs = Path(sphinx.__file__).parent / "locale", {}
    for name, code in LANGUAGES.items():
        with (folder / code / "LC_MESSAGES" / "sphinx.mo").open("rb") as file:
            catalogs[name] = {
                entry.id: entry.string
                for entry in read_mo(file)
                if isinstance(entry.id, str) and entry.string not in ("", entry.id)
            }
    common = set.intersection(*(set(catalog) for catalog in catalogs.values()))
    english = sorted(common - {""})
    return {
        "English": english,
        **{name: [catalogs[name][m] for m in english] for name in catalogs},
    }

"""Mistakes that authors make: each is reported once, with file, line and what to do."""

import re

ARTICLE = [  # what is written, and a part of what is said
    (".. snippet:: attention.small.smal", "not define smal; did you mean small?"),
    (".. snippet:: attention.smal.small", "no module attention.smal; did you mean"),
    (
        ".. snippet:: attention.small.small\n     :docstring:\n   :show: bytes",
        "maximum 1",
    ),
    (".. snippet:: attention.small.small\n   :shape: small(x)", 'option: "shape"'),
    (".. gallery-figure:: small.line 2", "choose from small.line"),
    (".. gallery-figure:: smal.line", "did you mean small.line?"),
    (".. gallery-figure:: small.line two", "write page.figure, or page.figure 2"),
    (
        ".. gallery-figure:: small.line\n   :name: wide\n     Caption.",
        "one line",
    ),
    ("By :cite:t:`reel`.", "'reel' in docs/references.bib; did you mean real?"),
    ("See :ref:`targett`.", "there is no label 'targett'; did you mean target?"),
    ("See :doc:`/attention/smal`.", "did you mean /attention/small?"),
    ("See :eq:`lineer`.", "there is no equation 'lineer'; did you mean linear?"),
    (".. _double:\n\nOne\n---\n\n.. _double:\n\nTwo\n---", 'name: "double"'),
    ("Half :math:`\\halff{x}` of it.", "Undefined control sequence: \\halff"),
    (".. math:: \\frac{1}{2", "KaTeX: "),
    (".. code-block:: python\n\n   x = 1", "a doctest: write `>>> ` before it, or"),
    (".. code-block:: julia\n\n   x = 1", "nothing tests 'julia': write a doctest"),
    (".. admonition:: A\n   :colapsible: closed\n\n   >>> 1\n   1", '"colapsible"'),
    ("The ratio :measured:`small.ratoi | .1f`.", "did you mean ratio?"),
    ("We measured :measured:`smal.ratio | .1f`.", "did you mean small?"),
    (".. claim:: real\n   :reports: x\n\n   Why.", "claim real needs :verdict:"),
    ("Takes :reading-time:`attentoin`.", "'attentoin' with pages; did you mean"),
    (".. learning-path::\n\n   attention/smal", "did you mean attention/small?"),
]
CLAIM = """\
.. claim:: real
   :reports: It halves.
   :verdict: {verdict}

   {value}

   It does."""
ARTICLE += [
    (CLAIM.format(value=value, verdict=verdict), cause)
    for value, verdict, cause in [
        (
            "ratio: small.ratio in 0 0.1",
            "reproduced",
            "0.5, outside its band 0 to 0.1: correct the script, or the band and the",
        ),
        (
            "ratio: small.ratio in 0",
            "reproduced",
            "is no value; write label: page.value",
        ),
        ("ratio: small.ratio in 0 1", "reproducd", "did you mean reproduced?"),
    ]
]
RIGHT = """\
.. _target:

There are such things
---------------------

.. math:: y = 2 x
   :label: linear

.. bibliography::
"""
REPORT = re.compile(
    r"^(?:(\S+?)(?::(\d+))?: )?(?:WARNING|ERROR): (?!evidence: )(.*)", re.M
)


def reports(root, output):
    """Each message of a build: file, line, and text up to the next message.

    But for the count at the end, none is without a place, and none asks to report an
    error to the developers.
    """
    assert "to the developers" not in output
    output = re.sub(r"^.*?\.\.\. (?=\S+:\d+: )", "", output, flags=re.MULTILINE)
    starts = list(REPORT.finditer(output))
    assert [match[0] for match in starts if not match[2]] == []
    ends = [*(match.start() for match in starts[1:]), len(output)]
    return [
        (
            match[1].removeprefix(f"{root}/"),
            int(match[2]),
            output[match.start(3) : end],
        )
        for match, end in zip(starts, ends, strict=True)
    ]


def test_each_mistake_of_an_article_is_reported_once_at_its_line(
    site, make_html, script
):
    body = "\n\n".join([RIGHT, *(written for written, _ in ARTICLE)])
    code = f"{script}\nmeasured = {{'ratio': 0.5}}\n"
    root = site(body, {"snippets/attention/plot_small_line.py": code})
    build = make_html(root)
    assert build.status != 0
    text = (root / "docs/index.rst").read_text()
    found = reports(root, build.output)
    for written, cause in ARTICLE:
        first = text[: text.index(written)].count("\n") + 1
        lines = range(first, first + written.count("\n") + 2)
        here = [
            m for file, line, m in found if file == "docs/index.rst" and line in lines
        ]
        assert len(here) == 1, (written, here)
        assert cause in here[0]
    assert len(found) == len(ARTICLE)


def page(name, fields="", text=""):
    """An article without code, by its path."""
    fields = f":prose:\n:summary: It says.\n:level: advanced\n{fields}"
    return {f"docs/attention/{name}.rst": f"{fields}\n{name}\n{'=' * 9}\n\n{text}\n"}


PAGES = [  # files, where the mistake is reported, and a part of what is said
    (page("field", ":alais: A\n"), "field.rst:4", "'alais'; did you mean aliases?"),
    (page("level", ":level: easy\n"), "level.rst:3", "there is no level 'easy'"),
    (page("far", ":prerequisites: small\n"), "far.rst:4", "mean attention/small?"),
    (
        page("late", ":prerequisites: attention/soon\n") | page("soon"),
        "late.rst:4",
        "attention/index.rst lists it before its prerequisite attention/soon: move it",
    ),
    (
        page("one", ":prerequisites: attention/two\n")
        | page("two", ":prerequisites: attention/one\n"),
        "one.rst:4",
        "prerequisites in a circle: attention/one -> attention/two -> attention/one",
    ),
    (
        page("older", ":aliases: A\n") | page("newer", ":aliases: a\n"),
        "older.rst:4",
        "attention/older and attention/newer both have the alias 'A': keep it on one",
    ),
    (page("draft", text="TODO: the idea."), "draft.rst:8", "still to write in this"),
    (page("with-dash"), "with-dash.rst:1", "digits and underscores, as with_dash"),
    (page("RoPE"), "RoPE.rst:1", "lower-case letters, digits and underscores, as rope"),
    (page("lambda"), "lambda.rst:1", "lambda is a keyword of Python"),
    (page("utils"), "utils.rst:1", "rename the page's files: utils names no subject"),
    (
        {"docs/attention/untitled.rst": ":prose:\n:summary: It.\n:level: advanced\n"},
        "untitled.rst:1",
        "no title: write one below the fields, underlined with =",
    ),
    (page("bare"), "bare.rst:1", "the page needs tests/attention/test_bare.py: write"),
    (page("lost"), "lost.rst:1", "lists it: add `lost` to the toctree of docs/att"),
]


def test_each_mistake_between_pages_is_reported_once(site, make_html, page_files):
    files = {path: text for own, _, _ in PAGES for path, text in own.items()}
    names = [path.removeprefix("docs/").removesuffix(".rst") for path in files]
    listed = [name for name in names if name != "attention/lost"]
    listed += ["attention/index", "attention/small", "gallery/index"]
    toctree = "\n   ".join([".. toctree::", "", *listed])
    files["docs/index.rst"] = f"Site\n====\n\n{toctree}\n"
    files["docs/attention/index.rst"] = "Attention\n=========\n"
    files |= page_files("attention", "bare")
    del files["tests/attention/test_bare.py"]
    root = site(files=files)
    build = make_html(root)
    assert build.status != 0
    found = {}
    for file, line, message in reports(root, build.output):
        found[f"{file.removeprefix('docs/attention/')}:{line}"] = message
    assert sorted(found) == sorted(place for _, place, _ in PAGES)
    for _, place, cause in PAGES:
        assert cause in found[place]


def test_each_failing_task_is_reported_once(site, make_html, script, page_files):
    code = script.count("\n")
    tasks = {
        "wrong": ("assert 1 > 2", code + 1, "AssertionError"),
        "endless": ("while True: pass", code + 1, "still running after 2 s"),
        "silent": ("plt.figure()", 7, "say what it shows with fig.set_label"),
        "text": ("measured = {'a': 'b'}", 1, "`measured` may hold only numbers"),
    }
    files = {}
    for name, (statement, _, _) in tasks.items():
        limit = f"# sphinx_gallery_time_limit = {2 if name == 'endless' else 60}\n"
        files |= page_files("attention", name, f"{script}{statement}\n{limit}")
    files["tests/attention/test_silent.py"] = "def test_it():\n    assert 1 > 2\n"
    root = site(files=files)
    build = make_html(root)
    assert build.status != 0
    found = reports(root, build.output)
    expected = {
        f"snippets/attention/plot_{name}_line.py": (line, cause)
        for name, (_, line, cause) in tasks.items()
    }
    expected["tests/attention/test_silent.py"] = (2, "the page's reference tests fail")
    assert sorted(file for file, _, _ in found) == sorted(expected)
    for file, line, message in found:
        assert line == expected[file][0], message
        assert expected[file][1] in message


def test_list_of_sources_that_cannot_be_read(site, make_html):
    text = "@misc{real, year=2001}\n\n@misc{other, title={T, year=2001}\n"
    root = site(files={"docs/references.bib": text})
    build = make_html(root)
    assert build.status != 0
    ((file, line, message),) = reports(root, build.output)
    assert (file, line) == ("docs/references.bib", 4)
    assert "premature end of file; correct the entry" in message

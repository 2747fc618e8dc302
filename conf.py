"""Sphinx configuration; build with ``make html``."""

import os
from urllib.parse import urlsplit

project = "Runnable ML"
author = "The Runnable ML authors"
copyright = "The Runnable ML authors. Code: MIT. Prose and figures: CC BY 4.0"
version = "0.1.0"
language = "en"
extensions = [
    "notfound.extension",
    "portal.extension",
    "sphinx.ext.extlinks",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
]
templates_path = ["docs/_templates"]
exclude_patterns = ["gallery/*/*.ipynb", "gallery/*/*.py"]
nitpicky = True
highlight_language = "python"
default_role = "single-backticks"  # an error: portal/article/markup_guard.py
numfig = False
extlinks = {"arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s")}

bibtex_bibfiles = ["docs/references.bib"]
bibtex_default_style = "unsrtalpha"
bibtex_reference_style = "author_year"
suppress_warnings = [
    "bibtex.duplicate_citation",  # each page lists its own sources
    "epub.unknown_project_files",  # the site's, that a book has no use for
    "toc.no_title",  # portal/pages/toctree.py says both, with the file to edit
    "toc.not_included",
    "sphinx_gallery.space_in_filename",  # said of the folder that the site lies in
]

html_theme = "furo"
html_title = "Runnable ML"
html_theme_options = {
    "source_repository": os.environ.get("PORTAL_REPOSITORY", ""),  # none: no such links
    "source_branch": "main",
    "source_directory": "docs",
}
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "http://localhost:8000/")
html_static_path = ["docs/_static"]
html_extra_path = ["docs/_extra"]  # .nojekyll: GitHub Pages keeps _static and others
html_css_files = ["faces.css", "portal.css"]
html_js_files = [
    (f"{name}.js", {"defer": "defer"})
    for name in ("scrollers", "figures", "links", "progress", "keys")
]
html_favicon = "docs/_static/favicon.svg"
html_math_renderer = "katex"
html_copy_source = False
html_show_sphinx = False
html_use_index = False
pygments_style = "github-light-high-contrast"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .shapes"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
notfound_urls_prefix = f"{urlsplit(html_baseurl).path.rstrip('/')}/"

epub_basename = "runnable-ml"
epub_uid = epub_identifier = "runnable-ml"
epub_css_files = ["epub.css"]  # not those of the site
epub_description = "A knowledge portal on modern machine learning whose every page ran."
epub_contributor = author
epub_exclude_files = ["404.xhtml", "_static/katex/katex.min.css", "_static/faces.css"]
epub_show_urls = "no"
epub_tocdepth = 2
epub_tocscope = "includehidden"

plot_gallery = "False"  # portal.evidence runs the scripts, each in its own process
sphinx_gallery_conf = {
    "examples_dirs": ["../snippets"],
    "gallery_dirs": ["gallery"],
    "ignore_pattern": r"^(?!plot_)",  # the modules beside the scripts are not examples
    "capture_repr": (),
    "doc_module": ("snippets",),
    "download_all_examples": False,
    "image_scrapers": (),  # those of portal.worker.script, where scripts run
    "min_reported_time": 1e9,
    "reset_modules": (),
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
}

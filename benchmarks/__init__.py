"""How long a build takes: stock Sphinx-Gallery beside this portal, on one site.

``make bench`` runs ``python -m benchmarks``. ``site`` generates the pages, ``measure``
runs one build and accounts for all of its processes, ``compare`` builds in turn what is
compared, ``report`` writes ``results.md`` and ``results.svg``.
"""

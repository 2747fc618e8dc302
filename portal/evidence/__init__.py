"""Evidence: what running a page's code produced, made once and kept by fingerprint.

``inputs`` says what a result depends on, ``process`` runs one task in a process of its
own, ``store`` keeps results under the hash of their inputs, and ``gallery`` hands the
results of gallery scripts to Sphinx-Gallery.
"""

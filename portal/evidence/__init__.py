"""Evidence: what running a page's code produced, made once and kept by fingerprint.

``inputs`` says what a result depends on, ``process`` runs tasks in processes of their
own, ``store`` keeps results under the hash of their inputs. ``gallery``,
``agreements``, ``traces`` and ``doctests`` list the work there is, ``build`` has it
done before pages are read.
"""

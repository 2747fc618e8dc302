"""What runs in the process of a task: code of pages, and what records its results.

Nothing here imports Sphinx. What the portal adds to a result is one module of this
package with all that it imports: these files, and the versions of their packages, are
among the inputs of the result (``evidence/inputs.py``).
"""

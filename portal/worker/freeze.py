"""Imported last by the server process from which workers are forked.

What has been imported is frozen, so that no collection of garbage in a worker looks
through it: pytest collects twice at its end, which took longer than a page's tests.
"""

import gc

gc.collect()
gc.freeze()

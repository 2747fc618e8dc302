"""
What an index of pairs saves
============================

A figure of :doc:`/language/byte_pair_encoding`. The number of symbols that a trainer
reads until a merge: if it counts all pairs anew, and if it reads only the words listed
for the merged pair.
"""

from itertools import islice

import matplotlib.pyplot as plt
import numpy as np

from snippets.language.byte_pair_encoding import word_counts
from snippets.language.byte_pair_training import training_steps
from snippets.language.help_text import help_text

words = word_counts(help_text())
steps = list(islice(training_steps(words), 4000))
read = np.cumsum([step.read for step in steps])
recounted = np.cumsum([step.symbols for step in steps])
merges = np.arange(1, len(steps) + 1)

fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
ax.loglog(merges, recounted, label="all pairs counted anew")
ax.loglog(merges, read, "C1", label="only words listed for the pair")
ax.set(xlabel="merges", ylabel="symbols read so far")
ax.legend()
fig.set_label(
    "Two curves with logarithmic axes, from 1 to 4000 merges. Counting anew reads "
    f"{recounted[0]:,} symbols for the first merge and {recounted[-1]:,} for all; the "
    f"curve of updates rises from {read[0]:,} and flattens at {read[-1]:,}."
)

measured = {
    "characters": len(help_text()) / 1e3,
    "words": len(words),
    "read": read[-1] / 1e6,
    "recounted": recounted[-1] / 1e6,
    "saved": recounted[-1] / read[-1],
    "last_count": steps[-1].count,
}
assert measured["saved"] > 100

"""
Which lines decide, and what Pygments guesses
=============================================

A figure of :doc:`/training/code_classification`. How far the log-probability of the
answer falls if a line is taken out of a snippet; and the share of snippets for which
``guess_lexer`` of Pygments names the language.
"""

import re

import matplotlib.pyplot as plt
import numpy as np
from sphinx.highlighting import PygmentsBridge

from snippets.training.code_classification import occlusion
from snippets.training.code_snippets import load_snippets
from snippets.training.grouped_splits import group_split
from snippets.training.linear_runs import fit_linear

SNIPPET = """# Keep every second value.
import numpy as np
cdef double[:] view = values
for i in range(0, n, 2):
    result.append(view[i])"""
CLASSES, GUESSED = ("Cython", "Python"), 100

texts, labels, files = load_snippets()
train, test = group_split(files, 0.25, np.random.default_rng(0))
linear = fit_linear([texts[i] for i in train], [labels[i] for i in train])
names = linear.regression.classes_.tolist()
columns = [names.index(name) for name in CLASSES]
bars = [
    occlusion(lambda some, c=c: linear.log_probabilities(some)[:, c], SNIPPET)
    for c in columns
]
shares = np.exp(linear.log_probabilities([SNIPPET])[0, columns])

fig = plt.figure(figsize=(6.4, 2.6), layout="constrained")
axes = fig.subplots(1, 2, sharey=True)
lines = SNIPPET.split("\n")
for ax, values, name, share in zip(axes, bars, CLASSES, shares, strict=True):
    ax.barh(range(len(lines)), values, color=["C0" if v > 0 else "C1" for v in values])
    ax.axvline(0, color="0.5", lw=1)
    ax.set(title=f"{name}: {share:.0%}", xlabel="log-probability lost, nats")
axes[0].set_yticks(range(len(lines)), lines, family="monospace", fontsize=8)
axes[0].invert_yaxis()
described = (
    f"{name}, probability {share:.0%}: " + ", ".join(f"{value:.2f}" for value in values)
    for name, share, values in zip(CLASSES, shares, bars, strict=True)
)
fig.set_label(
    f"A snippet of {len(lines)} lines, and bars for the nats lost without each line. "
    + "; ".join(described)
    + "."
)

# A template such as CSS+Lasso counts as CSS.
NAMES = {"LaTeX": "TeX", "reST": "reStructuredText"}
random = np.random.default_rng(0)
some = random.permutation(test)[:GUESSED]
bridge = PygmentsBridge()
guesses = [bridge.get_lexer(texts[i], "guess").name for i in some]
wanted = [NAMES.get(labels[i], labels[i]) for i in some]
hits = [
    re.fullmatch(re.escape(name) + r"(\+\w.*)?", guess) is not None
    for name, guess in zip(wanted, guesses, strict=True)
]
found = linear.predict([texts[i] for i in some])
right = [answer == labels[i] for answer, i in zip(found, some, strict=True)]
kinds, counts = np.unique(guesses, return_counts=True)
measured = {"guessed": np.mean(hits), "linear_guessed": np.mean(right)}
measured |= {"sample": len(some), "cdef": bars[0].max()}
assert bars[0].argmax() == 2
assert kinds[counts.argmax()] == "scdoc"
assert shares[0] > 0.5

"""
Tokens that span corruption makes of a text
===========================================

Figure for :doc:`/transformers/t5`: lengths of input and target for a text of 512 tokens
of which 15 % are dropped, one by one or in spans, and the work of a model per text.
"""

from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np

from snippets.transformers.span_corruption import corrupt, random_spans
from snippets.transformers.t5 import multiplications

LENGTH, DENSITY = 512, 0.15
tokens = list(range(LENGTH))
sentinels = list(range(-1, -200, -1))
rng = np.random.default_rng(0)


def single_tokens() -> list[tuple[int, int]]:
    """Drop each token by itself with probability 15 %; neighbors are one span."""
    spans, place = [], 0
    for lost, run in groupby(rng.random(LENGTH) < DENSITY):
        size = len(list(run))
        spans += [(place, place + size)] if lost else []
        place += size
    return spans


def lengths(spans: list[tuple[int, int]]) -> tuple[int, int]:
    made = corrupt(tokens, spans, sentinels)
    return len(made.input), len(made.target)


names = ["i.i.d. tokens", *(f"spans of {mean}" for mean in (2, 3, 5, 10))]
sizes = [np.mean([lengths(single_tokens()) for _ in range(200)], axis=0)]
for mean in (2.0, 3.0, 5.0, 10.0):
    spans = random_spans(LENGTH, density=DENSITY, mean_length=mean, seed=0)
    sizes.append(lengths(spans))
sizes = np.array(sizes)

# %%
# Multiplications of T5-Base
# --------------------------

shapes = {"d_model": 768, "heads": 12, "head_dim": 64, "d_ff": 3072, "layers": 12}
work = [multiplications(*pair, vocab=32128, **shapes) for pair in sizes]
work, (read, written) = np.array(work), sizes.T

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.8), layout="constrained")
places = np.arange(len(names))
left.barh(places, read, label="input")
left.barh(places, written, left=read, color="C1", label="target")
left.set_yticks(places, names)
left.set(xlabel="tokens")
left.invert_yaxis()
left.legend(loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.17))
right.barh(places, work / work[0], color="C2")
right.set_yticks([])
right.set(xlabel="multiplications, i.i.d. = 1")
right.invert_yaxis()
fig.set_label(
    "Bars for five ways to drop 15 % of 512 tokens. Tokens of input and target: "
    + ", ".join(f"{n} {s:.0f}" for n, s in zip(names, sizes.sum(1), strict=True))
    + ". Multiplications of T5-Base, relative to i.i.d.: "
    + ", ".join(f"{w:.2f}" for w in work / work[0])
    + "."
)
assert (np.diff(work) < 0).all()
measured = {
    "target_single": written[0],
    "target_spans": written[2],
    "work_spans": work[2] / work[0],
}

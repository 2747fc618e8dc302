"""
With bounded scores, subtracting a map lowers the error
=======================================================

Four kinds of readers are trained to find one of 64 keys; their scores cannot exceed 4,
so no map can become sharp (:doc:`/attention/differential_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.bounded_reader import (
    KINDS,
    draw_questions,
    loss_of,
    train_reader,
)
from snippets.attention.common_noise import share

questions = draw_questions(1000, torch.Generator().manual_seed(99))
noise = torch.arange(64) != questions.asked[:, None]


def draw_batches(seed: int) -> list:
    """The same batches for all kinds of readers."""
    random = torch.Generator().manual_seed(seed)
    return [draw_questions(32, random) for _ in range(300)]


def judge(kind: str, seed: int) -> tuple[float, float, float]:
    """Error, share of the attention on the key asked for, correlation of the noise."""
    reader = train_reader(kind, rate=0.1, seed=seed, batches=batches[seed])
    with torch.no_grad():
        error = loss_of(reader, questions).item()
        weights = reader.weights(questions.query, questions.key)
        scores = reader.cosines(questions.query, questions.key)[:, :, 0].movedim(1, 0)
    asked = share(weights, questions.asked)
    common = torch.corrcoef(torch.stack([scores[0][noise], scores[-1][noise]]))[0, 1]
    return error, asked.item(), common.item()


batches = [draw_batches(seed) for seed in range(3)]
runs = {kind: np.array([judge(kind, seed) for seed in range(3)]) for kind in KINDS}
error, answer, common = ({k: r[:, i].mean() for k, r in runs.items()} for i in range(3))
one, constant, both, difference = runs.values()
assert constant[:, 0].max() < 0.8 * one[:, 0].min()
assert difference[:, 0].max() < 0.8 * constant[:, 0].min()
assert difference[:, 1].min() > 1.2 * constant[:, 1].max()
assert difference[:, 2].min() > 0.8
assert abs(both / one - 1)[:, :2].max() < 0.05
gain, share_gain = (
    (of["one map"] - of["minus a constant"]) / (of["one map"] - of["difference"])
    for of in (error, answer)
)
spread = max(found[:, :2].std(axis=0, ddof=1).max() for found in runs.values())
assert spread < 0.01

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.2, 2.8))
for at, found in enumerate(runs.values()):
    for ax, values in zip(axes, found.T[:2], strict=True):
        ax.plot(values, np.full(len(values), at), "o", color=f"C{at}", alpha=0.5, ms=9)
axes[0].set(xlabel="mean squared error", xlim=(0, 0.3), ylim=(3.5, -0.5))
axes[1].set(xlabel="share of the answer", xlim=(0, 0.5))
axes[0].set_yticks(range(len(KINDS)), labels=KINDS)
each = ", ".join(f"{kind} {error[kind]:.3f} and {answer[kind]:.2f}" for kind in KINDS)
fig.set_label(
    "Three points for each of four models. Mean squared error and share of the "
    f"attention on the answer: {each}."
)

measured = {"gain_constant": gain, "share_gain_constant": share_gain}
measured |= {"noise_common": common["difference"]}
for name, kind in zip(("one", "constant", "sum", "difference"), KINDS, strict=True):
    measured |= {f"error_{name}": error[kind], f"answer_{name}": answer[kind]}
del measured["answer_sum"]  # as with one map; asserted above

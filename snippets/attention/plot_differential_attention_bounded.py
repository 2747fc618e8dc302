"""
With bounded scores, subtracting a map lowers the error
=======================================================

Three kinds of readers are trained to find one of 64 keys; their scores cannot exceed 4,
so no map can become sharp (:doc:`/attention/differential_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.bounded_reader import draw_questions, loss_of, train_reader
from snippets.attention.common_noise import share

#: the best of 0.01, 0.02 and 0.05 for each
RATES = {"one map": 0.02, "sum of two": 0.02, "difference": 0.05}
questions = draw_questions(1000, torch.Generator().manual_seed(99))


def judge(kind: str, seed: int) -> tuple[float, float]:
    """Error, and share of the attention on the key asked for."""
    reader = train_reader(kind, RATES[kind], seed)
    with torch.no_grad():
        weights = reader.weights(questions.query, questions.key)
        error = loss_of(reader, questions).item()
    return error, share(weights, questions.asked).item()


runs = {kind: np.array([judge(kind, seed) for seed in range(3)]) for kind in RATES}
error, answer = ({k: r[:, i].mean() for k, r in runs.items()} for i in range(2))
one, both, difference = runs.values()
assert difference[:, 0].max() < 0.7 * one[:, 0].min()
assert difference[:, 1].min() > 1.3 * one[:, 1].max()
assert abs(both.mean(axis=0) / one.mean(axis=0) - 1).max() < 0.05

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.2, 2.6))
for at, found in enumerate(runs.values()):
    for ax, values in zip(axes, found.T, strict=True):
        ax.plot(values, np.full(len(values), at), "o", color=f"C{at}", alpha=0.5, ms=9)
axes[0].set(xlabel="mean squared error", xlim=(0, 0.3), ylim=(2.5, -0.5))
axes[1].set(xlabel="share of the answer", xlim=(0, 0.45))
axes[0].set_yticks(range(3), labels=runs)
fig.set_label(
    "Three points for each of three readers. Mean squared error: one map "
    f"{error['one map']:.2f}, sum of two {error['sum of two']:.2f}, difference "
    f"{error['difference']:.2f}. Share of the attention on the answer: "
    f"{answer['one map']:.2f}, {answer['sum of two']:.2f} and "
    f"{answer['difference']:.2f}."
)

measured = {"error_one": error["one map"], "error_sum": error["sum of two"]}
measured |= {"error_difference": error["difference"]}
measured |= {"answer_one": answer["one map"]}
measured |= {"answer_difference": answer["difference"]}

"""
A network that recurses solves more puzzles than the same network in one pass
=============================================================================

Figures of :doc:`/transformers/tiny_recursive_model`. Recursive models, the same network
in one pass, and a larger one learn 4x4 Sudoku. Then the halting logit.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.small_sudoku import draw_puzzles, split
from snippets.transformers.sudoku_training import Plan, answer, models, train

training, test = split(draw_puzzles(800, 5, torch.Generator().manual_seed(0)))
seeds, small, large, updates = [0, 1, 2], (16, 16, 32, 1), (32, 32, 64, 2), 400
kinds = {  # the last two differ in their updates only
    "recursive": (small, Plan(2, 2, 4, updates)),
    "one_pass": (small, Plan(1, 1, 1, updates, batch=64)),
    "larger": (large, Plan(1, 1, 1, updates)),
    "larger, short": (large, Plan(1, 1, 1, updates // 4, decay=0.92)),
}
found, size = {}, {}
for kind, (shape, plan) in kinds.items():
    average = train(models(seeds, *shape), training, plan)
    steps = 8 if plan.n_sup > 1 else 1
    found[kind] = answer(average, test, plan, steps)
    size[kind] = sum(weight[0].numel() for weight in average.weights)
share = {kind: made.solved.double().mean(dim=-1) for kind, made in found.items()}
recursive, (one_pass,) = share["recursive"], share["one_pass"]
assert recursive[3].min() > one_pass.max() + 0.15
assert (recursive[1] > recursive[0]).all()
assert recursive[3].mean() > 0.9 > share["larger, short"].max() + 0.3

fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
ax.plot(range(1, 9), recursive, "C0o-", label=["recursive", "_", "_"])
for color, kind in enumerate(list(kinds)[1:], start=1):
    name, values = kind.replace("_", " "), share[kind][0]
    ax.plot([1, 1, 1], values, f"C{color}s", label=name)
    ax.axhline(values.mean(), color=f"C{color}", ls=":")
ax.axvline(4, color="0.5", ls="--")
ax.set(xlabel="supervision step", ylabel="share of test puzzles solved", ylim=(0, 1.02))
ax.legend(loc="lower right")
means = {kind: values[0].mean() for kind, values in share.items()}
fig.set_label(
    "Three rising lines for recursive models, on average from "
    f"{means['recursive']:.2f} at step 1 to {recursive[3].mean():.2f} at step 4, where "
    "a dashed line marks the last step of training. Models in one pass have points at "
    f"step 1; their means are {means['one_pass']:.2f}, {means['larger']:.2f} when "
    f"larger, {means['larger, short']:.2f} when larger with a quarter of the updates."
)

halt, right = found["recursive"].halt, found["recursive"].solved
fig, axes = plt.subplots(1, 2, figsize=(5.4, 2.8), layout="constrained", sharey=True)
for ax, step in zip(axes, (0, 3), strict=True):
    parts = [halt[step][right[step]], halt[step][~right[step]]]
    ax.hist(parts, 25, range=(-5, 6), stacked=True, label=["right", "wrong"])
    ax.axvline(0, color="0.5", ls="--")
    ax.set(title=f"after step {step + 1}", xlabel="halting logit")
axes[0].set_ylabel("answers, all seeds")
axes[0].legend()
signs = [(halt[0] > 0)[mask].double().mean() for mask in (right[0], ~right[0])]
fig.set_label(
    "Histograms of the halting logit after steps 1 and 4. After step 1, "
    f"{signs[0]:.0%} of the right answers lie right of a line at 0, and {signs[1]:.0%} "
    f"of the wrong ones; after step 4, {(halt[3] > 0).double().mean():.0%} of all."
)
stop = torch.where((halt[:4] > 0).any(0), (halt[:4] > 0).int().argmax(0), 3)
early = right.gather(0, stop[None]).double().mean()
assert early < recursive[3].mean() - 0.03
measured = {f"solved_{step}": recursive[step - 1].mean() for step in (1, 4, 8)} | {
    **{kind.replace(", ", "_"): means[kind] for kind in list(kinds)[1:]},
    **{"solved_least": recursive[3].min(), "one_pass_most": one_pass.max()},
    **{"parameters": size["one_pass"], "parameters_large": size["larger"]},
    **{"agreed": ((halt[0] > 0) == right[0]).double().mean()},
    **{"wrong_positive": signs[1], "early_solved": early},
    **{"early_steps": 1 + stop.double().mean()},
}

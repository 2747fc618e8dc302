"""
A network that recurses, beside the same network in one pass
============================================================

Figures of :doc:`/transformers/tiny_recursive_model`. Recursive models, the same network
in one pass, and a larger one learn 4x4 Sudoku. Then the answers of each step.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.small_sudoku import draw_puzzles, split
from snippets.transformers.sudoku_training import Plan, answer, models, train

training, test = split(draw_puzzles(800, 5, torch.Generator().manual_seed(0)))
SEEDS, KEPT, UPDATES = [0, 1, 2], 6, 660
small, large = (16, 16, 32, 1), (32, 32, 64, 2)
kinds = {  # the last number: training arithmetic relative to that of "recursive"
    "recursive": (small, Plan(2, 2, 4, UPDATES, rate=6e-3), 1),
    "one pass": (small, Plan(1, 1, 1, 2 * UPDATES, rate=48e-3), 1),
    "larger": (large, Plan(1, 1, 1, UPDATES // 2, rate=12e-3), 2),
}
share, size, kept = {}, {}, {}
for kind, (shape, plan, _) in kinds.items():
    kept[kind] = train(models(SEEDS, *shape), training, plan, KEPT)
    made = [answer(average, test, plan, plan.n_sup) for average in kept[kind]]
    share[kind] = torch.stack([a.solved[-1].double().mean(dim=-1) for a in made])
    size[kind] = sum(weight[0].numel() for weight in kept[kind][0].weights)
recursive, one_pass, larger = share.values()
assert (recursive[-1] - recursive[-2]).mean().abs() < 0.03  # level
assert recursive[-1].min() > max(one_pass[-1].max(), larger[2].max()) + 0.05
assert one_pass[1].mean() > recursive[1].mean() + 0.1  # but first it is behind

fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
for color, (kind, (_, _, cost)) in enumerate(kinds.items()):
    spent = [cost * number / KEPT for number in range(1, KEPT + 1)]
    ax.plot(spent, share[kind], f"C{color}{'osv'[color]}-", label=[kind, "_", "_"])
ax.set(xlabel="training arithmetic (recursive models: 1)", ylim=(0, 1.02))
ax.set_ylabel("share of test puzzles solved")
ax.legend(loc="lower right")
ends = {kind: values[-1].mean() for kind, values in share.items()}
fig.set_label(
    "Share of test puzzles solved over the training arithmetic, three seeds each. At "
    f"the end, {ends['recursive']:.2f} for recursive models, {ends['one pass']:.2f} "
    f"for one pass, {ends['larger']:.2f} for the larger network after twice the "
    f"arithmetic. At a third of the training, one pass has {one_pass[1].mean():.2f} "
    f"and the recursive models {recursive[1].mean():.2f}."
)

fig, ax = plt.subplots(figsize=(5.4, 3), layout="constrained")
plan, by_step = kinds["recursive"][1], {}
for at, (part, look) in enumerate({"half": "C1s--", "all": "C0o-"}.items(), start=1):
    final = answer(kept["recursive"][at * KEPT // 2 - 1], test, plan, 8)
    by_step[part] = final.solved.double().mean(dim=-1)
    label = f"after {part} of the training"
    ax.plot(range(1, 9), by_step[part], look, label=[label, "_", "_"])
assert by_step["all"][0].mean() > one_pass[-1].mean()
ax.axvline(plan.n_sup, color="0.5", ls=":")
ax.set(xlabel="supervision step", ylabel="share of test puzzles solved", ylim=(0, 1.02))
ax.legend(loc="lower right")
first, last = ([by_step[p][s].mean() for p in by_step] for s in (0, 3))
assert last[0] - first[0] > max(0, last[1] - first[1])  # later, steps add less
fig.set_label(
    "Share of test puzzles solved after steps 1 to 8, three seeds each. After half of "
    f"the training, from {first[0]:.2f} at step 1 to {last[0]:.2f} at step 4, where a "
    f"dotted line is; after all of it, from {first[1]:.2f} to {last[1]:.2f}."
)
halt, right = final.halt, final.solved
stop = torch.where((halt[:4] > 0).any(0), (halt[:4] > 0).int().argmax(0), 3)
agreed = ((halt[0] > 0) == right[0]).double().mean()
early = right.gather(0, stop[None]).double().mean()
assert early < last[1]
measured = {
    **{"all_1": first[1], "all_4": last[1], "all_8": by_step["all"][7].mean()},
    **{"one_pass": ends["one pass"], "one_pass_most": one_pass[-1].max()},
    **{"larger": ends["larger"], "larger_third": larger[2].mean()},
    **{"parameters": size["one pass"], "parameters_large": size["larger"]},
    **{"agreed": agreed, "early_solved": early, "least": recursive[-1].min()},
}

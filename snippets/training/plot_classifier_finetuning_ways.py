"""
What pretraining is worth with 40 labels, and how sure the classifier is
========================================================================

Two figures of :doc:`/training/classifier_finetuning`: the accuracy of five ways to
train a small GPT; and the reliability of one way, before and after temperature scaling.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training import calibration, fine_tuning_runs
from snippets.training.two_sources import bayes_logits, draw_labeled, tables

MODELS, PRETRAINING, UPDATES = 4, 250, 70
WAYS = {  # what is trained, whether pretrained, learning rates to choose from
    "scratch": ("all", False, [0.001, 0.003, 0.01]),
    "head": ("head", True, [0.1, 0.3, 1.0]),
    "all": ("all", True, [0.003, 0.01, 0.03]),
    "lora": ("LoRA", True, [0.01, 0.03, 0.1]),
    "block": ("last block", True, [0.01, 0.03, 0.1]),
}
NAMES = ["all, from scratch", "head", "all", "LoRA", "last block"]

table, seeds = tables(), [torch.Generator().manual_seed(s) for s in range(MODELS + 2)]
learned = [draw_labeled(table, 40, seed) for seed in seeds[:MODELS]]
chosen, test = draw_labeled(table, 200, seeds[-2]), draw_labeled(table, 1000, seeds[-1])
fresh, tuned = fine_tuning_runs.new_gpts(MODELS), {}
pretrained = fine_tuning_runs.pretrain(fresh, PRETRAINING)
for key, (way, after, rates) in WAYS.items():
    models = fine_tuning_runs.classifiers(pretrained if after else fresh, way)
    tuned[key] = fine_tuning_runs.fine_tune_best(
        models, learned, rates, UPDATES, chosen=chosen, test=test
    )
right = {k: fine_tuning_runs.accuracy(found.test, test) for k, found in tuned.items()}
bayes = fine_tuning_runs.accuracy(bayes_logits(table, test)[None], test)[0]

fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
for row, found in enumerate(right.values()):
    ax.plot(found, [row] * MODELS, f"C{row}o", alpha=0.6)
    ax.plot(found.mean(), row, f"C{row}|", markersize=18)
for level, style in ((0.5, ":"), (bayes, "--")):
    ax.axvline(level, color="0.5", linestyle=style)
ax.set(xlabel="accuracy", ylim=(-0.6, 4.6), yticks=range(5), yticklabels=NAMES)
each = [f"{a.mean():.2f} ({a.min():.2f} to {a.max():.2f})" for a in right.values()]
fig.set_label(
    f"Accuracy, four runs for each way, from scratch first, then head, all, LoRA, and "
    f"last block: {'; '.join(each)}. Dotted: 0.5. Dashed: Bayes, {bayes:.3f}."
)

# %% How sure
heats = [calibration.fit_temperature(z, chosen.labels) for z in tuned["block"].chosen]
logits = tuned["block"].test.double()
pair = torch.stack([logits, logits / torch.tensor(heats)[:, None, None]])
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.2), sharey=True, layout="constrained")
for ax, name, z in zip(axes, ["before", "after"], pair, strict=True):
    found = calibration.reliability(z.flatten(0, 1), test.labels.repeat(MODELS), 10)
    ax.plot([0.5, 1], [0.5, 1], color="0.5", linestyle=":")
    ax.scatter(*found[1:], 400 * found.count / found.count.sum(), "C0", alpha=0.6)
    ax.set(xlabel="confidence", title=f"{name} temperature scaling")
axes[0].set_ylabel("accuracy")
scores = calibration.expected_calibration_error, calibration.negative_log_likelihood
errors, losses = (
    torch.tensor([[f(z, test.labels) for z in some] for some in pair]) for f in scores
)
fig.set_label(
    "Accuracy by confidence, for bins of width 0.1, area by number of texts. Before: "
    "the largest point, far right, is well below the diagonal. After: all are near it. "
    f"Mean calibration error {errors[0].mean():.2f}, then {errors[1].mean():.2f}."
)
measured = {key: found.mean() for key, found in right.items()} | {"bayes": bayes}
measured |= {f"{key}_trained": found.trained for key, found in tuned.items()}
measured |= {"all_low": right["all"].min(), "all_high": right["all"].max()}
measured |= {"gain": measured["all"] - measured["scratch"], "heat": max(heats)}
measured["fell"] = (errors[1] < errors[0]).sum()
for name, (before, after) in {"error": errors, "loss": losses}.items():
    measured |= {f"{name}_before": before.mean(), f"{name}_after": after.mean()}
    assert after.mean() < 0.8 * before.mean()
assert right["scratch"].max() < min(right[k].min() for k in WAYS if k != "scratch")
assert measured["scratch"] < 0.54 < measured["head"] < measured["all"]

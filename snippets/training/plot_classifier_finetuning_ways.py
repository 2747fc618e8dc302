"""
What pretraining is worth with 40 labels, and how sure the classifier is
========================================================================

Two figures of :doc:`/training/classifier_finetuning`: the accuracy of five ways to
train a small GPT, beside counts of pairs; and the reliability of one way.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training import calibration, two_sources
from snippets.training import fine_tuning_runs as runs
from snippets.training.two_sources import bayes_logits, count_pairs, draw_labeled

MODELS, PRETRAINING, UPDATES = 4, 400, 70
WAYS = {  # what is trained, whether pretrained, learning rates to choose from
    "scratch": ("all", False, [0.001, 0.003, 0.01]),
    "head": ("head", True, [0.1, 0.3, 1.0]),
    "all": ("all", True, [0.003, 0.01, 0.03]),
    "lora": ("LoRA", True, [0.01, 0.03, 0.1]),
    "block": ("last block", True, [0.01, 0.03, 0.1]),
}
NAMES = ["all, from scratch", "head", "all", "LoRA, head", "last block", "pair counts"]

table = two_sources.tables()
seeds = [torch.Generator().manual_seed(s) for s in range(MODELS + 2)]
learned = [draw_labeled(table, 40, seed) for seed in seeds[:MODELS]]
chosen, test = draw_labeled(table, 200, seeds[-2]), draw_labeled(table, 1000, seeds[-1])
others = {"chosen": chosen, "test": test}
fresh, tuned = runs.new_gpts(MODELS), {}
pretrained = runs.pretrain(fresh, PRETRAINING)
for key, (way, after, rates) in WAYS.items():
    models = runs.classifiers(pretrained if after else fresh, way)
    tuned[key] = runs.fine_tune_best(models, learned, rates, UPDATES, **others)
logits = {key: found.test for key, found in tuned.items()}
logits["pairs"] = torch.stack([bayes_logits(count_pairs(t), test) for t in learned])
right = {key: runs.accuracy(z, test) for key, z in logits.items()}
bayes = runs.accuracy(bayes_logits(table, test)[None], test)[0]

fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
for row, found in enumerate(right.values()):
    ax.plot(found, [row] * MODELS, f"C{row}o", alpha=0.6)
    ax.plot(found.mean(), row, f"C{row}|", markersize=18)
for level, style in ((0.5, ":"), (bayes, "--")):
    ax.axvline(level, color="0.5", linestyle=style)
trained = [found.trained for found in tuned.values()] + [2 * 8 * 7]  # rows sum to 1
rows = [f"{name} ({n:,})" for name, n in zip(NAMES, trained, strict=True)]
ax.set(xlabel="accuracy", yticks=range(6), yticklabels=rows)
each = [f"{a.mean():.2f} ({a.min():.2f} to {a.max():.2f})" for a in right.values()]
fig.set_label(
    f"Accuracy of four runs for each way, from below: {', '.join(rows)}. "
    f"{'; '.join(each)}. Dotted: 0.5. Dashed: Bayes, {bayes:.3f}."
)

# %% How sure
heats = [calibration.fit_temperature(z, chosen.labels) for z in tuned["block"].chosen]
before = logits["block"].double()
pair = [before, before / torch.tensor(heats)[:, None, None]]
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.2), sharey=True, layout="constrained")
for ax, name, z in zip(axes, ["before", "after"], pair, strict=True):
    ax.plot([0.5, 1], [0.5, 1], color="0.5", linestyle=":")
    for number, one in enumerate(z):
        found = calibration.reliability(one, test.labels, 10)
        ax.scatter(*found[1:], found.count / 3, f"C{number}", alpha=0.6)
    ax.set(xlabel="confidence", title=f"{name} temperature scaling")
axes[0].set_ylabel("accuracy")
scores = calibration.expected_calibration_error, calibration.negative_log_likelihood
found = [[[f(z, test.labels) for z in some] for some in pair] for f in scores]
errors, losses = torch.tensor(found)
fig.set_label(
    "Accuracy by confidence. Before: the largest points are below the line. "
    f"Mean calibration error {errors[0].mean():.2f}, then {errors[1].mean():.2f}."
)
measured = {key: found.mean() for key, found in right.items()} | {"bayes": bayes}
measured |= {"all_low": right["all"].min(), "all_high": right["all"].max()}
measured |= {"gain": measured["all"] - measured["scratch"]}
measured["fell"] = (errors[1] < errors[0]).sum()
for name, (before, after) in {"error": errors, "loss": losses}.items():
    measured |= {f"{name}_before": before.mean(), f"{name}_after": after.mean()}
    assert after.mean() < 0.8 * before.mean()
assert right["scratch"].max() < min(right[k].min() for k in WAYS if k != "scratch")
assert measured["scratch"] < 0.54 < measured["head"] < min(right["all"])
assert min(heats) > 1
assert right["block"].max() < right["pairs"].min()

"""
Codes that die in training, and what keeps them alive
=====================================================

A figure of :doc:`/recommenders/semantic_ids`: the perplexity of each level's codes
while an RQ-VAE is trained, with two starts, and with and without replacing entries.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.recommenders.code_usage import perplexity
from snippets.recommenders.nested_catalog import draw_catalog, purity
from snippets.recommenders.residual_k_means import fit_codebooks
from snippets.recommenders.rqvae_training import (
    ids_of_runs,
    reconstruction_errors,
    train,
    untrained,
)
from snippets.recommenders.semantic_ids import residual_quantize

ITEMS, SEEDS, STEPS, SIZE = 4000, 3, 500, 32
WAYS = ("random start", "k-means start")
WAYS += tuple(f"{way}, entries replaced" for way in WAYS)
SHOWN = {1, 3, 6, 12, 25, *range(50, STEPS + 1, 50)}


catalogs = [draw_catalog(ITEMS, seed) for seed in range(SEEDS)]
content = torch.stack([catalog.content for catalog in catalogs])
starts = [untrained(content, SIZE, from_data) for from_data in (False, True)]
models, x = [*starts[0], *starts[1]] * 2, content.repeat(4, 1, 1)
replacing, course = torch.arange(4 * SEEDS) >= 2 * SEEDS, {}
for step, weights in enumerate(train(models, x, replacing, STEPS), start=1):
    if step in SHOWN:
        found = perplexity(ids_of_runs(weights, x[:, :1000]), SIZE)
        course[step] = found.unflatten(0, (4, SEEDS)).numpy()
*_, slow = train(starts[1][:1], content[:1], replacing[:1], STEPS, rate=0.002)
fig, axes = plt.subplots(1, 3, figsize=(6.8, 3.7), sharey=True)
for level, ax in enumerate(axes):
    for way, name in enumerate(WAYS):
        runs = np.array([course[step][way, :, level] for step in course])
        style = {"color": f"C{way}", "linestyle": ["--", ":", "-.", "-"][way]}
        ax.plot(list(course), runs, **style)[0].set_label(name)
    ax.axhline(SIZE, color="0.5", linewidth=0.8)
    ax.set(title=f"level {level + 1}", xscale="log", xlabel="step")
axes[0].set(ylabel=f"perplexity of {SIZE} codes", ylim=(0, SIZE + 1))
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
last = course[STEPS]
spans = [f"{last[way].min():.0f} to {last[way].max():.0f}" for way in range(4)]
fig.set_label(
    "Perplexity of three levels during training, three runs of each kind. At the end, "
    f"with a random start: {spans[0]} of {SIZE}. With a k-means start: "
    f"{last[1, :, 0].min():.0f} to {last[1, :, 0].max():.0f} on level 1, after a fall "
    f"from {course[1][1, :, 0].min():.0f} or more at step 1, and "
    f"{last[1, :, 1:].min():.0f} to {last[1, :, 1:].max():.0f} on levels 2 and 3. With "
    f"unused entries replaced: {spans[2]} and {spans[3]}, from both starts."
)
codes = ids_of_runs(weights, x).unflatten(0, (4, SEEDS)).numpy()
pure = np.array(  # ways, seeds, and prefixes of one and two codes
    [
        [
            (purity(ids[:, :1], catalog.topic), purity(ids[:, :2], catalog.subtopic))
            for ids, catalog in zip(runs, catalogs, strict=True)
        ]
        for runs in codes
    ]
)
error = reconstruction_errors(weights, x).view(4, SEEDS)
plain = torch.stack(
    [residual_quantize(one, fit_codebooks(one, 3, SIZE)).quantized for one in content]
)
plain_error = (plain - content).square().mean(dim=(1, 2))
measured = {"random_high": last[0].max(), "first_high": last[1, :, 0].max()}
measured |= {"slow_first": perplexity(ids_of_runs(slow, content[:1]), SIZE)[0, 0]}
measured |= {"later_low": last[1, :, 1:].min()}
measured |= {"replaced_low": last[2:].min(), "subtopics": pure[2:, :, 1].min()}
measured |= {"random_subtopics": pure[0, :, 1].max()}
measured |= {"error": error[2:].min(), "random_error": error[0].min()}
measured |= {"plain_error": plain_error.max()}
assert last[0].max() < 10
assert last[1, :, 0].max() < 10 < last[1, :, 1:].min()
assert last[2:].min() > 20
assert pure[2:].min() > 0.95 > 0.7 > pure[0, :, 1].max()
assert 2 * plain_error.max() < error[2:].min() < error[2:].max() < error[0].min()

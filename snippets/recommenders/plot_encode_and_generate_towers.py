"""
New items in a two-tower model: what the vectors are made of, and what training says
====================================================================================

A figure of :doc:`/recommenders/encode_and_generate`: Recall@10 of items that were sold
before training and of items that were launched after it, for three two-tower models.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.recommenders import drifting_log as log
from snippets.recommenders.history_encoders import GRUEncoder
from snippets.recommenders.next_item_models import TwoTower, train
from snippets.recommenders.ranked_lists import recall_at_k

SEEDS, USERS, TESTED, LENGTH, WIDTH, K = 3, 2000, 1000, 6, 32, 10
marks = np.eye(log.ITEMS, dtype=bool)


@torch.no_grad()
def run(seed):
    """Recall of old and of new items, for each of the models."""
    rng, draw = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    shop = log.draw_shop(rng)
    data = log.draw_launch(shop, USERS, TESTED, LENGTH, rng)
    sequences, seen = torch.tensor(data.sequences), torch.tensor(data.seen)
    ids, codes = torch.arange(log.ITEMS)[:, None], torch.tensor(shop.codes)
    sold, found = torch.tensor(data.sold), []
    for names, answers in ((ids, sold), (codes, sold | True), (codes, sold)):
        tower = TwoTower(GRUEncoder(WIDTH), names, WIDTH)
        with torch.enable_grad():
            train(tower, partial(tower.loss, sold=answers), sequences, draw)
        lists = tower(seen)[:, -1].topk(K).indices.numpy()
        found.append([recall_at_k(lists, marks[t]) for t in (data.old, data.new)])
    return found


recall = np.array([run(seed) for seed in range(SEEDS)])  # seeds, models, old and new
mean = recall.mean(axis=0)
models = ["a vector\nfor each item", "sums of tokens,\nnew items are\nwrong answers"]
models += ["sums of tokens,\nnew items are\nleft out"]
fig, ax = plt.subplots(figsize=(6.8, 3.2), layout="constrained")
for side, name in enumerate(("old items", "new items")):
    places = np.arange(3) + 0.36 * (side - 0.5)
    style = {"color": f"C{side}", "alpha": 0.5, "hatch": ["", "//"][side]}
    ax.bar(places, mean[:, side], 0.34, label=name, **style)
    for one in recall:
        ax.plot(places, one[:, side], "o", color=f"C{side}", markersize=5)
ax.set(ylabel=f"Recall@{K}", xticks=range(3), ylim=(0, 0.95))
ax.set_xticklabels(models)
ax.legend(loc="upper right", ncols=2)
pairs = [f"{old:.2f} and {new:.2f}" for old, new in mean]
fig.set_label(
    f"Recall@{K} of old and of new items, mean of {SEEDS} shops with a dot for each. A "
    f"vector for each item: {pairs[0]}. Sums of token vectors: {pairs[1]} if new items "
    f"are wrong answers in training, {pairs[2]} if they are left out."
)
measured = {"rows_new": mean[0, 1], "wrong_new": mean[1, 1]}
measured |= {"out_old": mean[2, 0], "out_new": mean[2, 1]}
assert recall[:, 0, 1].max() < 0.02
assert recall[:, 1, 1].max() < 0.4 < 0.5 < recall[:, 2, 1].min()
assert recall[:, :, 0].min() > 0.6

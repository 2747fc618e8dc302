"""
New items in a generator: what training says about codes that nobody has
========================================================================

A figure of :doc:`/recommenders/encode_and_generate`: Recall@10 of items that were sold
before training and of items that were launched after it, for a generator trained with
all tokens as possible answers, and with those that continue the code of an item.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.recommenders import drifting_log as log
from snippets.recommenders.encode_and_generate import beam_search, prefix_tree
from snippets.recommenders.history_encoders import GRUEncoder
from snippets.recommenders.next_item_models import Generator, train
from snippets.recommenders.ranked_lists import recall_at_k

SEEDS, USERS, TESTED, LENGTH, WIDTH, K, EPOCHS = 3, 2000, 1000, 6, 32, 10, 6
marks = np.eye(log.ITEMS, dtype=bool)


@torch.no_grad()
def run(seed, losses, epochs):
    """Recall of old and of new items, for each of the losses."""
    rng, draw = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    shop = log.draw_shop(rng)
    data = log.draw_launch(shop, USERS, TESTED, LENGTH, rng)
    sequences, seen = torch.tensor(data.sequences), torch.tensor(data.seen)
    codes, sold = torch.tensor(shop.codes), torch.tensor(data.sold)
    before, after = prefix_tree(codes[sold], log.VOCAB), prefix_tree(codes, log.VOCAB)
    allowed = {"all": torch.ones(*codes.shape, log.VOCAB, dtype=torch.bool)}
    allowed["trie"] = torch.zeros_like(allowed["all"])
    allowed["trie"][sold] = before.children[before.paths] >= 0
    found = []
    for loss in losses:
        writer, tokens = (
            Generator(GRUEncoder(WIDTH), codes, log.VOCAB, WIDTH),
            allowed[loss],
        )
        with torch.enable_grad():
            step = partial(writer.loss, allowed=tokens)
            train(writer, step, sequences, draw, epochs)
        lists = beam_search(writer.step(seen), after, TESTED, K).items.numpy()
        found.append([recall_at_k(lists, marks[t]) for t in (data.old, data.new)])
    return found


recall = np.array([run(seed, ("all", "trie"), EPOCHS) for seed in range(SEEDS)])
(longer,) = run(0, ("all",), 2 * EPOCHS)
mean = recall.mean(axis=0)  # losses, old and new
rows = [mean[0], longer, mean[1]]
names = ["all tokens", "all tokens,\ntwice the epochs\n(one shop)"]
names += ["tokens that continue\nthe code of an item"]
fig, ax = plt.subplots(figsize=(6.8, 3.2), layout="constrained")
for side, name in enumerate(("old items", "new items")):
    places = np.arange(3) + 0.36 * (side - 0.5)
    style = {"color": f"C{side}", "alpha": 0.5, "hatch": ["", "//"][side]}
    ax.bar(places, [row[side] for row in rows], 0.34, label=name, **style)
    for one in recall:
        ax.plot(places[::2], one[:, side], "o", color=f"C{side}", markersize=5)
ax.set(ylabel=f"Recall@{K}", xticks=range(3), ylim=(0, 0.95))
ax.set_xticklabels(names)
ax.legend(loc="upper right", ncols=2)
pairs = [f"{old:.2f} and {new:.2f}" for old, new in rows]
fig.set_label(
    f"Recall@{K} of old and of new items, by the tokens that the loss compares. All "
    f"tokens: {pairs[0]}, mean of {SEEDS} shops; {pairs[1]} after twice the epochs, in "
    f"one shop. Tokens that continue the code of an item: {pairs[2]}."
)
measured = {"all_new": mean[0, 1], "longer_new": longer[1]}
measured |= {"trie_old": mean[1, 0], "trie_new": mean[1, 1]}
assert longer[1] < 0.05
assert recall[:, 0, 1].max() < 0.35 < 0.55 < recall[:, 1, 1].min()
assert recall[:, :, 0].min() > 0.6

"""
Retrieve or generate, with and without the order of the history
===============================================================

A figure of :doc:`/recommenders/encode_and_generate`: two ways to find the next item,
each with and without the order of the history, beside the best that is possible.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.recommenders import drifting_log as log
from snippets.recommenders import next_item_models as models
from snippets.recommenders.encode_and_generate import beam_search, prefix_tree
from snippets.recommenders.history_encoders import GRUEncoder, MeanEncoder
from snippets.recommenders.ranked_lists import recall_at_k

SEEDS, USERS, TESTED, LENGTH, WIDTH, K, CANDIDATES = 3, 2000, 1000, 12, 32, 10, 20
ids, sold = torch.arange(log.ITEMS)[:, None], torch.ones(log.ITEMS).bool()
allowed = torch.ones(log.ITEMS, 3, log.VOCAB).bool()
fit = partial(models.train, batch=100, rate=0.02)


@torch.no_grad()
def run(seed):
    """Recall of each system in one shop."""
    rng, draw = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    shop, scores, lists = log.draw_shop(rng), {}, {}
    walks = log.draw_walks(shop, USERS + TESTED, LENGTH + 1, rng)
    drawn = torch.tensor(log.draw_items(walks, sold.numpy(), rng))
    seen, codes = drawn[USERS:, :-1], torch.tensor(shop.codes)
    for name, encoder in (("mean", MeanEncoder), ("gru", GRUEncoder)):
        tower = models.TwoTower(encoder(WIDTH), ids, WIDTH)
        writer = models.Generator(encoder(WIDTH), codes, log.VOCAB, WIDTH)
        with torch.enable_grad():
            fit(tower, partial(tower.loss, sold=sold), drawn[:USERS], draw)
            fit(writer, partial(writer.loss, allowed=allowed), drawn[:USERS], draw)
        scores[f"{name}_tower"] = tower(seen)[:, -1]
        trie = prefix_tree(codes, log.VOCAB)
        lists[f"{name}_writer"] = beam_search(writer.step(seen), trie, TESTED, K).items
    scores["blind"] = torch.tensor(log.best_unordered(shop, seen.numpy()))
    scores["best"] = torch.tensor(log.best_ordered(shop, seen.numpy()))
    lists |= {name: score.topk(K).indices for name, score in scores.items()}
    lists["candidates"] = scores["mean_tower"].topk(CANDIDATES).indices
    lists["ranked"] = models.rank(lists["candidates"], scores["gru_tower"], K)
    target = (drawn[USERS:, -1:] == ids.T).numpy()
    return {name: recall_at_k(found.numpy(), target) for name, found in lists.items()}


runs = [run(seed) for seed in range(SEEDS)]
values = {name: np.array([found[name] for found in runs]) for name in runs[0]}
measured = {name: value.mean() for name, value in values.items()}
texts = {"mean_tower": "mean,\nretrieval", "mean_writer": "mean,\ngeneration"}
texts |= {"ranked": "mean, then\nGRU ranks", "gru_tower": "GRU,\nretrieval"}
texts["gru_writer"] = "GRU,\ngeneration"
fig, ax = plt.subplots(figsize=(6.8, 3.4), layout="constrained")
for place, name in enumerate(texts):
    color = ["C0", "C1", "0.5"][place % 3]
    ax.bar(place, measured[name], color=color, alpha=0.5)
    ax.plot([place] * SEEDS, values[name], "o", color=color, markersize=5)
for name, text in (("best", "best possible"), ("blind", "best without the order")):
    ax.axhline(measured[name], color="0.5", linestyle="--", linewidth=1.2)
    ax.text(-0.45, measured[name] + 0.01, text)
ax.set(ylabel=f"Recall@{K}", ylim=(0, 0.8), xticks=range(len(texts)))
ax.set_xticklabels(texts.values())
listed = "; ".join(f"{texts[n]} {measured[n]:.2f}" for n in texts)
listed = listed.replace(",\n", " ").replace("\n", " ")
limits = f"{measured['blind']:.2f}, best possible {measured['best']:.2f}"
fig.set_label(
    f"Recall@{K}, mean of {SEEDS} shops, a dot for each. {listed}. Dashed lines: best "
    f"without the order {limits}."
)
measured["apart"] = np.abs(values["gru_tower"] - values["gru_writer"]).max()
for way in ("tower", "writer"):
    assert values[f"mean_{way}"].max() < values["blind"].min()
    assert values[f"gru_{way}"].min() > 0.85 * measured["best"]

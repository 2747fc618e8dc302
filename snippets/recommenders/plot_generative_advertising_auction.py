"""
Probabilities that are too high change who wins an auction
==========================================================

A figure of :doc:`/recommenders/generative_advertising`: click models trained on a
sample of the misses, and what their predictions do to auctions.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression

from snippets.recommenders.ad_auction import recalibrate, second_price

SEEDS, LOG, AUCTIONS, ADS, FEATURES = 5, 100_000, 20_000, 5, 6
KEPT, NAMES = (1.0, 0.1, 0.03, 0.01), ("revenue", "value", "clicks")


def click_rate(features, weights):
    return 1 / (1 + np.exp(4.7 - features @ weights))


def outcome(bids, predicted, truth):
    """Revenue of the page, value of the clicks to the winners, and their number."""
    sale = second_price(bids, predicted)
    won = np.take_along_axis(truth, sale.winner, axis=1)
    value = won * np.take_along_axis(bids, sale.winner, axis=1)
    return np.array([(won * sale.price).sum(), value.sum(), won.sum()])


def experiment(seed):
    """Outcomes relative to true click rates, and predicted clicks over true ones."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=FEATURES)
    weights *= 1.4 / np.linalg.norm(weights)
    seen = rng.normal(size=(LOG, FEATURES))
    clicked = rng.random(LOG) < click_rate(seen, weights)
    new = rng.normal(size=(AUCTIONS, ADS, FEATURES))
    truth, bids = click_rate(new, weights), rng.lognormal(0, 0.7, (AUCTIONS, ADS))
    perfect, rows = outcome(bids, truth, truth), []
    for rate in KEPT:
        keep = clicked | (rng.random(LOG) < rate)
        model = LogisticRegression(C=1e6).fit(seen[keep], clicked[keep])
        p = model.predict_proba(new.reshape(-1, FEATURES))[:, 1].reshape(truth.shape)
        both = p, recalibrate(p, rate)
        equal = [second_price(np.ones_like(q), q).winner for q in both]
        assert (equal[0] == equal[1]).all()  # equal bids: the order is kept
        totals = [[*(outcome(bids, q, truth) / perfect), q.sum()] for q in both]
        rows.append(totals / np.array([1, 1, 1, truth.sum()]))
    return rows


found = np.array([experiment(seed) for seed in range(SEEDS)])  # seeds, kept, both, 4
raw, mended = found.mean(axis=0).transpose(1, 2, 0)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained")
left.plot(raw[3], "C0-o", label="model")
left.plot(mended[3], "C2--^", label="recalibrated")
left.set(yscale="log", yticks=[1, 10, 50], yticklabels=[1, 10, 50])
left.set(ylabel="predicted clicks / clicks")
for number, (name, look) in enumerate(zip(NAMES, ("C5D", "C3s", "C4P"), strict=True)):
    right.plot(raw[number], f"{look}-", label=name)
    right.plot(mended[number], f"{look}:", alpha=0.6)
right.set(ylabel="ratio to true click rates", ylim=(0.6, 1.75))
for ax in (left, right):
    ax.set(xlabel="misses kept", xticks=range(len(KEPT)))
    ax.set_xticklabels([f"{kept:.0%}" for kept in KEPT])
    ax.legend()
revenue, value, clicks, ratio = raw[:, -1]
fig.set_label(
    f"Left: predicted over true clicks. With {KEPT[-1]:.0%} of the misses, it is "
    f"{ratio:.0f}, and {mended[3, -1]:.2f} after recalibration. Right: the model's "
    f"revenue is {revenue:.2f} times that with true click rates, the value of the "
    f"clicks {value:.2f} times, and their number {clicks:.2f} times. After "
    "recalibration, all three stay near 1."
)
measured = {"ratio": ratio, "clicks": 1 - clicks, "value": 1 - value}
measured |= {"revenue": revenue - 1, "mended": abs(mended[:3] - 1).max()}
assert (found[:, -1, 0, 2] < 0.85).all() & (found[:, -1, 0, 0] > 1.05).all()
assert measured["mended"] < 0.02

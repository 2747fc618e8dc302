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
KEPT = (1.0, 0.1, 0.03, 0.01)


def click_rate(features, weights):
    return 1 / (1 + np.exp(4.7 - features @ weights))


def outcome(bids, predicted, truth):
    """Value of the clicks, number of clicks, and revenue of the page."""
    sale = second_price(bids, predicted)
    won = np.take_along_axis(truth, sale.winner, axis=1)
    value = won * np.take_along_axis(bids, sale.winner, axis=1)
    return np.array([value.sum(), won.sum(), (won * sale.price).sum()])


def experiment(seed):
    """Outcomes relative to true click rates, and predicted over observed clicks."""
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
        rows.append(
            [[*outcome(bids, q, truth) / perfect, q.sum() / truth.sum()] for q in both]
        )
    return rows


found = np.array([experiment(seed) for seed in range(SEEDS)])
raw, mended = np.moveaxis(found, 2, 0)  # seeds, shares kept, numbers
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained")
spots = np.arange(len(KEPT))
for values, look, name in ((raw, "C0-o", "model"), (mended, "C2--^", "recalibrated")):
    left.plot(spots, values[..., 3].mean(axis=0), look, label=name)
left.axhline(1, color="0.5", linewidth=0.8)
left.set(yscale="log", yticks=[1, 10, 50], yticklabels=[1, 10, 50])
left.set(ylabel="predicted clicks / clicks")
left.legend()
for number, look, name in zip(
    (2, 0, 1), "DsP", ("revenue", "value", "clicks"), strict=True
):
    color = f"C{number + 3}"
    right.plot(spots, raw[..., number].mean(axis=0), f"{color}-{look}", label=name)
    right.plot(spots, mended[..., number].mean(axis=0), f"{color}:{look}", alpha=0.6)
right.set(ylabel="ratio to true click rates", ylim=(0.6, 1.75))
right.legend()
for ax in (left, right):
    ax.set(xlabel="misses kept", xticks=spots)
    ax.set_xticklabels([f"{kept:.0%}" for kept in KEPT])
value, clicks, revenue, ratio = raw[:, -1].mean(axis=0)
fig.set_label(
    f"Left: predicted over true clicks. With {KEPT[-1]:.0%} of the misses, it is "
    f"{ratio:.0f}, and {mended[:, -1, 3].mean():.2f} after recalibration. Right: with "
    f"uncorrected predictions, revenue is {revenue:.2f} times that with true click "
    f"rates, the value of the clicks {value:.2f} times, and their number {clicks:.2f} "
    "times. After recalibration, all three stay near 1."
)
measured = {"ratio": ratio, "clicks": clicks, "value": 1 - value}
measured |= {"revenue": revenue - 1, "price": revenue / clicks}
measured |= {"mended": abs(mended[..., :3].mean(axis=0) - 1).max()}
assert (raw[:, -1, 1] < 0.85).all()
assert (raw[:, -1, 2] > 1.05).all()
assert measured["mended"] < 0.02

"""
A two-sided and a causal model restore symbols
==============================================

A figure of :doc:`/transformers/bert`. Loss on the picked symbols of a Markov chain, for
BERT and for the same model with a causal mask, three seeds each, and the lowest loss
that any model of each kind can reach.
"""

import matplotlib.pyplot as plt

from snippets.attention.self_attention import causal
from snippets.transformers.masked_chain import SEQ, best_loss, masked_texts, transitions
from snippets.transformers.masked_chain_training import train

chain = transitions()
test = masked_texts(chain, 2000, seed=1)
KINDS = {"causal": causal(SEQ, SEQ)[None], "two-sided": None}
trained = {name: train(chain, test, allowed) for name, allowed in KINDS.items()}
best = {
    name: best_loss(chain, test, two_sided=name == "two-sided").item() for name in KINDS
}

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for place, (name, (history, _)) in enumerate(trained.items()):
    window = 20
    smooth = history.unflatten(0, (-1, window)).mean(1)
    steps = range(window // 2, len(history), window)
    ax.plot(steps, smooth, color=f"C{place}", alpha=0.4, lw=1)
    ax.plot(steps, smooth.mean(1), color=f"C{place}", lw=2, label=name)
    ax.axhline(best[name], color=f"C{place}", ls=":", label=f"{name}, lowest possible")
ax.set(xlabel="steps", ylabel="loss on picked symbols (nats)", xlim=(0, len(history)))
ax.legend()
ends = {name: result.test for name, result in trained.items()}
mean = {name: end.mean().item() for name, end in ends.items()}
fig.set_label(
    "Two groups of three curves that fall together at first. After "
    f"{len(history)} steps the causal models are at {mean['causal']:.2f} nats and the "
    f"two-sided ones at {mean['two-sided']:.2f}. Dotted lines show the lowest possible "
    f"losses, {best['causal']:.2f} and {best['two-sided']:.2f}."
)

gap = ends["causal"].min() - ends["two-sided"].max()
possible = best["causal"] - best["two-sided"]
measured = {
    "causal": mean["causal"],
    "two_sided": mean["two-sided"],
    "causal_best": best["causal"],
    "two_sided_best": best["two-sided"],
    "gap": gap,
    "share": (mean["causal"] - mean["two-sided"]) / possible,
}
assert 0.25 < gap < possible
assert all((end > best[name]).all() for name, end in ends.items())

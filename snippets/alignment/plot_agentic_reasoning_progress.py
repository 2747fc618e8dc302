"""
A reward for progress, and one that is only moved
=================================================

A figure of :doc:`/alignment/agentic_reasoning`: ten decisions that must all be right,
learned from a reward at the end, from potentials, and from a reward for each decision.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.alignment.chain_policy import potential_based, progress, sparse, train

RUNS, UPDATES, BATCH, GOAL = 8, 400, 64, 0.9

fresh = np.zeros((RUNS, UPDATES, BATCH), dtype=int)
rewards = {"end only": sparse, "progress": progress, "potential": potential_based}
found = {name: train(fresh, reward, seed=1) for name, reward in rewards.items()}
assert all((success > GOAL).any(dim=1).all() for success in found.values())
first = {name: (x > GOAL).float().argmax(dim=1) for name, x in found.items()}
gap = (found["end only"] - found["potential"]).abs().max()

fig, ax = plt.subplots(figsize=(6.0, 3.2), layout="constrained")
for name, style in (("end only", "C0-"), ("progress", "C1--")):
    lines = ax.plot(found[name].T, style, linewidth=1)
    lines[0].set_label("end only, or potential" if name == "end only" else name)
ax.axhline(GOAL, color="0.5", linestyle=":")
ax.set(xlabel="updates", ylabel="probability of success", xlim=(0, 250))
fig.legend(loc="outside upper center", ncols=2)
fig.set_label(
    "Eight runs each reach 90 % success after "
    + "; ".join(f"{n}: {x.min()} to {x.max()} updates" for n, x in first.items())
)
measured = {
    "sparse_low": first["end only"].min(),
    "sparse_high": first["end only"].max(),
}
measured |= {
    "dense_low": first["progress"].min(),
    "dense_high": first["progress"].max(),
}
assert first["progress"].max() < 0.4 * first["end only"].min()
assert gap < 1e-3
assert torch.equal(first["end only"], first["potential"])

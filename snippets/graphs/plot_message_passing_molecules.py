"""
Message passing: energies of molecules, by number of steps
==========================================================

Figure for :doc:`/graphs/message_passing`: the error for new toy molecules after 0 to 3
steps of message passing, and the control with the same bonds in a chain.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.molecule_network import MoleculeNetwork
from snippets.graphs.toy_molecules import in_a_row, molecules

BATCHES, STEPS, SEEDS = 12, 288, (0, 1, 2)

# %%
# Training
# --------

batches, new = [molecules(50, seed) for seed in range(BATCHES)], molecules(300, 99)
energies = torch.cat([batch[3] for batch in batches])
mean, spread = energies.mean(), energies.std()


def error(steps: int, seed: int, chain: bool = False) -> float:
    torch.manual_seed(seed)
    model = MoleculeNetwork(steps)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)

    def difference(edges, strength, owner, energy):
        graph = in_a_row(edges, strength, owner) if chain else (edges, strength)
        return model(*graph, owner) - (energy - mean) / spread

    for number in range(STEPS):
        loss = difference(*batches[number % BATCHES]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return difference(*new).abs().mean().item()


errors = np.array([[error(steps, seed) for seed in SEEDS] for steps in range(4)])
chain = np.mean([error(3, seed, chain=True) for seed in SEEDS])
none, one, two, three = errors.mean(axis=1)
assert none > one + 0.03 > two + 0.06 > three + 0.09
assert three < 0.25 < chain - 0.1

fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
ax.plot(errors, "o", color="C0", ms=4)
ax.plot(errors.mean(axis=1), color="C0", label="its bonds")
ax.axhline(chain, color="0.5", ls="--", label="bonds in a chain, 3 steps")
ax.set(xticks=range(4), xlabel="steps", ylabel="error / spread", ylim=0)
ax.legend()
fig.set_label(
    f"Error over the number of steps: {none:.2f} without, {one:.2f}, {two:.2f}, and "
    f"{three:.2f} with three; a dashed line for bonds in a chain lies at {chain:.2f}."
)

measured = {"error_0": none, "error_3": three, "row": chain}

"""
A toy model stores five features in two dimensions if they are sparse
=====================================================================

A figure of :doc:`/foundations/vector_geometry`. The model of Elhage et al. (2022): five
features are multiplied by a matrix W to two dimensions, back by its transpose, and
through a ReLU. Each feature is present with a given probability; three runs for each.
"""

import matplotlib.pyplot as plt
import torch

torch.manual_seed(0)
PROBABILITIES, SEEDS, FEATURES, HIDDEN = (1.0, 0.3, 0.05), 3, 5, 2
importance = 0.9 ** torch.arange(FEATURES)
present = torch.tensor(PROBABILITIES).repeat_interleave(SEEDS)[:, None, None]

# all nine models at once; the first axis is the model
weight = torch.randn(len(present), HIDDEN, FEATURES).mul(0.5).requires_grad_()
bias = torch.zeros(len(present), 1, FEATURES, requires_grad=True)
optimizer = torch.optim.Adam([weight, bias], lr=0.01)
for _ in range(3000):
    x = torch.rand(len(present), 256, FEATURES)
    x = x * (torch.rand_like(x) < present)
    output = torch.relu(x @ weight.mT @ weight + bias)
    loss = (importance * (output - x) ** 2).mean(dim=(1, 2)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

columns = weight.detach().mT  # (models, features, dimensions)
long = columns.norm(dim=-1) > 0.5
stored = long.sum(dim=1).reshape(-1, SEEDS)
assert torch.all(stored[0] == HIDDEN)
assert torch.all(long[:SEEDS, :HIDDEN])  # the two most important features
assert torch.all(stored[-1] == FEATURES)

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.7), sharey=True, layout="compressed")
for number, (ax, probability) in enumerate(zip(axes, PROBABILITIES, strict=True)):
    for k, (across, up) in enumerate(columns[number * SEEDS]):
        ax.plot([0, across], [0, up], "o-", color=f"C{k}", lw=2, ms=5)
    ax.set(
        title=f"present: {probability:.0%}", xlabel="first dimension", aspect="equal"
    )
    ax.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4))
axes[0].set(ylabel="second dimension")
first = stored[:, 0].tolist()
fig.set_label(
    "Columns of W as arrows in a plane. If features are always present, "
    f"{first[0]} arrows are longer than 0.5; if they are present with a probability of "
    f"30 %, {first[1]}; and with 5 %, all {first[2]}, which form a pentagon."
)

measured = {
    "stored_dense_least": stored[0].min(),
    "stored_dense_most": stored[0].max(),
    "stored_sparse_least": stored[-1].min(),
    "most_important": long[:SEEDS, :HIDDEN].all(dim=1).sum(),
}

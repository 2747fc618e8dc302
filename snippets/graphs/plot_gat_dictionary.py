"""
Graph attention: looking up words with static and dynamic attention
===================================================================

Figure for :doc:`/graphs/gat`: attention weights of GAT and GATv2 in a new dictionary,
after training on others.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, elu, one_hot

from snippets.graphs.adjacency_matrix import with_self_loops
from snippets.graphs.dictionary_abreast import look_up_abreast
from snippets.graphs.dictionary_lookup import WORDS, dictionaries
from snippets.graphs.gat import GAT, GATv2

# %%
# Training
# --------
# Every step draws eight new dictionaries; the test has a hundred others.


def look_up(layer: type, seed: int) -> tuple:
    """Accuracy for new dictionaries, and the weights in one of them."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    attend, answer = layer(features=16, heads=1, hidden=32), nn.Linear(32, WORDS)
    learned = [*attend.parameters(), *answer.parameters()]
    optimizer = torch.optim.Adam(learned, lr=0.02, fused=True)

    def scores(x: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        out = answer(elu(attend(x, edges).flatten(1)))
        return out.unflatten(0, (-1, 2, WORDS))[:, 1].flatten(0, 1)

    for _ in range(150):
        x, edges, meaning = dictionaries(8, random)
        loss = cross_entropy(scores(x, edges), meaning)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, edges, meaning = dictionaries(100, random)
    right = (scores(x, edges).argmax(dim=1) == meaning).double().mean().item()
    x, edges, _ = dictionaries(1, random)
    weights = attend.weights(x, with_self_loops(edges, len(x))).detach()
    return right, weights[: WORDS**2, 0].unflatten(0, (WORDS, WORDS)).T


found = {layer: [look_up(layer, seed) for seed in range(3)] for layer in (GAT, GATv2)}
gat, v2 = (np.mean([right for right, _ in runs]) for runs in found.values())
longer = np.mean(look_up_abreast(heads=1, steps=600, seeds=range(3)))
eight_heads = np.mean(look_up_abreast(heads=8, steps=1200, seeds=range(3)))
_, _, meanings = dictionaries(1000, torch.Generator().manual_seed(0))
counts = one_hot(meanings.unflatten(0, (-1, WORDS)), WORDS).sum(dim=1)
commonest = counts.amax(dim=1).double().mean() / WORDS
assert v2 > 0.9
assert max(gat, longer) < commonest + 0.1
assert longer + 0.3 < eight_heads

# %%
# Weights in one dictionary
# -------------------------

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), sharey=True, layout="constrained")
for ax, (layer, runs) in zip(axes, found.items(), strict=True):
    image = ax.imshow(runs[0][1], cmap="Blues", vmin=0, vmax=1)
    ax.set_title(f"{layer.__name__}, one head", fontsize=10)
    ax.set(xlabel="word of the entry", xticks=range(WORDS), yticks=range(WORDS))
axes[0].set_ylabel("word of the question")
fig.colorbar(image, ax=axes, label="weight")
fig.set_label(
    f"Two tables of {WORDS} questions by {WORDS} entries. GAT ranks the entries alike "
    "in all rows, more sharply in some; GATv2 has a dark diagonal, each question at "
    "the entry with its own word."
)

measured = {"lookup_gat": gat, "lookup_v2": v2, "commonest": commonest}
measured |= {"lookup_longer": longer, "lookup_heads": eight_heads}

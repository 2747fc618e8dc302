"""
Graph attention: which neighbor is worth hearing
================================================

Figures for :doc:`/graphs/gat`: how the edges of useless neighbors fade in training, and
what a static attention cannot look up.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, elu, one_hot

from snippets.graphs.adjacency_matrix import edges_of, with_self_loops
from snippets.graphs.gat import GAT, GATv2
from snippets.graphs.gcn import GraphConvolution

# %%
# Graphs with junk
# ----------------
# Friends of the same class are common among honest nodes. Half of the nodes are junk:
# larger noise instead of features, and edges to anybody. Feature 3 tells which.

NODES, CLASSES = 150, 3


def junk_graph(seed: int) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(seed)
    label = torch.randint(CLASSES, (NODES,), generator=random)
    junk = torch.rand(NODES, generator=random) < 0.5
    chance = torch.where(label[:, None] == label, 0.14, 0.015)
    chance[junk], chance[:, junk] = 0.1, 0.1
    edges = torch.rand(NODES, NODES, generator=random) < chance
    x = torch.randn(NODES, 6, generator=random)
    x[:, :CLASSES] *= 1 + junk[:, None].float()
    x[:, :CLASSES] += one_hot(label, CLASSES) * ~junk[:, None]
    x[:, 3] = 2.0 * junk - 1
    edges = edges.float().triu(1)
    return x, edges_of(edges + edges.T), label, junk


def together(graphs: list) -> tuple[torch.Tensor, ...]:
    """Several graphs as one, without edges between them."""
    x, edges, label, junk = zip(*graphs, strict=True)
    edges = [edge + NODES * graph for graph, edge in enumerate(edges)]
    return torch.cat(x), torch.cat(edges, dim=1), torch.cat(label), torch.cat(junk)


seen = together([junk_graph(seed) for seed in range(6)])
unseen = together([junk_graph(seed) for seed in range(10, 16)])


class Classifier(nn.Module):
    def __init__(self, layer: type) -> None:
        super().__init__()
        heads = {} if layer is GraphConvolution else {"heads": 1}
        self.first = layer(features=6, hidden=24, **heads)
        self.second = layer(features=24, hidden=CLASSES, **heads)

    def forward(self, x, edges):
        hidden = elu(self.first(x, edges).flatten(1))
        return self.second(hidden, edges).flatten(1)


def train(layer: type, change=None, seed: int = 0) -> tuple[float, dict]:
    """Accuracy for the honest nodes of new graphs, and to whom GAT listened when."""
    torch.manual_seed(seed)
    model, notes = Classifier(layer), {}
    optimizer = torch.optim.Adam(
        model.parameters(), lr=0.02, weight_decay=5e-4, fused=True
    )
    x, edges, label, junk = change(*seen) if change else seen
    for step in range(81):
        if layer is GAT and step in (0, 20, 80):
            notes[step] = listening(model)
        loss = cross_entropy(model(x, edges)[~junk], label[~junk])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, edges, label, junk = change(*unseen) if change else unseen
    guess = model(x, edges).argmax(dim=1)
    return (guess == label)[~junk].float().mean().item(), notes


@torch.no_grad()
def listening(model: Classifier) -> tuple[torch.Tensor, float]:
    """Weights of the first layer on new graphs, and the share of junk neighbors."""
    x, edges, _, junk = unseen
    source, target = edges = with_self_loops(edges, len(x))
    weight = model.first.weights(x, edges)[:, 0]
    neighbor = (source != target) & ~junk[target]
    on_junk = weight[neighbor & junk[source]].sum() / weight[neighbor].sum()
    return weight, on_junk.item()


def without_junk(x, edges, label, junk):
    honest = ~junk[edges].any(dim=0)
    return x, edges[:, honest], label, junk


def without_flag(x, edges, label, junk):
    return x * (torch.arange(6) != 3), edges, label, junk


runs = {
    "gcn": (GraphConvolution, None),
    "gat": (GAT, None),
    "v2": (GATv2, None),
    "clean": (GraphConvolution, without_junk),
    "blind": (GAT, without_flag),
}
runs = {name: [train(*run, seed) for seed in range(2)] for name, run in runs.items()}
accuracy = {
    name: float(np.mean([right for right, _ in run])) for name, run in runs.items()
}
assert accuracy["gcn"] + 0.07 < accuracy["gat"] < accuracy["clean"]
assert accuracy["gcn"] + 0.07 < accuracy["v2"]
assert accuracy["blind"] < accuracy["gcn"] + 0.05

# %%
# Edges fade
# ----------
# A node of a graph that was not in training, and its neighbors. The width of an edge
# is the weight of that neighbor.

_, notes = runs["gat"][0]
x, edges, _, junk = unseen
edges = with_self_loops(edges, len(x))
heard = ~junk[edges[1]] & (edges[0] != edges[1])
junk_neighbors = junk[edges[0, heard]].double().mean().item()
degree, bad = (edges[1].bincount(weights=w) for w in (None, junk[edges[0]].double()))
shown = (~junk & (degree == 16) & (bad == 8)).nonzero()[0].item()
spokes = ((edges[1] == shown) & (edges[0] != shown)).nonzero()[:, 0]
spokes = spokes[junk[edges[0, spokes]].long().argsort(stable=True)]
angle = 2 * np.pi * np.arange(len(spokes)) / len(spokes)

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.5))
for ax, (step, (weight, share)) in zip(axes, notes.items(), strict=True):
    for spoke, a in zip(spokes.tolist(), angle, strict=True):
        color, marker = ("C1", "s") if junk[edges[0, spoke]] else ("C0", "o")
        width = 30 * weight[spoke].item()
        ax.plot([0, np.cos(a)], [0, np.sin(a)], color=color, lw=width, zorder=1)
        ax.plot(np.cos(a), np.sin(a), marker, color=color, ms=7)
    ax.plot(0, 0, "o", color="C0", ms=12)
    ax.set_title(f"step {step}\n{share:.0%} on junk", fontsize=10)
    ax.set(aspect="equal", xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
    ax.axis("off")
fig.set_label(
    "A node in the middle of a wheel of neighbors, seven honest circles and eight junk "
    "squares, three times. Before training all edges are about as wide; after 80 steps "
    "the edges to the squares are gone."
)
share = {step: share for step, (_, share) in notes.items()}
assert share[0] > 0.4 > 0.15 > share[80]

# %%
# A dictionary
# ------------
# Eight nodes hold a word and its meaning; eight others hold a word and listen to the
# first. Who listens to whom, in one dictionary, after 150 steps on others.

WORDS = 8


def dictionaries(count: int, random: torch.Generator) -> tuple[torch.Tensor, ...]:
    word = torch.eye(WORDS).expand(count, -1, -1)
    meaning = torch.randint(WORDS, (count, WORDS), generator=random)
    entry = torch.cat([word, one_hot(meaning, WORDS)], dim=2)
    question = torch.cat([word, torch.zeros_like(word)], dim=2)
    pairs = torch.cartesian_prod(torch.arange(WORDS), torch.arange(WORDS)).T
    start = 2 * WORDS * torch.arange(count)
    edges = pairs[:, None] + torch.tensor([[0], [WORDS]])[:, :, None] + start[:, None]
    x = torch.cat([entry, question], dim=1)
    return x.flatten(0, 1), edges.flatten(1), meaning.flatten()


def look_up(layer, heads=1, steps=150, seed=0) -> tuple[float, torch.Tensor]:
    """Accuracy for new dictionaries, and the weights in one of them."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    attend = layer(features=2 * WORDS, heads=heads, hidden=32)
    answer = nn.Linear(32 * heads, WORDS)
    optimizer = torch.optim.Adam([*attend.parameters(), *answer.parameters()], lr=0.02)

    def scores(x, edges):
        heard = answer(elu(attend(x, edges).flatten(1)))
        return heard.unflatten(0, (-1, 2, WORDS))[:, 1].flatten(0, 1)

    for _ in range(steps):
        x, edges, meaning = dictionaries(8, random)
        loss = cross_entropy(scores(x, edges), meaning)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, edges, meaning = dictionaries(100, random)
    right = (scores(x, edges).argmax(dim=1) == meaning).float().mean().item()
    x, edges, _ = dictionaries(1, random)
    weights = attend.weights(x, with_self_loops(edges, len(x))).detach()
    return right, weights[: WORDS**2, 0].unflatten(0, (WORDS, WORDS)).T


found = {
    layer: [look_up(layer, seed=seed) for seed in range(2)] for layer in (GAT, GATv2)
}
right = {layer: float(np.mean([r for r, _ in runs])) for layer, runs in found.items()}
eight_heads, _ = look_up(GAT, heads=8, steps=600)
_, _, meanings = dictionaries(1000, torch.Generator().manual_seed(0))
counts = one_hot(meanings.unflatten(0, (-1, WORDS)), WORDS).sum(dim=1)
commonest = counts.amax(dim=1).double().mean().item() / WORDS

assert right[GATv2] > 0.9
assert right[GAT] < commonest + 0.1
assert right[GAT] + 0.1 < eight_heads

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), sharey=True, layout="constrained")
for ax, layer in zip(axes, (GAT, GATv2), strict=True):
    image = ax.imshow(found[layer][0][1], cmap="Blues", vmin=0, vmax=1)
    ax.set_title(f"{layer.__name__}, one head", fontsize=10)
    ax.set(xlabel="word of the entry", xticks=range(WORDS), yticks=range(WORDS))
axes[0].set_ylabel("word of the question")
fig.colorbar(image, ax=axes, label="weight")
fig.set_label(
    "Two tables of eight questions by eight entries. GAT has the same pattern in all "
    "rows; GATv2 has a dark diagonal, each question at the entry with its own word."
)

# %%
# Rankings
# --------
# Random layers, ten nodes, everyone hears everyone: how many different orders of
# neighbors are there among the ten?


def orders(layer: type, seed: int) -> int:
    torch.manual_seed(seed)
    everyone = edges_of(torch.ones(10, 10))
    scores = layer(features=8, heads=1, hidden=8).scores(torch.randn(10, 8), everyone)
    table = scores[:, 0].unflatten(0, (10, 10))  # a row for each source
    return table.argsort(dim=0).unique(dim=1).shape[1]


static, dynamic = (
    [orders(layer, seed) for seed in range(20)] for layer in (GAT, GATv2)
)
assert max(static) == 1
assert np.mean(dynamic) > 5

measured = {
    **accuracy,
    "junk_neighbors": junk_neighbors,
    "share_before": share[0],
    "share_after": share[80],
    "lookup_gat": right[GAT],
    "lookup_v2": right[GATv2],
    "lookup_gat_8": eight_heads,
    "commonest": commonest,
    "orders_gat": float(max(static)),
    "orders_v2": float(np.mean(dynamic)),
}

"""
GraphSAGE: what a sample costs, what it misses, whom it can meet
================================================================

Figures for :doc:`/graphs/graphsage`: a sampled tree in the karate club, the error that
remains after many samples, and nodes that join after training.
"""

from itertools import islice

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn.functional import cross_entropy, logsigmoid, one_hot

from snippets.graphs.adjacency_matrix import both_directions, compressed_rows
from snippets.graphs.graphsage import GraphSAGE, draw, sampled_tree
from snippets.graphs.karate_club import karate_club, seats
from snippets.graphs.message_passing import propagate, scatter_mean

# %%
# A sampled tree
# --------------
# Whom the instructor asks: three friends, and for each of the four two friends more.

friendships, _ = karate_club()
random = torch.Generator().manual_seed(239)
first, second = sampled_tree(torch.tensor([0]), friendships, 34, (2, 3), random)
first, second, place = first[0].tolist(), second[0].tolist(), seats()
color = {member: "C2" for row in second for member in row}
color |= {member: "C1" for member in first} | {0: "C0"}

fig, (club, tree) = plt.subplots(2, figsize=(6.4, 6.4), height_ratios=(3, 2))
for edge in friendships.T.tolist():
    club.plot(*zip(*(place[member] for member in edge), strict=True), "0.5", lw=0.4)
club.plot(*zip(*place.values(), strict=True), "o", color="0.5", ms=4)
dots = [(club, *place[member], member) for member in color] + [(tree, 4, 2, 0)]
for slot, member in enumerate(first):
    dots.append((tree, 3 * slot, 1, member))
    tree.plot([4, 3 * slot], [2, 1], "0.5", ls="-" if slot else ":", zorder=0)
    for leaf, other in enumerate(second[slot]):
        across = [3 * slot, 3 * slot + leaf - 1]
        dots.append((tree, across[1], 0, other))
        tree.plot(across, [1, 0], "0.5", ls="-" if leaf else ":", zorder=0)
for ax, x, y, member in dots:
    ax.plot(x, y, "o", color=color[member], ms=9, zorder=3)
    ax.annotate(member, (x, y), (6, 2), textcoords="offset points")
tree.set_ylim(-0.4, 2.4)
club.axis("off")
tree.axis("off")
fig.set_label(
    "Above, the karate club as a graph with member 0 and the members that were drawn "
    "in color. Below, the tree of those draws: member 0, then it and three friends, "
    "then each of these four and two friends of it, twelve places in all."
)

# %%
# Graphs to learn from, and graphs to meet
# ----------------------------------------
# Four groups of fifty. Friends are mostly of the same group, and each node's features
# are a noisy hint at it. Three networks learn on four graphs from samples of five.

everyone, nobody = torch.arange(200), torch.zeros(2, 0, dtype=torch.long)


def groups(seed: int):
    chances = 0.01 + 0.11 * np.eye(4)
    graph = nx.stochastic_block_model([50] * 4, chances.tolist(), seed=seed)
    group = everyone // 50
    noise = torch.randn(200, 4, generator=torch.Generator().manual_seed(seed))
    edge_index = both_directions(torch.tensor(list(graph.edges)).T)
    return one_hot(group) + noise, edge_index, group


def train(deaf: bool, seed: int, steps: int = 100) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.ModuleDict({"embed": GraphSAGE(widths=(4, 16, 16))})
    model["answer"] = nn.Linear(16, 4)
    optimizer = torch.optim.Adam(
        model.parameters(), 0.01, weight_decay=1e-3, fused=True
    )
    for _ in range(steps):
        loss = 0
        for x, edge_index, group in known:
            if deaf:
                embedding = model["embed"](x, nobody)
            else:
                trees = sampled_tree(everyone, edge_index, 200, fan_outs=(5, 5))
                embedding = model["embed"].sampled(x, trees)
            loss += cross_entropy(model["answer"](embedding), group)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.requires_grad_(False)


def right(scores, group) -> float:
    return (scores.argmax(dim=1) == group).double().mean().item()


known, unseen = list(map(groups, range(4))), list(map(groups, range(10, 15)))
accuracy = {}
models = {deaf: [train(deaf, seed) for seed in range(3)] for deaf in (False, True)}
for deaf, trained in models.items():
    accuracy[deaf] = np.mean(
        [
            right(
                model["answer"](model["embed"](x, nobody if deaf else edge_index)),
                group,
            )
            for model in trained
            for x, edge_index, group in unseen
        ]
    )
by_hand = np.mean(
    [
        right(
            x + 2 * propagate(x, edges) + propagate(propagate(x, edges), edges), group
        )
        for x, edges, group in unseen
    ]
)
assert accuracy[False] > 0.85 > 0.6 > accuracy[True] > 0.45
assert by_hand > 0.9

# %%
# What many samples converge to
# -----------------------------
# Averaging the means that a node hears in many samples brings them to the mean over all
# neighbors, ever closer. Averaging embeddings does not bring them to the embedding.

x, edge_index, _ = unseen[0]
embed, some, draws = models[False][0]["embed"], everyone[::10], 512
random = torch.Generator().manual_seed(0)


def errors(sampled, fan_outs, target):
    """Mean squared error of one sample, and of the averages of more and more."""
    trees = [
        sampled_tree(some.repeat(64), edge_index, 200, fan_outs, random)
        for _ in range(draws // 64)
    ]
    samples = torch.cat([sampled(tree) for tree in trees]).unflatten(0, (draws, -1))
    averages = samples.cumsum(0) / torch.arange(1, draws + 1).view(-1, 1, 1)
    square = (samples - target[some]).square().mean().item()
    return square, (averages - target[some]).square().mean(dim=(1, 2))


def heard(tree):
    return x[tree[0][:, 1:]].mean(dim=1)


mean, embedding = propagate(x, edge_index, scatter_mean), embed(x, edge_index)
one = {s: errors(heard, (s,), mean)[0] for s in (2, 5, 10, 25)}
spread = propagate(x.square(), edge_index, scatter_mean) - mean.square()
variance = spread[some].mean().item()
for fan_out, square in one.items():
    assert abs(fan_out * square / variance - 1) < 0.1

fig, ax = plt.subplots(figsize=(6.4, 3.8))
count, left = np.arange(1, draws + 1), {}
for fan_out, style in {2: "C1--", 5: "C1-", 10: "C2-"}.items():
    square, curve = errors(lambda t: embed.sampled(x, t), (fan_out,) * 2, embedding)
    left[fan_out] = curve[-1].item() / square
    ax.loglog(count, curve / square, style, label=f"embedding, samples of {fan_out}")
square, curve = errors(heard, (5,), mean)
left["mean"] = curve[-1].item() / square
ax.loglog(count, curve / square, "C0", label="mean of neighbors, samples of 5")
ax.loglog(count, 1 / count, ":", color="0.5", label="unbiased: 1 / samples")
ax.legend(fontsize=9)
ax.set(xlabel="samples averaged", ylabel="squared error (of one sample)")
assert left["mean"] < 0.01
assert min(left[2], left[5], left[10]) > 0.05
fig.set_label(
    "Squared error over the number of samples averaged, on log axes. The mean over "
    "neighbors follows the dotted line of one over the number, to 1/512. Embeddings "
    "level off at a tenth to a quarter of the error of a single sample."
)

# %%
# Nodes that join
# ---------------
# In five new graphs every fifth node joins late. The networks above answer from a
# sample. Embeddings that DeepWalk trained for the others stay, those of the newcomers
# are trained; each step walks three steps from every newcomer and has five negatives.

SIZE, late = 16, everyone % 5 == 0
members, newcomers = everyone[~late], everyone[late]


def deepwalk(rows, who, context, edge_index, rate):
    """Skip-gram on walks from ``who``, one step after the other."""
    learned = [tensor for tensor in (rows, context) if tensor.requires_grad]
    optimizer = torch.optim.Adam(learned, rate, fused=True)
    begin, sources = compressed_rows(edge_index, 200)
    while True:
        yield rows.detach().numpy()
        walk = [who]
        for _ in range(3):
            walk.append(draw(walk[-1], begin, sources, 1, random)[:, 0])
        met = torch.stack(walk[1:], dim=1)
        others = members[torch.randint(160, (*met.shape, 5), generator=random)]
        near = logsigmoid((rows[:, None] * context[met]).sum(-1))
        far = logsigmoid(-(rows[:, None, None] * context[others]).sum(-1)).sum(-1)
        loss = -(near + far)[met >= 0].sum() / len(who)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def operations(inner: int, outer: int) -> int:
    """Multiplications and additions of an answer from ``fan_outs=(inner, outer)``."""
    listening = (1 + outer) * inner * 4 + outer * 16
    return listening + (1 + outer) * 2 * 4 * 16 + 2 * 16 * 16 + 16 * 4


sage = {sizes: [] for sizes in ((1, 1), (2, 2), (5, 5), (10, 10), (25, 10))}
curves = []
for seed in range(20, 25):
    x, edge_index, group = groups(seed)
    torch.manual_seed(seed)
    table, context = (nn.Parameter(0.1 * torch.randn(200, SIZE)) for _ in range(2))
    old, new = (nn.Parameter(table.data[who]) for who in (members, newcomers))
    inside = edge_index[:, ~late[edge_index].any(dim=0)]
    *_, embedding = islice(deepwalk(old, members, context, inside, 0.03), 300)
    classifier = LogisticRegression().fit(embedding, group[members])
    steps = islice(deepwalk(new, newcomers, context.detach(), edge_index, 0.1), 61)
    curves.append([classifier.score(rows, group[newcomers]) for rows in steps])
    for sizes, answers in sage.items():
        for model in models[False]:
            tree = sampled_tree(newcomers, edge_index, 200, sizes, random)
            scores = model["answer"](model["embed"].sampled(x, tree))
            answers.append(right(scores, group[newcomers]))

walked = np.mean(curves, axis=0)
step = 3 * (1 + 5) * 2 * SIZE  # pairs, true and five false, scores and gradients
reached = {operations(*sizes): np.mean(answers) for sizes, answers in sage.items()}
cost, level = list(reached.items())[-1]
as_good = int(np.argmax(walked >= level))
ratio = as_good * step / cost

fig, ax = plt.subplots(figsize=(6.4, 3.6))
ax.plot(step * np.arange(1, 61), walked[1:], "C1", label="DeepWalk, trained")
ax.plot(list(reached), list(reached.values()), "C0o-", label="GraphSAGE, at once")
ax.axhline(0.25, color="0.5", ls=":")
ax.text(600, 0.23, "guessing", va="top")
ax.set(xscale="log", ylim=(0, 1.03))
ax.set(xlabel="operations per newcomer", ylabel="accuracy on newcomers")
ax.legend(loc="lower right", bbox_to_anchor=(1, 0.1))
fig.set_label(
    "Accuracy on newcomers over operations on a logarithmic axis. GraphSAGE rises from "
    "below 0.6 to almost 0.9 as its samples grow. DeepWalk begins at guessing, 0.25, "
    "reaches that level with about twice the operations and rises to about 0.93."
)
assert level > 0.8
assert 1.2 < ratio < 6
assert walked[20:].mean() > level + 0.02

measured = {
    "sage": float(accuracy[False]),
    "deaf": float(accuracy[True]),
    "gain": float(accuracy[False] / accuracy[True] - 1),
    "by_hand": float(by_hand),
    "variance": variance,
    **{f"error_{fan_out}": fan_out * square for fan_out, square in one.items()},
    "left_mean": left["mean"],
    **{f"left_{fan_out}": left[fan_out] for fan_out in (2, 5, 10)},
    "at_once": float(level),
    "one_each": float(reached[operations(1, 1)]),
    "walked": float(walked[20:].mean()),
    "pairs": float(3 * as_good),
    "ratio": float(ratio),
}

"""
Tokens pick experts, places run out, experts pick tokens
========================================================

A figure of :doc:`/transformers/mixture_of_experts`. Six tokens and three experts under
three rules: each token visits its best expert; each expert has two places; each expert
takes two tokens.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.expert_balance import expert_load
from snippets.transformers.mixture_of_experts import (
    expert_capacity,
    expert_choice,
    route,
    within_capacity,
)
from snippets.transformers.six_tokens import six_tokens

probability = six_tokens()
tokens, experts = probability.shape
capacity = expert_capacity(tokens, experts, top_k=1, factor=1.0)
index = route(probability.log(), top_k=1).index
kept = within_capacity(index, experts, capacity)
taken = expert_choice(probability.log(), capacity).token

wanted = torch.zeros(tokens, experts, dtype=torch.bool).scatter(1, index, True)
placed = torch.zeros_like(wanted).scatter(1, index, kept)
chosen = torch.zeros_like(wanted).scatter(0, taken, True)
panels = [
    ("tokens pick one", wanted),
    (f"{capacity} places each", placed),
    ("experts pick two", chosen),
]
load = expert_load(index, experts).tolist()
assert load == [4, 1, 1]
dropped = [t + 1 for t in range(tokens) if not placed[t].any()]
assert dropped == [3, 4]
visits = chosen.sum(dim=1).tolist()
assert visits == [1, 0, 1, 1, 2, 1]

fig, axes = plt.subplots(1, 3, figsize=(5.4, 3.2), layout="constrained", sharey=True)
for ax, (title, visited) in zip(axes, panels, strict=True):
    image = ax.imshow(probability, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    token, expert = visited.nonzero().T
    ax.plot(expert, token, "o", ms=13, mfc="C1", mec="w")
    token, expert = (wanted & ~visited).nonzero().T
    if visited is placed:
        ax.plot(expert, token, "X", ms=13, mfc="C1", mec="w")
    counts = visited.sum(dim=0).tolist()
    names = [f"{name}\n{n}" for name, n in zip("ABC", counts, strict=True)]
    ax.set_xticks(range(experts), names)
    ax.set_title(title, fontsize=10)
axes[1].set_xlabel("expert, and how many tokens visit it")
axes[0].set_yticks(range(tokens), range(1, tokens + 1))
axes[0].set_ylabel("token")
fig.colorbar(image, ax=axes, label="probability", shrink=0.8)
fig.set_label(
    "Three maps of the probabilities of experts A, B and C for six tokens, with dots "
    f"where a token visits an expert. Left, A, B and C have {load[0]}, {load[1]} and "
    f"{load[2]} tokens. Middle, crosses at A mark tokens {dropped[0]} and "
    f"{dropped[1]}, which visit no expert. Right, every expert has two tokens; "
    f"token {visits.index(0) + 1} has no dot and token {visits.index(2) + 1} has two."
)

"""
Four sparse patterns with the same number of keys
=================================================

Which keys each of 64 queries reads: by position (a window with a global token), by
blocks of eight keys (MoBA), and token by token (:doc:`/attention/sparse_attention`).
The queries and keys are random walks, so that neighbors are alike.
"""

import matplotlib.pyplot as plt
import torch

from snippets.attention.sliding_window_attention import window_mask
from snippets.attention.sparse_attention import select

SEQ, BLOCK, READ = 64, 8, 16

torch.manual_seed(3)
query, key = torch.randn(2, SEQ, 16).cumsum(dim=1) / 4
causal = torch.ones(SEQ, SEQ).tril().bool()
scores = (query @ key.T).masked_fill(~causal, -torch.inf)

window = window_mask(SEQ, SEQ, window=READ)
pinned = window_mask(SEQ, SEQ, window=READ - 1)
pinned[:, 0] = True

# MoBA: the own block, and the past block whose mean key has the largest score
own = torch.arange(SEQ) // BLOCK
means = key.unflatten(0, (-1, BLOCK)).mean(dim=1)
past = own[:, None] > torch.arange(len(means))
best = (query @ means.T).masked_fill(~past, -torch.inf).argmax(dim=1)
block = (own == own[:, None]) | (own == best[:, None])

index = select(scores[None], READ)[0]
tokens = torch.zeros(SEQ, SEQ, dtype=torch.bool).scatter(1, index, True)

drawn = {
    "window": window,
    "window and global": pinned,
    "blocks": block & causal,
    "tokens": tokens & causal,
}
most = {name: int(mask.sum(dim=1).max()) for name, mask in drawn.items()}
assert set(most.values()) == {READ}
weights = scores.softmax(dim=-1)
found = {
    name: (weights * mask)[SEQ // 2 :].sum(dim=-1).mean().item()
    for name, mask in drawn.items()
}
assert found["tokens"] > found["blocks"] > found["window"]

fig, axes = plt.subplots(1, 4, figsize=(6.4, 2.2), sharey=True)
for ax, (name, mask) in zip(axes, drawn.items(), strict=True):
    ax.imshow(mask, cmap="Blues", vmin=0, vmax=1.6)
    ax.set_title(name, fontsize=9)
    ax.set(xlabel="key", xticks=[0, 32], yticks=[0, 32])
axes[0].set_ylabel("query")
fig.set_label(
    "Four triangular maps of 64 queries and 64 keys, of which each query reads at most "
    f"{READ}. Window: a band. Window and global: a band and the first column. Blocks: "
    "squares on the diagonal and one more run of eight keys per query. Tokens: single "
    "keys in no regular pattern."
)

"""
FlashAttention's memory grows with the length, not with its square
==================================================================

The most bytes that one head of 64 features holds at a time, inputs not counted, with
all scores at once and in tiles of 128 by 128 (:doc:`/attention/flash_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.flash_attention import flash_attention, naive_attention
from snippets.foundations.peak_memory import PeakMemory

torch.manual_seed(0)


def all_scores(query, key, value):
    return naive_attention(query, key, value, causal=False)


def peak(attend, seq: int, backward: bool) -> int:
    inputs = [x.requires_grad_(backward) for x in torch.randn(3, 1, 1, seq, 64)]
    with PeakMemory() as memory:
        out = attend(*inputs)
        if backward:
            out.sum().backward()
    return memory.peak


lengths = [256, 512, 1024, 2048, 4096]
alive = {
    (attend, backward): np.array(
        [peak(attend, seq, backward) for seq in lengths[: 4 if backward else 5]]
    )
    for attend in (all_scores, flash_attention)
    for backward in (False, True)
}
saved = alive[all_scores, False] / alive[flash_attention, False]
saved_with_gradients = alive[all_scores, True] / alive[flash_attention, True]
added = {  # bytes for each token more, in the last two doublings; the output: 256
    attend: np.diff(alive[attend, False])[2:] / np.diff(lengths)[2:]
    for attend in (all_scores, flash_attention)
}
assert all(added[flash_attention] == 4 * (64 + 1))  # an output and a log-sum-exp
assert added[all_scores][1] == 2 * added[all_scores][0]
assert saved[-1] > 50
assert all(1.8 < saved[i + 1] / saved[i] < 3 for i in (2, 3))
assert saved_with_gradients[-1] > 10

fig, ax = plt.subplots()
for (attend, backward), peaks in alive.items():
    color, style = ("C0" if attend is all_scores else "C1"), "s--" if backward else "o-"
    label = "all scores" if attend is all_scores else "tiles"
    label += ", with gradients" if backward else ", output only"
    tokens = lengths[: len(peaks)]
    ax.loglog(tokens, peaks / 2**20, style, color=color, label=label, base=2)
ax.set_xticks(lengths, labels=map(str, lengths))
ax.set_yticks([0.5, 2, 8, 32, 128], labels=["0.5", "2", "8", "32", "128"])
ax.set(xlabel="tokens", ylabel="peak memory (MiB)")
ax.legend(fontsize=9)
ends = {key: peaks[-1] / 2**20 for key, peaks in alive.items()}
fig.set_label(
    "Peak memory over tokens, both axes logarithmic. With all scores it grows fourfold "
    f"per doubling, to {ends[all_scores, False]:.0f} MiB at 4096 tokens; with tiles it "
    f"ends at {ends[flash_attention, False]:.1f} MiB. With gradients, at 2048 tokens: "
    f"{ends[all_scores, True]:.0f} and {ends[flash_attention, True]:.1f} MiB."
)

measured = {
    "all_mib": ends[all_scores, False],
    "tiles_mib": ends[flash_attention, False],
    "saved_4096": saved[4],
    "all_per_token_2048": added[all_scores][0],
    "all_per_token_4096": added[all_scores][1],
    "tiles_per_token_2048": added[flash_attention][0],
    "tiles_per_token_4096": added[flash_attention][1],
    "saved_with_gradients": saved_with_gradients[-1],
}

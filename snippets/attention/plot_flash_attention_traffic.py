"""
Larger tiles of queries move fewer numbers
==========================================

Numbers that one head of 1024 tokens and 64 features moves to and from the memory of a
GPU (:doc:`/attention/flash_attention`). Lines: formulas. Dots: loads and stores of the
kernels, counted while Triton's interpreter ran them.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention import attention_traffic as traffic
from snippets.attention.flash_attention_backward_kernel import (
    flash_attention_backward as backward_pass,
)
from snippets.attention.flash_attention_kernel import (
    flash_attention_kernel as forward_pass,
)
from snippets.attention.flash_attention_kernel import numbers_moved

torch.manual_seed(0)
SEQ, HEAD_DIM, COUNTED = 1024, 64, (64, 128)
CHIP = 192 * 1024  # bytes of on-chip memory of one multiprocessor of an A100
*heads, grad_out = torch.randn(4, 1, 1, SEQ, HEAD_DIM)


def counted(tile: int) -> tuple[int, int]:
    """Numbers moved forward and backward, with square tiles."""
    sides, outs = {"q_tile": tile, "kv_tile": tile}, []
    return (
        numbers_moved(lambda: outs.extend(forward_pass(*heads, **sides))),
        numbers_moved(lambda: backward_pass(*heads, *outs, grad_out, **sides)),
    )


dots = {tile: counted(tile) for tile in COUNTED}
sizes = 2 ** np.arange(3, 11)
forward = np.array([traffic.tiled_traffic(SEQ, SEQ, HEAD_DIM, int(n)) for n in sizes])
backward = np.array(
    [traffic.tiled_backward_traffic(SEQ, SEQ, HEAD_DIM, int(n), int(n)) for n in sizes]
)
naive = (
    traffic.naive_traffic(SEQ, SEQ, HEAD_DIM),
    traffic.naive_backward_traffic(SEQ, SEQ, HEAD_DIM),
)
for tile, numbers in dots.items():
    at = sizes.tolist().index(tile)
    assert numbers == (forward[at], backward[at])
assert forward[sizes == 16] > naive[0] > forward[sizes == 64]
largest = max(n for n in range(256) if traffic.tile_bytes(n, n, HEAD_DIM) <= CHIP)

fig, ax = plt.subplots()
for part, (line, name) in enumerate(((forward, "forward"), (backward, "backward"))):
    color, there = f"C{part}", [dots[tile][part] / 1e6 for tile in COUNTED]
    ax.loglog(sizes, line / 1e6, color=color, base=2, label=f"{name}, tiles")
    ax.plot(COUNTED, there, "o", color=color, ms=8)
    ax.axhline(naive[part] / 1e6, color=color, ls=":", label=f"{name}, all scores")
ax.axvspan(largest, sizes[-1], color="0.5", alpha=0.2, lw=0)
ax.text(400, 20, "does not fit\non the chip", ha="center", va="center")
ax.set_xticks(sizes, labels=map(str, sizes))
ax.set_yticks([0.5, 1, 2, 4, 8, 16, 32], labels=["0.5", "1", "2", "4", "8", "16", "32"])
ax.set(xlabel="queries (and keys) in a tile", ylabel="numbers moved (millions)")
ax.set_xlim(sizes[0], sizes[-1])
ax.legend(fontsize=9)
fig.set_label(
    "Numbers moved over the size of a tile, both axes logarithmic. Both lines nearly "
    "halve with each doubling at first. Forward, the line crosses the level of all "
    f"scores, {naive[0] / 1e6:.1f} million, near 32; backward, it crosses "
    f"{naive[1] / 1e6:.1f} million near 37. Counted dots at 64 and 128 lie on them. "
    f"Above {largest}, shaded, tiles do not fit on the chip."
)

both = {tile: sum(numbers) for tile, numbers in dots.items()}
measured = {
    "naive_gb": 2 * 1024 * sum(naive) / 1e9,  # 16 bits; 16 heads of 64 texts
    "tiles_gb": 2 * 1024 * both[128] / 1e9,
    "traffic_128": sum(naive) / both[128],
}

"""
The cache of DeepSeek-V3, and what other kinds of attention would need
======================================================================

KiB per token for 61 layers of 128 heads in 16 bits, with keys and values for all heads,
for eight, for one, and with the latent (:doc:`/attention/multi_head_latent_attention`).
"""

import matplotlib.pyplot as plt

from snippets.attention.grouped_query_attention import cache_bytes
from snippets.attention.multi_head_latent_attention import latent_cache_bytes

kinds = {
    "multi-head, 128": cache_bytes(61, 128, 128, tokens=1),
    "grouped-query, 8": cache_bytes(61, 8, 128, tokens=1),
    "latent": latent_cache_bytes(61, 512, 64, tokens=1),
    "multi-query, 1": cache_bytes(61, 1, 128, tokens=1),
}
kib = {name: size / 2**10 for name, size in kinds.items()}
fig, ax = plt.subplots(figsize=(6.4, 2.6))
for row, size in enumerate(kib.values()):
    ax.plot(size, row, "o", color="C1" if row == 2 else "C0", ms=9)
    ax.annotate(f"{size:.1f}", (size, row), (9, -3.5), textcoords="offset points")
ax.set_xscale("log")
ax.set_yticks(range(4), labels=kib)
ax.set(xlabel="cache per token (KiB)", xlim=(20, 9000), ylim=(3.5, -0.5))
many, few, latent, one = kib.values()
fig.set_label(
    f"Dots on a logarithmic axis of KiB per token: {many:.0f} with keys and values "
    f"of 128 heads, {few:.0f} with those of eight, {latent:.1f} with the latent, and "
    f"{one:.1f} with those of one head."
)

ours, theirs = latent_cache_bytes(60, 512, 64, 1), cache_bytes(95, 8, 128, 1)
measured = {
    "like_groups": latent_cache_bytes(1, 512, 64, 1) / cache_bytes(1, 1, 128, 1),
    "saved_16_bits": 1 - ours / theirs,  # DeepSeek-V2, relative to DeepSeek 67B
    "saved_6_bits": 1 - ours * 6 / 16 / theirs,
}

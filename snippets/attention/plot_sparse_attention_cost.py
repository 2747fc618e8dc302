"""
Below 2178 tokens, the indexer costs more than it saves
=======================================================

Multiplications of one new token in one layer, in the sizes of DeepSeek-V3.2
(:doc:`/attention/sparse_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.sparse_attention import (
    dense_multiplications,
    index_multiplications,
)

SIZES, TOP_K = {"heads": 128, "latent_dim": 512, "rope_dim": 64}, 2048

cached = np.geomspace(512, 2**17, 300).astype(int)
dense = dense_multiplications(cached, **SIZES)
index = index_multiplications(cached, index_heads=64, index_dim=128)
sparse = index + dense_multiplications(np.minimum(cached, TOP_K), **SIZES)
pair = dense_multiplications(1, **SIZES)
index_pair = index_multiplications(1, index_heads=64, index_dim=128)
crossing = TOP_K * pair / (pair - index_pair)
assert np.array_equal(sparse < dense, cached > crossing)
assert np.ceil(crossing) == 2178

fig, ax = plt.subplots()
ax.loglog(cached, dense, label="all keys")
ax.loglog(cached, sparse, label="2048 keys and the indexer")
ax.loglog(cached, index, "--", color="C1", label="the indexer alone")
ax.set_xticks([512, 2048, 8192, 32768, 131072], minor=False)
ax.set_xticks([], minor=True)
ax.set_xticklabels(["512", "2 k", "8 k", "32 k", "128 k"])
ax.set(xlabel="tokens in the cache", ylabel="multiplications")
ax.legend()
fig.set_label(
    "Multiplications of one new token over 512 to 128 thousand cached tokens, both "
    "axes logarithmic. Reading all keys is a straight line. With 2048 keys and the "
    "indexer the line lies a little above it, bends at 2048 tokens, crosses it at "
    f"{crossing:.0f} and ends {dense[-1] / sparse[-1]:.0f} times lower, near the "
    "dashed line of the indexer alone, which runs parallel to the first."
)

measured = {"crossing": crossing, "index_share": index_pair / pair}

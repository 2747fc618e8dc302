"""
Speculative decoding: the speed-up as requests join the batch
=============================================================

Llama 3 8B on an A100 by the clock of this book, four guesses per round, each accepted
with probability 0.7, a draft that costs 2 % of the target, and contexts of 100, 1000 or
4000 tokens. Curves end where the caches fill 72 GB. Computed, not timed.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.published_decoders import published
from snippets.inference.server_costs import A100, Server, Work, costs
from snippets.inference.speculative_decoding import checking_cost, speedup

llama = Server(model=published("Llama 3 8B"), device=A100)
contexts = 100, 1000, 4000
most = {context: llama.slots // context for context in contexts}


def gain(load: int, context: int) -> float:
    return speedup(0.7, 4, 0.02, checking_cost(llama, 5, load, context))


# A draft of one layer reads that layer's cache too, all of it in each of its steps.
keys = most[4000] * 4000
full = llama.seconds(Work(most[4000], 0, keys, keys))
cache = (
    costs(llama, Work(0, 0, keys, 0))["memory"]
    - costs(llama, Work(0, 0, 0, 0))["memory"]
)
draft_cost = 0.02 + cache / llama.model.layers / full
one_layer = speedup(0.7, 4, draft_cost, checking_cost(llama, 5, most[4000], 4000))

assert gain(most[1000], 1000) < 0.6
assert gain(most[4000], 4000) > 1.5

fig, ax = plt.subplots(figsize=(6.2, 3.2))
for style, context in zip(("-", "--", "-."), contexts, strict=True):
    requests = np.geomspace(1, min(most[context], 1024), 60).round().astype(int)
    gains = [gain(load, context) for load in requests.tolist()]
    ax.plot(requests, gains, style, label=f"context {context}")
    if most[context] < 1024:
        ax.plot(requests[-1], gains[-1], "s", color="0.5", ms=6)
ax.axhline(1, color="0.5", ls=":")
ax.set(xscale="log", xlabel="requests in the batch", ylabel="speed-up", ylim=(0, None))
ax.legend(loc="lower left")
fig.set_label(
    f"Speed-up over the requests in the batch. All curves begin at {gain(1, 100):.1f} "
    "and stay there up to some 20 requests. Where memory is full, they are at "
    f"{gain(most[1000], 1000):.2f} ({most[1000]} requests with a context of 1000) and "
    f"{gain(most[4000], 4000):.2f} ({most[4000]} requests with a context of 4000); at "
    f"context 100, the curve reaches {gain(1024, 100):.2f}."
)

measured = {
    "alone": gain(1, 1000),
    "crowded": gain(most[1000], 1000),
    "crowded_requests": most[1000],
    "crowded_long": gain(most[4000], 4000),
    "crowded_long_requests": most[4000],
    "one_layer": one_layer,
}

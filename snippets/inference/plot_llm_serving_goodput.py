"""
Strict limits on the time per token need small chunks or separate prefill
=========================================================================

The figure of :doc:`/inference/llm_serving` on disaggregation: the share of requests
that keep two limits, over the rate of arrivals, on two devices.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.document_requests import draw_documents
from snippets.inference.llm_serving import Pages, serve, serve_disaggregated
from snippets.inference.server_costs import LLAMA3_8B, Server

# %%
# Two servers, or two halves of one
# ---------------------------------
# Llama 3 8B on two H100, by the clock; means of three draws of 150 requests. A request
# is in time if its first token comes within 0.5 s and the later ones, on average,
# within the limit: 8 ms on the left, 20 ms on the right. A step with 192 tokens takes
# about as long as one without a prompt, a step with 512 twice as long.

server = Server(model=LLAMA3_8B)
rates = [1, 2, 3, 4, 5, 6, 8, 10]
limits = {"8 ms": 0.008, "20 ms": 0.02}
budgets = {"whole prompts": math.inf, "chunks of 512": 512, "chunks of 192": 192}
names = [*budgets, "disaggregated"]
shares = {(label, name): np.zeros(len(rates)) for label in limits for name in names}
for seed in (3, 4, 5):
    for column, rate in enumerate(rates):
        both = draw_documents(150, 2 * rate, seed)
        served = {
            name: [
                serve(half, server, Pages(server.slots), token_budget=budget)
                for half in (both[::2], both[1::2])
            ]
            for name, budget in budgets.items()
        } | {"disaggregated": [serve_disaggregated(both, server)]}
        for label, limit in limits.items():
            for name, runs in served.items():
                good = np.mean([run.share_in_time(0.5, limit) for run in runs])
                shares[label, name][column] += good / 3


def goodput(label: str, name: str) -> float:
    """The rate at which the share falls through 90 percent, between two of the grid."""
    return float(np.interp(-0.9, -np.minimum.accumulate(shares[label, name]), rates))


found = {key: goodput(*key) for key in shares}
strict, loose = ({name: found[label, name] for name in names} for label in limits)
assert strict["whole prompts"] < strict["chunks of 512"] < strict["disaggregated"]
assert strict["chunks of 192"] > 1.3 * strict["disaggregated"]
assert loose["chunks of 512"] > 1.1 * loose["chunks of 192"]
assert loose["chunks of 512"] > 1.5 * loose["disaggregated"]
assert loose["whole prompts"] > 1.1 * loose["disaggregated"]

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.2, 3.2))
fig.set_label(
    "Two panels, share of requests in time over the rate per device. The share falls "
    "through 90 percent at: "
    + "; ".join(f"{label}, {name} {rate:.1f}" for (label, name), rate in found.items())
    + "."
)
for ax, label in zip(axes, limits, strict=True):
    for name, marker in zip(names, "os^v", strict=True):
        ax.plot(rates, shares[label, name], marker=marker, label=name)
    ax.axhline(0.9, color="0.5", ls=":")
    ax.set(title=f"{label} per token", xlabel="requests/s and device")
axes[0].set(ylabel="share in time", ylim=(0, 1.03))
axes[1].legend(fontsize=8, loc="lower left")

measured = {}
for kind, rate in {"strict": strict, "loose": loose}.items():
    measured |= {f"{kind}_{name.split()[-1]}": value for name, value in rate.items()}
    measured[f"{kind}_gain"] = rate["disaggregated"] / rate["whole prompts"]

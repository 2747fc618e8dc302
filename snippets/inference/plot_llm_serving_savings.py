"""
Shared heads, pages and FP8 add up, guessing competes with a full batch
=======================================================================

The figure of :doc:`/inference/llm_serving` that adds one saving after another, for a
full server and for a single user, and says what each server waits for.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from snippets.foundations.resource_accounting import matrix_parameters
from snippets.inference.cache_policies import Request
from snippets.inference.llm_serving import Pages, serve
from snippets.inference.server_costs import LLAMA3_8B, Server, costs
from snippets.inference.serving_simulator import draw_requests

# %%
# Llama 3 8B on an H100, by the clock. Full: 400 requests with log-normal lengths wait,
# at most 256 in a batch. Single user: 256 tokens in and out. Heads are not packed.

llama = Server(model=LLAMA3_8B)
wide = replace(llama, model=replace(LLAMA3_8B, kv_heads=32))
fp8 = replace(llama, fp8=True, weight_bytes=1.0, cache_itemsize=1)
head = LLAMA3_8B.vocab * LLAMA3_8B.d_model / matrix_parameters(LLAMA3_8B, 1)
packed = 4.25 / 8 * (1 - head) + 2 * head
int4 = replace(llama, weight_bytes=packed, unpacking=2 * (1 - head))
guess = replace(fp8, guesses=4, acceptance=0.7, draft=1 / 8)
longest = {"block_size": 8192, "watermark": 0.0}
stages = {
    "static batch": (wide, longest),
    "continuous": (wide, longest),
    "shared heads": (llama, longest),
    "pages": (llama, {}),
    "FP8": (fp8, {}),
    "4-bit weights instead": (int4, {}),
    "FP8 and guessing": (guess, {}),
}
crowd, user = draw_requests(400), [Request(0.0, 256, 256)]
full, alone, bound = {}, {}, {}
kinds = ("memory", "arithmetic", "launch")
for name, (server, options) in stages.items():
    static = name == "static batch"
    run = serve(crowd, server, Pages(server.slots, **options), static=static)
    full[name] = run.tokens_per_second()
    alone[name] = 1 / serve(user, server, Pages(server.slots)).per_token()[0]
    time = dict.fromkeys(kinds, 0.0)
    for work in run.works:
        cost = costs(server, work)
        del cost[min(("memory", "arithmetic"), key=cost.get)]
        time |= {what: time[what] + cost.get(what, 0.0) for what in kinds}
    bound[name] = {k: v / sum(run.seconds) for k, v in time.items()}
values = np.array(list(full.values()))
assert np.all(values[1:5] > 1.3 * values[:4])
assert full["FP8"] > 1.3 * full["4-bit weights instead"]
assert full["FP8"] > 1.2 * full["FP8 and guessing"]

fig, (ax, right) = plt.subplots(1, 2, sharey=True, figsize=(6.4, 3.6))
fig.set_label(
    "Bars of tokens per second, full server and single user: "
    + "; ".join(f"{name} {full[name]:.0f} and {alone[name]:.0f}" for name in stages)
)
start = np.zeros(7)
for what in kinds:
    part = np.array([bound[name][what] * full[name] / 1000 for name in stages])
    bars = ax.barh(range(7), part, 0.7, start, label=what)
    start += part
ax.bar_label(bars, [f" {end:.1f}" for end in start], fontsize=9)
bars = right.barh(range(7), list(alone.values()), 0.7, color="0.6")
right.bar_label(bars, fmt=" %.0f", fontsize=9)
ax.set_yticks(range(7), stages, fontsize=9)
ax.set(xlabel="thousand tokens/s, full server", xlim=(0, 50), ylim=(6.6, -0.6))
right.set(xlabel="tokens/s, single user", xlim=(0, 1.25 * max(alone.values())))
ax.legend(title="waiting for", fontsize=8, title_fontsize=8, loc="upper right")

shown = {"static": "static batch", "fp8": "FP8", "guessing": "FP8 and guessing"}
measured = {f"full_{key}": full[name] for key, name in shown.items()}
measured |= {"alone_fp8": alone["FP8"], "alone_guessing": alone["FP8 and guessing"]}

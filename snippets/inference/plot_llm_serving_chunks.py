"""
Prompts in chunks keep the time between two tokens short
========================================================

The figure of :doc:`/inference/llm_serving` on chunked prefill: how many tokens of an
answer take longer than a given time, for four token budgets.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.document_requests import draw_documents
from snippets.inference.llm_serving import Pages, serve
from snippets.inference.server_costs import LLAMA3_8B, Server, Work

# %%
# The time between two tokens
# ---------------------------
# Llama 3 8B on an H100, by the clock. Eight requests arrive per second, with prompts
# of 2000 tokens and answers of 150 in the median; 200 requests, one draw.

server = Server(model=LLAMA3_8B)
budgets = {"whole prompts": math.inf, "2048 tokens": 2048}
budgets |= {"256 tokens": 256, "128 tokens": 128}
curves, itl, ttft = {}, {}, {}
for name, budget in budgets.items():
    requests = draw_documents(200, rate=8)
    run = serve(requests, server, Pages(server.slots), token_budget=budget)
    order = np.argsort(run.seconds)
    tokens = np.cumsum(np.array([work.decoded for work in run.works])[order])
    gaps = 1000 * np.array(run.seconds)[order]
    curves[name] = gaps, 1 - tokens / tokens[-1]
    itl[name] = gaps[np.searchsorted(tokens, 0.99 * tokens[-1])]
    ttft[name] = np.quantile(run.to_first_token(), 0.9)
whole, large, medium, small = budgets
assert itl[whole] > 2 * itl[large] > 6 * itl[medium]
assert ttft[medium] < 1.1 * ttft[whole]
assert ttft[small] > 5 * ttft[whole]

fig, ax = plt.subplots()
fig.set_label(
    "Share of tokens that take longer than a time, both axes logarithmic. One token in "
    "a hundred takes longer than "
    + ", ".join(f"{itl[name]:.0f} ms ({name})" for name in budgets)
    + "."
)
for name, (gaps, longer) in curves.items():
    ax.loglog(gaps, longer, label=f"{name}: {ttft[name]:.2f} s")
ax.set(xlabel="time between two tokens (ms)", ylabel="share that takes longer")
ax.set(ylim=(1e-3, 1), xticks=[5, 10, 20, 50, 100, 200, 500])
ax.set_xticklabels([5, 10, 20, 50, 100, 200, 500])
ax.minorticks_off()
ax.legend(title="budget: TTFT of 90 %", fontsize=9, title_fontsize=9)

# %%
# What a token costs beside a chunk
# ---------------------------------
# Requests with 1000 tokens of context: a step alone, relative to what they add to the
# time of a chunk of 512 tokens. No figure.

ride = {}
for count in (8, 32):
    keys = 1000 * count
    together = server.seconds(Work(count, 512, keys + 512, keys + 512 * 256))
    chunk = server.seconds(Work(0, 512, 512, 512 * 256))
    ride[count] = server.seconds(Work(count, 0, keys, keys)) / (together - chunk)
assert ride[8] > 20 > 10 > ride[32] > 5

measured = {f"ride_{count}": value for count, value in ride.items()}
measured |= {"itl_whole": itl[whole], "itl_256": itl[medium]}
measured |= {"ttft_128": ttft[small], "ttft_256": ttft[medium]}

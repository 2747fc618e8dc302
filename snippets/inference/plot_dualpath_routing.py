"""
Prefix-aware routing and a shared store: reused tokens and time to first token
==============================================================================

Agents take 77 turns of 429 new tokens each, 2 turns per second in total, on 4 replicas
of Llama 3 8B (an H100 each, on the book's clock, prefill only). A replica caches what
fits beside the weights. Means of three draws.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.prefix_routing import (
    draw_turns,
    prefix_aware,
    round_robin,
    serve_turns,
)
from snippets.inference.server_costs import LLAMA3_8B, Server, Work

NIC = 50e9  # bytes per second
server = Server(model=LLAMA3_8B)


def prefill(tokens: int, cached: int) -> float:
    pairs = tokens * cached + tokens * (tokens + 1) / 2
    return server.seconds(Work(0, tokens, cached, pairs))


def fetch(tokens: int) -> float:
    return tokens * server.token_bytes / NIC


agents = [8, 16, 32, 64, 96]
systems = {
    "round robin": (round_robin, None),
    "prefix-aware": (prefix_aware, None),
    "prefix-aware, shared store": (prefix_aware, fetch),
}
reused, mean_wait = {}, {}
for name, (rule, store) in systems.items():
    shares, waits = np.empty((2, len(agents), 3))
    for i, sessions in enumerate(agents):
        for seed in range(3):
            turns = draw_turns(sessions, count=77, new=429, rate=2.0, seed=seed)
            shares[i, seed], wait = serve_turns(
                turns, 4, server.slots, rule, prefill, store
            )
            waits[i, seed] = wait.mean()
    reused[name], mean_wait[name] = shares.mean(1), waits.mean(1)

fig, (left, right) = plt.subplots(1, 2, figsize=(6.2, 3.2))
for (name, share), marker in zip(reused.items(), "os^", strict=True):
    left.plot(agents, 100 * share, marker=marker, label=name)
    right.plot(agents, mean_wait[name], marker=marker, label=name)
left.set(xlabel="agents", ylabel="context tokens reused (%)", ylim=(0, 105))
right.set(xlabel="agents", ylabel="mean time to first token (s)", yscale="log")
right.set_yticks(ticks := [0.02, 0.05, 0.1, 0.2, 0.5], [f"{tick:g}" for tick in ticks])
right.minorticks_off()
right.set_ylim(0.004, 1)
right.legend(fontsize=8, loc="lower right")
robin, aware = [reused[name][[0, -1]] for name in ("round robin", "prefix-aware")]
assert np.all(reused["prefix-aware"] > reused["round robin"] + 0.05)
assert np.all(mean_wait["prefix-aware"] < 0.6 * mean_wait["round robin"])
fig.set_label(
    f"Left: share of context tokens reused, from {agents[0]} to {agents[-1]} agents. "
    f"Round robin falls from {robin[0]:.0%} to {robin[1]:.0%}, prefix-aware routing "
    f"from {aware[0]:.0%} to {aware[1]:.0%}, and with a shared store it stays at 100%. "
    "Right: mean time to first token, longest for round robin, shortest with the store."
)
measured = {
    "robin_reused": reused["round robin"][3],
    "aware_reused": reused["prefix-aware"][3],
    "robin_wait": mean_wait["round robin"][3],
    "aware_wait": mean_wait["prefix-aware"][3],
    "store_wait": mean_wait["prefix-aware, shared store"][3],
}

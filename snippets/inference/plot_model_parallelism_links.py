"""
Decoding waits for the latency of the link, a prompt for its bandwidth
======================================================================

The figure of :doc:`/inference/model_parallelism` on tensor parallelism: the time of one
decoding step and of one prompt, over the number of devices that share the model.
"""

from dataclasses import replace

import matplotlib.pyplot as plt

from snippets.inference.server_costs import LLAMA3_8B, Server, Work

# %%
# One user, and one prompt
# ------------------------
# Llama 3 8B in 16 bits on H100 devices, by the clock. Left, one user with 1000 tokens
# in the cache gets a token; right, a prompt of 2000 tokens is read. A sum has one
# latency, as in an all-reduce in one shot; last, a ring with ten microseconds a hop.

llama = Server(model=LLAMA3_8B)
links = {
    "NVLink, 450 GB/s": (450e9, 10e-6),
    "PCIe, 32 GB/s": (32e9, 20e-6),
    "Ethernet, 12.5 GB/s": (12.5e9, 50e-6),
}
works = {
    "decoding, one user": Work(1, 0, 1000, 1000),
    "prefill, 2000 tokens": Work(0, 2000, 2000, 2000 * 2001 / 2),
}
ranks = [1, 2, 4, 8]
times = {
    (title, name): [
        1000 * replace(llama, ranks=n, link=link, latency=latency).seconds(works[title])
        for n in ranks
    ]
    for title in works
    for name, (link, latency) in links.items()
}
decoding = {name: times["decoding, one user", name] for name in links}
prefill = {name: times["prefill, 2000 tokens", name] for name in links}
fast, middle, slow = links
assert decoding[fast][3] < 0.35 * decoding[fast][0]
assert decoding[slow][1] > decoding[slow][0] > decoding[slow][3]
assert prefill[fast][3] < 0.25 * prefill[fast][0]
assert min(prefill[slow][1:]) > 1.5 * prefill[slow][0]

fig, axes = plt.subplots(1, 2, figsize=(6.2, 3.2))
fig.set_label(
    "Milliseconds over 1, 2, 4 and 8 devices for three links. Decoding: "
    + "; ".join(f"{n} {y[0]:.1f} to {y[3]:.1f}" for n, y in decoding.items())
    + ". Prefill: "
    + "; ".join(f"{n} {y[0]:.0f} to {y[3]:.0f}" for n, y in prefill.items())
    + "."
)
for ax, title in zip(axes, works, strict=True):
    for name, marker in zip(links, "osv", strict=True):
        ax.plot(ranks, times[title, name], marker=marker, label=name)
    ax.set(title=title, xlabel="devices", xscale="log", ylim=(0, None))
    ax.set_xticks(ranks, ranks)
    ax.minorticks_off()
axes[0].set_ylabel("time (ms)")
axes[1].set_ylim(0, 240)
axes[1].legend(fontsize=8, loc="upper left")

ring = replace(llama, ranks=8, latency=14 * 10e-6).seconds(works["decoding, one user"])
assert 1000 * ring > 1.5 * decoding[fast][0]

measured = {
    "decode_ring": 1000 * ring,
    "decode_one": decoding[fast][0],
    "decode_fast": decoding[fast][3],
}
measured |= {"prefill_one": prefill[fast][0], "prefill_slow": prefill[slow][3]}

"""
Quantization: what four bits gain, by a model of a layer's time
===============================================================

A layer of 8192 by 8192 on an A100, when a weight is unpacked for 4, 16 or 128 tokens at
a time; and, for Marlin, on an A10 at the peaks of its data sheet. Nothing is timed.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.quantization import bits_per_weight
from snippets.inference.server_costs import A100
from snippets.inference.unpacking_cost import (
    Machine,
    time_4,
    time_4_overlapped,
    time_16,
)

tokens = 2 ** np.arange(9)


def a100(count: int) -> Machine:
    return Machine(
        flops=A100.mfu * A100.peak,
        bandwidth=A100.mbu * A100.bandwidth,
        scalar=A100.mfu * A100.general_peak,
        tokens_per_unpack=count,
    )


def speed_up(time, machine: Machine) -> list[float]:
    return [
        time_16(machine, n, 8192, 8192) / time(machine, n, 8192, 8192)
        for n in tokens.tolist()
    ]


added = {count: speed_up(time_4, a100(count)) for count in (128, 16, 4)}
overlapped = {count: speed_up(time_4_overlapped, a100(count)) for count in added}
a10 = Machine(flops=125e12, bandwidth=600e9, scalar=31.2e12, tokens_per_unpack=128)
marlin = speed_up(time_4_overlapped, a10)
assert all(3.7 < line[0] < 3.8 for line in [*added.values(), *overlapped.values()])
assert min(overlapped[128]) > 0.999

fig, ax = plt.subplots(figsize=(6.2, 3.4))
for color, count in enumerate(added):
    label = f"{count} tokens"
    ax.plot(tokens, added[count], "o-", color=f"C{color}", label=label)
    ax.plot(tokens, overlapped[count], "--", color=f"C{color}")
ax.axhline(1, color="0.5", ls=":")
ax.set(xscale="log", xlabel="tokens in a step", ylabel="speed-up", ylim=(0, 4.2))
ax.set_xticks(tokens, tokens)
ax.minorticks_off()
ax.legend(loc="center left", title="per unpacking")
fig.set_label(
    "Speed-up over tokens in a step. All lines start near 3.8. With unpacking added, "
    f"at 256 tokens {added[128][-1]:.2f}, {added[16][-1]:.2f} and {added[4][-1]:.2f} "
    "are left for 128, 16 and 4 tokens per unpacking; overlapped, dashed, "
    f"{overlapped[128][-1]:.2f}, {overlapped[16][-1]:.2f} and {overlapped[4][-1]:.2f}."
)
measured = {
    "fewer_bytes": 16 / bits_per_weight(4, 128),
    "ridge": A100.mfu * A100.peak / (A100.mbu * A100.bandwidth),
}
measured |= {f"speed_{n}": marlin[n.bit_length() - 1] for n in (16, 32, 64, 128)}

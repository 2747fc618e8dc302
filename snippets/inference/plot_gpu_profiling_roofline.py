"""
GPU profiling: the rooflines of an A100 and an H100
===================================================

Peaks are those of dense 16-bit products, from data sheets. Circles: rows that go
through weights of 4096 by 4096 at once. Diamonds: attention of a decoding step, with
one and with eight query heads to a key head. Nothing is timed here.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.grouped_query_attention import operations_per_byte
from snippets.inference.gpu_profiling import Machine, linear_cost

machines = {
    "H100": Machine(peak=989e12, bandwidth=3.35e12),
    "A100": Machine(peak=312e12, bandwidth=2.04e12),
}
lines = 2.0 ** np.arange(-1, 13)
fig, ax = plt.subplots()
for color, (name, machine) in enumerate(machines.items()):
    corners = [lines[0], machine.ridge, lines[-1]]
    roof = [machine.attainable(x) / 1e12 for x in corners]
    ax.plot(corners, roof, color=f"C{color}", label=name)
    ax.plot(machine.ridge, roof[1], "|", color=f"C{color}", ms=14)
    y = roof[1] * (0.55 if color else 1.3)
    ax.text(machine.ridge, y, f"{machine.ridge:.0f}", ha="center", color=f"C{color}")
points = [
    *((operations_per_byte(heads), f"{heads} heads", "D") for heads in (1, 8)),
    *((linear_cost(m, 4096, 4096).intensity, f"{m}", "o") for m in (1, 16, 256, 1024)),
]
for intensity, label, marker in points:
    y = machine.attainable(intensity) / 1e12
    size, color = (10, "C3") if marker == "D" else (6, "C2")
    ax.plot(intensity, y, marker, color=color, ms=size)
    label = {"1": "1 row, 1 head", "1 heads": ""}.get(label, label)
    ax.annotate(label, (intensity, y), (8, -12), textcoords="offset points")
ax.plot([], [], "o", color="C2", label="rows through weights")
ax.plot([], [], "D", color="C3", ms=9, label="attention to the cache")
ax.set_xscale("log", base=2)
ax.set_yscale("log")
ax.xaxis.set_major_formatter("{x:g}")
ax.yaxis.set_major_formatter("{x:g}")
ax.set(xlabel="operations per byte", ylabel="trillion operations per second")
ax.set(ylim=(0.8, 2600))
ax.legend(loc="lower right")
fig.set_label(
    "Rooflines of two processors on logarithmic axes: each rises with slope one and "
    "turns level, the H100 at 295 operations per byte, the A100 at 153. On that of the "
    "A100 circles for 1 and 16 rows climb along the slope, those for 256 and 1024 are "
    "on the level part; diamonds for attention stay low at 1 and 8."
)
assert 152 < machines["A100"].ridge < 154
assert 290 < machines["H100"].ridge < 300

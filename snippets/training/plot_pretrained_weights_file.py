"""
The bytes of a safetensors file
===============================

A figure of :doc:`/training/pretrained_weights`: the length of the header, the header,
and the numbers of two small tensors, byte by byte.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle
from safetensors.torch import save

from snippets.training.safetensors_file import read_header

COLUMNS = 24
file = save({"w": torch.ones(2, 3), "b": torch.tensor([-2.0])})
entries = read_header(file)
start = min(entry.begin for entry in entries.values())
parts = {"length of the header": (0, 8), "header (JSON)": (8, start)}
parts |= {
    f"{name}: {entry.shape}, bytes {entry.begin - start} to {entry.end - start}": (
        entry.begin,
        entry.end,
    )
    for name, entry in sorted(entries.items(), key=lambda item: item[1].begin)
}

fig, ax = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
for number, (label, (begin, end)) in enumerate(parts.items()):
    for place in range(begin, end):
        row, column = divmod(place, COLUMNS)
        corner = (column, row)
        shade = {"facecolor": f"C{number}", "alpha": 0.35, "edgecolor": "none"}
        ax.add_patch(
            Rectangle(corner, 0.94, 0.88, **shade, label=label * (place == begin))
        )
        is_text = label.startswith("header")
        shown = chr(file[place]) if is_text else f"{file[place]:02x}"
        ax.text(
            column + 0.47, row + 0.46, shown, ha="center", va="center",
            family="monospace", fontsize="small",
        )  # fmt: skip
rows = -(-len(file) // COLUMNS)
ax.set(xlim=(0, COLUMNS), ylim=(rows, 0))
ax.axis("off")
fig.legend(loc="outside lower center", ncols=2)
fig.set_label(
    f"A file of {len(file)} bytes in rows of {COLUMNS}. The first 8 bytes, in "
    f"hexadecimal, say {int.from_bytes(file[:8], 'little')}. A header of that many "
    f"characters follows: {file[8:start].decode().rstrip()}. Then come the numbers: "
    + "; ".join(list(parts)[2:])
)
measured = {"header_bytes": start - 8}
assert file[0] == start - 8 == 0x70

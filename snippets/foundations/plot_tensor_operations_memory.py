"""
Views and copies: new memory of ten operations
==============================================

Bytes of the storage of each result, for a float32 tensor of 4 MB; zero if that is the
storage of the input.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

x = torch.zeros(1000, 1000)
results = {
    "view": x.view(100, 10, 1000),
    "permute": x.permute(1, 0),
    "slice": x[::2, 10:],
    "expand": x.expand(8, 1000, 1000),
    "reshape": x.reshape(10, 100_000),
    "permute, reshape": x.permute(1, 0).reshape(-1),
    "rows by index": x[torch.arange(0, 1000, 2)],
    "mask": x[x == 0],
    "stack two": torch.stack([x, x]),
    "repeat 8 times": x.repeat(8, 1, 1),
}
megabytes = {}
for name, result in results.items():
    storage = result.untyped_storage()
    shared = storage.data_ptr() == x.untyped_storage().data_ptr()
    megabytes[name] = 0 if shared else storage.nbytes() / 1e6
views = [name for name, new in megabytes.items() if new == 0]
assert views == ["view", "permute", "slice", "expand", "reshape"]

array = x.numpy()
same = [array[::2, 10:], array.T, np.broadcast_to(array, (8, 1000, 1000))]
in_numpy = sum(0 if np.shares_memory(array, other) else other.nbytes for other in same)
assert in_numpy == 0

fig, ax = plt.subplots(figsize=(6.2, 3.6))
bars = ax.barh(list(megabytes), megabytes.values())
ax.bar_label(bars, [f" {new:g}" for new in megabytes.values()])
ax.invert_yaxis()
ax.set(xlabel="new memory (MB)", xlim=(0, 36))
copies = ", ".join(f"{new:g} for {name}" for name, new in megabytes.items() if new)
fig.set_label(
    f"Bars of new memory for operations on 4 megabytes: none for {', '.join(views)} of "
    f"a contiguous tensor; in megabytes, {copies}."
)
measured = {
    "views": max(megabytes[name] for name in views),
    "numpy": in_numpy / 1e6,
    "copy": megabytes["permute, reshape"],
    "repeat": megabytes["repeat 8 times"],
}

"""
With RoPE a model learns faster than with sinusoidal positions
==============================================================

Two schemes, three models each, learn a language in which the last two symbols name the
next. See :doc:`/positions/rope`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import Reader, Rotary, Sinusoidal
from snippets.positions.symbol_language import batches, train

# sphinx_gallery_time_limit = 600
torch.manual_seed(0)
SEEDS, STEPS, BATCH, SEQ = 3, 400, 8, 16
schemes = {"sinusoidal": Sinusoidal, "RoPE": lambda: Rotary(head_dim=8)}
drawn = batches(STEPS, SEEDS, BATCH, SEQ, seed=0)

measured, last, steps_to = {}, {}, {}
fig, ax = plt.subplots()
for color, (name, scheme) in enumerate(schemes.items()):
    models = [
        Reader(scheme(), tokens=10, outputs=10, d_model=32, heads=4)
        for _ in range(SEEDS)
    ]
    history = train(models, drawn, rate=1.5e-2)[1]
    lines = history.T.unfold(1, 20, 5).mean(-1)  # means of 20 steps
    last[name] = lines[:, -1]
    measured[f"{name.lower()}_last"] = lines[:, -1].mean()
    at = 10 + 5 * torch.arange(lines.shape[1])
    measured[f"{name.lower()}_steps"] = at[(lines < 0.2).int().argmax(1)].float().mean()
    for seed, line in enumerate(lines):
        label = None if seed else name
        ax.plot(at, line, color=f"C{color}", lw=1.2, label=label)
assert last["RoPE"].max() < 0.6 * last["sinusoidal"].min()

ax.set(xlabel="steps of training", ylabel="loss, next symbol (nats)", yscale="log")
ax.legend()
fig.set_label(
    "Loss on the next symbol over 400 steps of training, logarithmic, three lines for "
    f"each of two schemes. At the end RoPE is at {measured['rope_last']:.3f} nats on "
    f"average and sinusoidal positions at {measured['sinusoidal_last']:.3f}."
)

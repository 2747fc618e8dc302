"""
Without positions a model learns order, but slowly
==================================================

Three causal models without positional encoding learn from texts of 16 tokens, for three
times as long. See :doc:`/positions/positional_encodings`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import NoPositions, Reader
from snippets.positions.symbol_language import evaluate, texts, train

# sphinx_gallery_time_limit = 600
torch.manual_seed(0)
TRAINED, LONG, SEEDS, STEPS, BATCH = 16, 64, 3, 2400, 8
batches = texts(STEPS * SEEDS * BATCH, TRAINED + 1, seed=0)
batches = batches.unflatten(0, (STEPS, SEEDS, BATCH))
models = [
    Reader(NoPositions(), tokens=10, outputs=10, d_model=32, heads=4)
    for _ in range(SEEDS)
]
models, history = train(models, batches, rate=1.5e-2)
loss = evaluate(models, texts(96, LONG + 1, seed=1)).symbol  # from position 3 on
inside = loss[:, 2 : TRAINED - 2].mean(1)
beyond = loss[:, 3 * TRAINED - 2 :].mean(1)
assert inside.max() < 0.08
assert (beyond > inside + 0.25).all()
measured = {"none_long_inside": inside.mean(), "none_long_beyond": beyond.mean()}

fig, ax = plt.subplots()
for line in history.T.unfold(1, 100, 20).mean(-1):
    ax.plot(50 + 20 * torch.arange(len(line)), line, color="0.5", lw=1.2)
ax.set(xlabel="steps of training", ylabel="loss, next symbol (nats)", yscale="log")
fig.set_label(
    "Loss on the next symbol over 2400 steps of training, logarithmic, for three "
    "models without positions. All fall over the whole training. New texts of the "
    f"trained length then have a mean loss of {inside.mean():.3f} nats."
)

"""
Without positions a model learns order, but slowly
==================================================

Three causal models without positional encoding learn from texts of 16 tokens, for three
times as long as others, and read texts of 64. See
:doc:`/positions/positional_encodings`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import NoPositions, Reader
from snippets.positions.symbol_language import batches, evaluate, means, texts, train

# sphinx_gallery_time_limit = 600
torch.manual_seed(0)
TRAINED, LONG, SEEDS, STEPS, BATCH = 16, 64, 3, 1200, 16
drawn = batches(STEPS, SEEDS, BATCH, TRAINED, seed=0)
models = [
    Reader(NoPositions(), tokens=10, outputs=10, d_model=24, heads=3)
    for _ in range(SEEDS)
]
models, history = train(models, drawn, rate=2e-2)
loss = evaluate(models, texts(96, LONG + 1, seed=1))  # from position 3 on
found = means(loss, TRAINED)
assert found.inside.max() < 0.1
assert (found.beyond > found.inside + 0.25).all()
measured = found.measured("none") | {"none_early": history[350:400].mean()}

fig, axes = plt.subplots(1, 2, figsize=(6.2, 3))
for line in history.T.unfold(1, 50, 10).mean(-1):
    axes[0].plot(25 + 10 * torch.arange(len(line)), line, color="0.5", lw=1.2)
for line in loss.symbol.unfold(1, 3, 1).mean(-1):
    axes[1].plot(range(4, LONG), line, color="0.5", lw=1.2)
axes[0].set(xlabel="steps of training", ylabel="loss, next symbol (nats)", yscale="log")
axes[1].set(xlabel="position", ylim=(0, None))
axes[0].axvline(400, color="0.5", ls=":")
axes[1].axvline(TRAINED, color="0.5", ls=":")
fig.set_label(
    f"Left: loss on the next symbol over {STEPS} steps of training, logarithmic, for "
    "three models without positions. All fall over the whole training. Right: their "
    f"loss over positions to 64, which rises from {found.inside.mean():.2f} nats "
    f"within the trained length to {found.beyond.mean():.2f} after position 48."
)

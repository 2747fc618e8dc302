"""
Cut cross-entropy needs little more memory than its gradients
=============================================================

The most bytes that exist at a time, inputs not counted, with all logits, with those of
some positions, and with those of a block (:doc:`/training/cut_cross_entropy`).
"""

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from snippets.foundations.peak_memory import PeakMemory
from snippets.training.cut_cross_entropy import cut_cross_entropy

torch.manual_seed(0)
TOKENS, D_MODEL, VOCAB, CHUNK = 1024, 64, 32768, 64
hidden = torch.randn(TOKENS, D_MODEL, requires_grad=True)
classifier = (0.3 * torch.randn(VOCAB, D_MODEL)).requires_grad_()
targets = torch.randint(VOCAB, (TOKENS,))


def all_logits():
    return cross_entropy(hidden @ classifier.T, targets)


def chunk_loss(states, answers):
    return cross_entropy(states @ classifier.T, answers)


def chunks():
    parts = zip(hidden.split(CHUNK), targets.split(CHUNK), strict=True)
    losses = [checkpoint(chunk_loss, *part, use_reentrant=False) for part in parts]
    return torch.stack(losses).mean()


def blocks():
    return cut_cross_entropy(hidden, classifier, targets)


peaks, results = [], []
for method in (all_logits, chunks, blocks):
    with torch.no_grad(), PeakMemory() as alone:
        method()
    hidden.grad = classifier.grad = None
    with PeakMemory() as both:
        (loss := method()).backward()
    peaks.append((alone.peak / 2**20, both.peak / 2**20))
    results.append((loss.detach(), hidden.grad, classifier.grad))
full, chunked, cut = peaks  # of the loss alone, and with gradients
gradients = (hidden.nbytes + classifier.nbytes) / 2**20
for result in results[1:]:
    for ours, exact in zip(result, results[0], strict=True):
        assert (ours - exact).norm() < 1e-5 * exact.norm()
assert full[0] > 100 * cut[0]
assert full[1] > 30 * cut[1]
assert gradients < cut[1] < chunked[1] / 2

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for part, label in enumerate(("loss only", "loss and gradients")):
    at, sizes = [0.4 * part + k for k in range(3)], [pair[part] for pair in peaks]
    shown = ax.barh(at, sizes, height=0.38, color=f"C{part}", label=label)
    ax.bar_label(shown, [f"{size:.3g}" for size in sizes], padding=3)
ax.axvline(gradients, color="0.5", ls="--", label="the gradients alone")
ax.set_yticks([0.2, 1.2, 2.2], ["all logits", f"{CHUNK} positions", "blocks"])
ax.set(xscale="log", xlabel="peak memory (MiB)", xlim=(0.2, 1500), ylim=(2.7, -0.5))
ax.legend(loc="lower right", fontsize=9)
names = "all logits", f"those of {CHUNK} positions", "blocks"
bars = [f"{a}: {b:.3g} and {c:.3g} MiB" for a, (b, c) in zip(names, peaks, strict=True)]
fig.set_label(
    "Bars of peak memory on a logarithmic axis, without and with gradients. "
    + "; ".join([*bars, f"the gradients alone: {gradients:.3g} MiB."])
)
measured = {
    "saved_loss": full[0] / cut[0],
    "saved_both": full[1] / cut[1],
    "above_gradients": cut[1] - gradients,
    "chunks_both": chunked[1],
}

"""
DeltaNet: values that are rewritten
===================================

For :doc:`/attention/deltanet`: 256 values are written under a few keys, and each key is
asked for its latest value. The delta rule, decay, and both are compared.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import normalize

from snippets.attention.deltanet import gated_delta_rule

KEY_DIM, WRITES, SAMPLES = 32, 256, 32


def draw_stream(count: int, codes: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Keys, latest value of each, and the written keys and values in order."""
    keys = normalize(torch.randn(SAMPLES, 1, count, KEY_DIM), dim=-1)
    which = torch.randint(count, (SAMPLES, WRITES))
    which[:, :count] = torch.arange(count)  # each is written at least once
    named, latest = torch.randint(64, (SAMPLES, WRITES)), torch.zeros(SAMPLES, count)
    for at, name in zip(which.T, named.T, strict=True):
        latest[torch.arange(SAMPLES), at] = name.float()
    written = keys.gather(2, which[:, None, :, None].expand(-1, -1, -1, KEY_DIM))
    return keys, latest, written, codes[named][:, None]


def share_right(stream: tuple, codes: torch.Tensor, decay: float, beta=None) -> float:
    """Share of keys whose output has the direction of the code; ``None`` adds."""
    keys, latest, key, value = stream
    if beta is None:
        age = torch.arange(WRITES - 1.0, -1, -1)[:, None]
        state = (decay**age * value).mT @ key
    else:
        betas, empty = torch.full(key.shape[:3], beta), torch.zeros(1, 1, 16, KEY_DIM)
        decays = torch.full_like(betas, decay).log()
        state = gated_delta_rule(key, key, value, betas, decays, empty)[1]
    nearest = (keys[:, 0] @ state[:, 0].mT @ codes.T).argmax(-1)
    return (nearest == latest).float().mean().item()


# %%
# The best constants of a grid on other streams, for each of three seeds
# ----------------------------------------------------------------------
decays, rules = [1.0, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7], {"add": [(1.0, None)]}
betas = [1.0, 0.85, 0.7, 0.55, 0.4, 0.2]
rules["add, decay"] = [(decay, None) for decay in decays]
rules["delta rule"] = [(1.0, beta) for beta in betas]
rules["delta rule, decay"] = [(decay, beta) for decay in decays for beta in betas]
counts = [4, 8, 16, 32, 64]
shares = {name: np.zeros((5, 3)) for name in rules}
for at, seed in np.ndindex(5, 3):
    torch.manual_seed(5 * seed + at)
    codes = normalize(torch.randn(64, 16), dim=-1)
    practice, exam = (draw_stream(counts[at], codes) for _ in range(2))
    for name, settings in rules.items():
        scores = [share_right(practice, codes, *setting) for setting in settings]
        best = settings[np.argmax(scores)]
        shares[name][at, seed] = share_right(exam, codes, *best)
mean = {name: share.mean(axis=1) for name, share in shares.items()}
assert np.all(mean["delta rule"] > mean["add, decay"] + 0.05)
assert np.abs(mean["delta rule, decay"] - mean["delta rule"]).max() < 0.03

fig, ax = plt.subplots(figsize=(5.6, 3.6))
for color, (name, share) in enumerate(mean.items()):
    ax.plot(counts, shares[name], ".", color=f"C{color}", alpha=0.5)
    ax.plot(counts, share, "--" if color == 3 else "-", color=f"C{color}", label=name)
ax.set(xscale="log", xlabel="keys in the stream", ylabel="share of right answers")
ax.set_xticks(counts, counts)
ax.minorticks_off()
ax.legend(loc=(0.02, 0.2))
texts = [f"{name}, {share[0]:.2f} and {share[-1]:.2f}" for name, share in mean.items()]
fig.set_label("Share of right answers with 4 and with 64 keys: " + "; ".join(texts))
measured = {"add_16": mean["add"][2]}
for name, rule in (("delta", "delta rule"), ("decay", "add, decay")):
    measured |= {f"{name}_16": mean[rule][2], f"{name}_64": mean[rule][4]}

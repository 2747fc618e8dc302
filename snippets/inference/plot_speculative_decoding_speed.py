"""
Speculative decoding: passes and time with and without guesses
==============================================================

Twelve texts of 200 letters for each number of guesses. The target is a small decoder
with a KV cache; the draft is a table of its mean probabilities after each pair of
letters. The acceptance rate is the mean over all letters of these texts.
"""

from time import process_time

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.cached_model import CachedModel
from snippets.inference.letter_models import (
    pair_table,
    trained_decoder,
    training_letters,
)
from snippets.inference.speculative_decoding import (
    acceptance,
    expected_tokens,
    speculate,
)

torch.set_num_threads(1)
torch.manual_seed(0)
RUNS, NEW, counts = 12, 200, [1, 2, 4, 8]
letters = training_letters()
model, prompt = trained_decoder(letters), letters[:20]
draft = pair_table(model, letters)


def write(guesses: int, seed: int) -> tuple[torch.Tensor, int, float]:
    """A text of at least NEW letters, the passes it took, and CPU seconds."""
    target, text = CachedModel(model, capacity=240), prompt
    random = torch.Generator().manual_seed(seed)
    start = process_time()
    while len(text) < len(prompt) + NEW:
        text, _ = speculate(target, draft, text, guesses, random)
    return text, target.passes, process_time() - start


alone = np.array([write(0, seed)[2] for seed in range(3)])
(tokens, seconds), alphas = np.zeros((2, 4, RUNS)), []
for row, guesses in enumerate(counts):
    for run in range(RUNS):
        text, passes, spent = write(guesses, run)
        new = len(text) - len(prompt)
        tokens[row, run], seconds[row, run] = new / passes, spent * NEW / new
        p, q = CachedModel(model, 240)(text[:-1], new), draft(text[:-1], new)
        alphas.append(acceptance(p, q).mean())
alpha = float(torch.stack(alphas).mean())
mean = tokens.mean(axis=1)
ratio = mean / [expected_tokens(alpha, guesses) for guesses in counts]
speed = alone[:, None] / seconds[:, None, :3]  # (counts, three alone, three runs)
slow, middle, fast = np.percentile(speed, [0, 50, 100], axis=(1, 2))
assert np.abs(ratio - 1).max() < 0.08
assert np.all(np.diff(mean) > 0)

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3))
ax.plot(range(9), [expected_tokens(alpha, n) for n in range(9)], color="0.5")
ax.vlines(counts, tokens.min(axis=1), tokens.max(axis=1), color="C0", lw=3, alpha=0.5)
ax.plot(counts, mean, "o")
ax.set(xlabel="guesses", ylabel="tokens per pass of the target", ylim=(0, None))
right.plot([0, *counts], [1, *middle], "o-")
right.vlines(counts, slow, fast, color="C0", lw=3, alpha=0.5)
right.axhline(1, color="0.5", ls=":")
right.set(xlabel="guesses", ylabel="speed-up (CPU time)", ylim=(0, None))
values = ", ".join(f"{value:.1f}" for value in middle)
fig.set_label(
    f"Left: mean tokens per pass over the guesses, from {mean[0]:.1f} to "
    f"{mean[-1]:.1f}, close to the curve of the formula. Right: "
    f"speed-up in CPU time for 1, 2, 4, and 8 guesses, {values}."
)

measured = {"alpha": alpha, "passes_4": NEW / mean[2], "over_formula": ratio.mean()}
measured |= {"speed_least": slow[2], "speed_most": fast[2]}

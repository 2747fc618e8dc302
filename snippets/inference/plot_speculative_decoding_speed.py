"""
Speculative decoding: passes and time with and without guesses
==============================================================

Three runs of 200 letters for each number of guesses. The target is a small decoder with
a KV cache; the draft is a table of its mean probabilities after each pair of letters.
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
NEW, counts = 200, [0, 1, 2, 4, 8]
letters = training_letters()
model, prompt = trained_decoder(letters), letters[:20]
draft = pair_table(model, letters)

passes, seconds = (np.zeros((3, len(counts))) for _ in range(2))
for run in range(3):
    for column, guesses in enumerate(counts):
        target, text = CachedModel(model, capacity=240), prompt
        random = torch.Generator().manual_seed(run)
        start = process_time()
        while len(text) < len(prompt) + NEW:
            text, _ = speculate(target, draft, text, guesses, random)
        seconds[run, column] = process_time() - start
        passes[run, column] = target.passes * NEW / (len(text) - len(prompt))
p, q = CachedModel(model, 240)(text, len(text) - 1), draft(text, len(text) - 1)
alpha = float(acceptance(p, q).mean())
tokens = NEW / passes.mean(axis=0)
formula = np.array([expected_tokens(alpha, guesses) for guesses in counts])
speed = seconds[:, :1] / seconds
assert np.all(passes[:, 0] == NEW)
assert np.abs(tokens / formula - 1).max() < 0.15
assert np.all(np.diff(passes.mean(axis=0)) < 0)

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3))
ax.plot(range(9), [expected_tokens(alpha, n) for n in range(9)], color="0.5")
ax.plot(counts, tokens, "o")
ax.set(xlabel="guesses", ylabel="tokens per pass of the target", ylim=(0, None))
right.plot(counts, np.median(speed, axis=0), "o-")
right.vlines(counts, speed.min(axis=0), speed.max(axis=0), color="C0", lw=3, alpha=0.5)
right.axhline(1, color="0.5", ls=":")
right.set(xlabel="guesses", ylabel="speed-up (CPU time)", ylim=(0, None))
fig.set_label(
    f"Left: tokens per pass over the guesses, rising from 1 to {tokens[-1]:.1f} beside "
    "the curve of the formula. Right: speed-up in CPU time over the guesses, "
    + ", ".join(f"{value:.1f}" for value in np.median(speed, axis=0))
    + " for "
    + ", ".join(map(str, counts))
    + " guesses."
)

measured = {
    "alpha": alpha,
    "passes_4": passes.mean(axis=0)[3],
    "over_formula": tokens[3] / formula[3],
    "speed_least": speed[:, 3].min(),
    "speed_most": speed[:, 3].max(),
}

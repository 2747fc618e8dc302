"""
Speculative decoding: tokens per pass, even and uneven acceptance
=================================================================

The target is a Markov chain over eight symbols in two halves, which it leaves with
probability 0.02. One draft is accepted with probability 0.65 after every symbol, the
other with 0.95 in one half and 0.35 in the other. 500 texts, 50 rounds each.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.speculative_decoding import (
    acceptance,
    expected_tokens,
    verify,
)

torch.set_num_threads(1)
random = torch.Generator().manual_seed(10)
logits = 1.5 * torch.randn(8, 8, generator=random, dtype=torch.float64)
half = torch.arange(8) // 4
stays = (half[:, None] == half).double()
target = logits.exp() * stays
target = 0.98 * target / target.sum(dim=1, keepdim=True) + 0.02 * (1 - stays) / 4


def draft_for(alpha: torch.Tensor) -> torch.Tensor:
    """The target, with so much moved to the least likely token of each row."""
    least = target.argmin(dim=1, keepdim=True)
    moved = (1 - alpha[:, None]) / (1 - target.gather(1, least))
    return (1 - moved) * target + moved * torch.zeros_like(target).scatter(1, least, 1)


def tokens_per_pass(draft: torch.Tensor, guesses: int) -> float:
    last, tokens = torch.randint(8, (500,), generator=random), []
    for _ in range(120):
        text, q = [last], []
        for _ in range(guesses):
            q.append(draft[text[-1]])
            text.append(q[-1].multinomial(1, generator=random)[:, 0])
        text = torch.stack(text, dim=1)
        kept, last = verify(text[:, 1:], torch.stack(q, dim=1), target[text], random)
        tokens.append(kept.double().mean() + 1)
    return float(torch.stack(tokens[70:]).mean())  # after 70 rounds of mixing


alphas = torch.tensor([0.95] * 4 + [0.35] * 4, dtype=torch.float64)
even, uneven = draft_for(alphas.mean().expand(8)), draft_for(alphas)
assert torch.allclose(acceptance(target, uneven), alphas)
counts = [1, 2, 4, 8]
formula = np.array([expected_tokens(0.65, guesses) for guesses in counts])
steady = np.array([tokens_per_pass(even, guesses) for guesses in counts])
varied = np.array([tokens_per_pass(uneven, guesses) for guesses in counts])
easy, hard = (
    np.array([expected_tokens(alpha, n) for n in counts]) for alpha in (0.95, 0.35)
)
assert np.abs(steady / formula - 1).max() < 0.02
assert np.abs(varied * (1 / easy + 1 / hard) / 2 - 1).max() < 0.06
assert varied[2] < 0.95 * formula[2]

fig, ax = plt.subplots(figsize=(6.2, 3.2))
curve = range(1, 9)
ax.plot(curve, [expected_tokens(0.65, n) for n in curve], color="0.5", label="formula")
ax.plot(counts, steady, "o", label="even draft")
ax.plot(counts, varied, "s", label="uneven draft")
ax.set(xlabel="guesses", ylabel="tokens per pass", ylim=(1, 3.2))
ax.legend(loc="lower right")
fig.set_label(
    "Tokens per pass over the number of guesses. Points of the even draft lie on the "
    f"curve of the formula, {steady[2]:.2f} for four guesses; those of the uneven "
    f"draft with the same mean lie below, {varied[2]:.2f} for four guesses."
)

measured = {"uneven_share": varied[2] / formula[2]}

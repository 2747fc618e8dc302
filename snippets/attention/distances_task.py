"""Naming the symbols one to seven positions back, with windows of three positions.

At each position that has seven before it, a model names all seven symbols; each symbol
is one of four. Guessing is right in 1 of 4 cases.

Axes::

    batch      independent texts
    seq        symbols of a text, 16
    named      positions with all answers: all but the first seven
    distances  7: one to seven positions back
    symbols    4
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.attention.multi_head_attention import MultiHeadAttention
from snippets.attention.sliding_window_attention import window_mask

SYMBOLS, SEQ, BACK, WINDOW = 4, 16, range(1, 8), 3


class Recaller(nn.Module):
    """Embeddings, layers of attention with a window, and a linear answer."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS, 32)
        self.position = nn.Parameter(torch.randn(SEQ, 32) / 2)
        self.norms = nn.ModuleList(nn.LayerNorm(32) for _ in range(layers))
        self.layers = nn.ModuleList(
            MultiHeadAttention(d_model=32, heads=4) for _ in range(layers)
        )
        self.answer = nn.Linear(32, len(BACK) * SYMBOLS)

    def forward(
        self, symbols: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch named distances symbols"]:
        x, allowed = self.symbol(symbols) + self.position, window_mask(SEQ, SEQ, WINDOW)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + layer(norm(x), allowed=allowed)
        return self.answer(x)[:, max(BACK) :].unflatten(-1, (len(BACK), SYMBOLS))


def right_answers(
    symbols: Int[Tensor, "batch seq"],
) -> Int[Tensor, "batch named distances"]:
    """The symbols one to seven positions back, from the eighth position on.

    Examples
    --------
    >>> right_answers(torch.arange(9)[None])
    tensor([[[6, 5, 4, 3, 2, 1, 0],
             [7, 6, 5, 4, 3, 2, 1]]])
    """
    first, seq = max(BACK), symbols.shape[1]
    return torch.stack([symbols[:, first - b : seq - b] for b in BACK], dim=-1)


def accuracy(layers: int, seed: int, batches: int = 200) -> Float[np.ndarray, "7"]:
    """Right answers for each distance, on new texts, after training.

    Batches of 32 new texts, Adam with a learning rate of 0.005.
    """
    torch.manual_seed(seed)
    model, random = Recaller(layers), torch.Generator().manual_seed(seed + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, fused=True)
    for _ in range(batches):
        symbols = torch.randint(SYMBOLS, (32, SEQ), generator=random)
        logits = model(symbols).flatten(0, -2)
        loss = cross_entropy(logits, right_answers(symbols).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    symbols = torch.randint(SYMBOLS, (200, SEQ), generator=random)
    right = model(symbols).argmax(-1) == right_answers(symbols)
    return right.float().mean(dim=(0, 1)).numpy()

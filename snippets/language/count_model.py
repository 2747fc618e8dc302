"""A language model of counts: n-grams of tokens, interpolated as Witten and Bell did.

The probability after a context mixes the counts of what followed it with the
probability after the context that is one token shorter (Bell, Cleary and Witten, 1990,
*Text Compression*). The shortest one is uniform.

Axes: ``batch``, ``seq``, ``vocab``.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


class CountModel:
    """Log-probabilities of the next token, given the ``order - 1`` tokens before it.

    Examples
    --------
    >>> model = CountModel([0, 1, 0, 1, 0, 2], vocab=3, order=2)
    >>> model(torch.tensor([[2, 0]])).exp()  # after 0: twice 1, once 2
    tensor([[0.1778, 0.5333, 0.2889]])
    """

    def __init__(self, tokens: Sequence[int], vocab: int, order: int):
        ids = np.asarray(tokens, dtype=np.int64)
        if not 0 < order <= len(ids):
            raise ValueError(f"order={order} with a text of {len(ids)} tokens")
        if ids.min() < 0 or ids.max() >= vocab or vocab**order >= 2**63:
            raise ValueError(f"vocab={vocab} and order={order} do not fit the text")
        self.vocab, self.order = vocab, order
        self.cache: dict[tuple[int, ...], Float[Tensor, " vocab"]] = {}
        self.grams = []  # for each length: codes in ascending order, and counts
        for n in range(1, order + 1):
            codes = sum(
                ids[i : len(ids) - n + 1 + i] * vocab ** (n - 1 - i) for i in range(n)
            )
            self.grams.append(np.unique(codes, return_counts=True))

    def after(self, context: tuple[int, ...]) -> Float[Tensor, " vocab"]:
        """Log-probabilities after the last ``order - 1`` tokens."""
        mixed = np.full(self.vocab, 1 / self.vocab)
        for n, (codes, counts) in enumerate(self.grams[: len(context) + 1]):
            code = 0
            for token in context[len(context) - n :]:
                code = code * self.vocab + token
            first, last = np.searchsorted(
                codes, [code * self.vocab, (code + 1) * self.vocab]
            )
            followers, counted = (
                codes[first:last] - code * self.vocab,
                counts[first:last],
            )
            if not len(followers):
                break  # a longer context was not seen either
            mixed *= len(followers) / (counted.sum() + len(followers))
            mixed[followers] += counted / (counted.sum() + len(followers))
        return torch.from_numpy(np.log(mixed)).float()

    def __call__(
        self, tokens: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch vocab"]:
        """Log-probabilities of the token that follows each row."""
        last = tokens[:, max(0, tokens.shape[1] - self.order + 1) :]
        rows = [tuple(row) for row in last.tolist()]
        for context in set(rows) - self.cache.keys():
            self.cache[context] = self.after(context)
        return torch.stack([self.cache[row] for row in rows])

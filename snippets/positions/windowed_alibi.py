"""ALiBi that sees only near keys: a control for how far trained models read.

Axes::

    batch     independent sequences
    heads     heads of a layer
    seq       positions
    head_dim  features of one head
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from snippets.positions.alibi import alibi_bias, slopes
from snippets.positions.positional_encodings import Alibi, causal_attention

Heads = Float[Tensor, "batch heads seq head_dim"]


class WindowedAlibi(Alibi):
    """ALiBi that hides keys ``window`` or more positions away.

    Parameters
    ----------
    keep_first
        Never hide the first key.

    Examples
    --------
    Zero queries and keys, and a window of one key: each position reads its own value.

    >>> zero, value = torch.zeros(1, 2, 3, 1), torch.rand(1, 2, 3, 1)
    >>> torch.equal(WindowedAlibi(window=1).attend(zero, zero, value), value)
    True
    """

    def __init__(self, *, window: int, keep_first: bool = False) -> None:
        super().__init__()
        self.window, self.keep_first = window, keep_first

    def attend(self, query: Heads, key: Heads, value: Heads) -> Heads:
        heads, seq = query.shape[1:3]
        bias = alibi_bias(slopes(heads), seq, seq)
        far = torch.ones(seq, seq, dtype=torch.bool).tril(-self.window)
        far[:, 0] &= not self.keep_first
        return causal_attention(query, key, value, bias.masked_fill(far, -math.inf))

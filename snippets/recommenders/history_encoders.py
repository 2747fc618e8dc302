"""Encoders of a history of items: what they know after each item.

Axes::

    users, items
    seq        items of a history, from old to new
    levels     tokens of an item's code
    d_model    width of states and vectors
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Histories = Int[Tensor, "users seq"]
States = Float[Tensor, "users seq d_model"]


class MeanEncoder(nn.Module):
    """A network on the mean of the items so far: it cannot tell their order."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        hidden = nn.Linear(d_model, 2 * d_model)
        self.mlp = nn.Sequential(hidden, nn.ReLU(), nn.Linear(2 * d_model, d_model))

    def forward(self, x: States) -> States:
        count = torch.arange(1, x.shape[1] + 1)[:, None]
        return self.mlp(x.cumsum(dim=1) / count)


class GRUEncoder(nn.Module):
    """A recurrent network, which reads the items one after the other (GRU4Rec)."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.gru = nn.GRU(d_model, d_model, batch_first=True)

    def forward(self, x: States) -> States:
        return self.gru(x)[0]


class ItemVectors(nn.Module):
    """A vector for each item: the sum of the rows of its tokens.

    If a code is one token, the number of the item, each item has a row of its own.
    """

    def __init__(
        self, codes: Int[Tensor, "items levels"], d_model: int, scale: float
    ) -> None:
        super().__init__()
        rows = int(codes.max()) + 1
        self.register_buffer("codes", codes)
        self.rows = nn.Parameter(scale * torch.randn(rows, d_model))

    def forward(self) -> Float[Tensor, "items d_model"]:
        return self.rows[self.codes].sum(dim=1)

    def of(self, histories: Histories) -> States:
        """The vectors of the items of each history.

        Raises
        ------
        ValueError
            If a history is empty, or a number is not that of an item.
        """
        if histories.numel() == 0:
            raise ValueError(f"histories of shape {tuple(histories.shape)} are empty")
        low, high = histories.min().item(), histories.max().item()
        if not 0 <= low <= high < len(self.codes):
            raise ValueError(f"items {low} to {high}, but there are {len(self.codes)}")
        return self()[histories]

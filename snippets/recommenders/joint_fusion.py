"""Fusion of user embeddings with a table, for a model that is trained as a whole.

Braithwaite et al. (2025), Your Spending Needs Attention,
https://arxiv.org/abs/2507.23267, section 3.3.

Symbols::

    MLP  mlp      DCN  table_network      LN  norm

Axes::

    batch     users
    seq       tokens of the longest statement
    d_model   features of a user embedding
    features  columns of the table
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from snippets.recommenders.cross_network import check_sizes
from snippets.recommenders.transaction_transformer import TransactionTransformer


class Standardize(nn.Module):
    """Subtract the mean of a sample of embeddings, divide by their deviation.

    Raises
    ------
    ValueError
        If there are fewer than two users, or an entry is the same for all of them or
        not finite.

    Examples
    --------
    >>> norm = Standardize(torch.tensor([[9.0, 1.0], [11.0, 1.2]]))
    >>> norm(torch.tensor([[10.0, 1.0]]))
    tensor([[ 0.0000, -0.7071]])
    """

    def __init__(self, sample: Float[Tensor, "batch d_model"]) -> None:
        super().__init__()
        if len(sample) < 2:
            raise ValueError(f"no deviation of {len(sample)} embeddings")
        deviation = sample.std(dim=0)
        bad = ~((deviation > 0) & deviation.isfinite())
        if bad.any():
            message = f"{int(bad.sum())} of {len(bad)} entries have no deviation"
            raise ValueError(message)
        self.register_buffer("mean", sample.mean(dim=0))
        self.register_buffer("deviation", deviation)

    def forward(
        self, embedding: Float[Tensor, "batch d_model"]
    ) -> Float[Tensor, "batch d_model"]:
        return (embedding - self.mean) / self.deviation


class FusionHead(nn.Module):
    """Logit of a label from a user embedding and a row of the table.

    Parameters
    ----------
    norm
        Applied to the embedding: ``nn.LayerNorm`` in the paper, or
        :class:`Standardize`.
    table_network
        Turns a row of the table into features, as
        :class:`.cross_network.TableNetwork` does.
    size
        Features of ``norm`` and of ``table_network`` together.
    hidden
        Size of the hidden layer.
    """

    def __init__(
        self,
        norm: nn.Module,
        table_network: nn.Module,
        *,
        size: int,
        hidden: int,
    ) -> None:
        super().__init__()
        check_sizes(size=size, hidden=hidden)
        self.norm, self.table_network = norm, table_network
        self.mlp = nn.Sequential(
            nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(
        self,
        embedding: Float[Tensor, "batch d_model"],
        table: Float[Tensor, "batch features"],
    ) -> Float[Tensor, " batch"]:
        parts = [self.table_network(table), self.norm(embedding)]
        return self.mlp(torch.cat(parts, dim=-1))[:, 0]


class JointFusion(nn.Module):
    """One network for statements and table: gradients reach both parts.

    Examples
    --------
    >>> model = TransactionTransformer(vocab=11, d_model=24, layers=2, heads=3)
    >>> head = FusionHead(nn.LayerNorm(24), nn.Linear(5, 8), size=32, hidden=16)
    >>> fusion = JointFusion(model, head)
    >>> ids, mask = torch.tensor([[1, 2, 3]]), torch.ones(1, 3, dtype=torch.bool)
    >>> fusion(ids, mask, torch.zeros(1, 5)).shape
    torch.Size([1])
    """

    def __init__(
        self,
        transformer: TransactionTransformer,
        head: FusionHead,
    ) -> None:
        super().__init__()
        self.transformer, self.head = transformer, head

    def forward(
        self,
        ids: Int[Tensor, "batch seq"],
        mask: Bool[Tensor, "batch seq"],
        table: Float[Tensor, "batch features"],
    ) -> Float[Tensor, " batch"]:
        return self.head(self.transformer.user_embedding(ids, mask), table)

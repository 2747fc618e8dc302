"""The networks that are compared: with a table, without it, and with frozen statements.

Axes::

    users    of a batch
    seq      tokens of a statement
    d_model  entries of a user embedding
"""

from jaxtyping import Float
from torch import Tensor, nn

from snippets.recommenders.cross_network import TableNetwork
from snippets.recommenders.joint_fusion import FusionHead
from snippets.recommenders.last_block import LastBlock
from snippets.recommenders.transaction_transformer import TransactionTransformer


class Fused(nn.Module):
    """The last block, and a head for its embedding and, perhaps, the table."""

    def __init__(self, model: TransactionTransformer, head: nn.Module) -> None:
        super().__init__()
        self.reader, self.head = LastBlock(model), head

    def forward(
        self,
        normed: Float[Tensor, "users seq d_model"],
        last: Float[Tensor, "users d_model"],
        *table: Tensor,
    ) -> Float[Tensor, " users"]:
        return self.head(self.reader(normed, last), *table)


def transactions_alone(model: TransactionTransformer, norm: nn.Module) -> Fused:
    """The last block, and a head that sees no table."""
    layers = nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0)
    return Fused(model, nn.Sequential(norm, *layers))


def small_head(norm: nn.Module) -> FusionHead:
    """A head for a user embedding and six numbers, which DCN V2 multiplies."""
    sizes = {"numbers": 6, "wide": 6, "layers": 2, "hidden": 32, "outputs": 16}
    return FusionHead(norm, TableNetwork(nn.Identity(), **sizes), size=40, hidden=32)


def joint_network(model: TransactionTransformer, norm: nn.Module) -> Fused:
    """The last block, and a head that sees the table, too."""
    return Fused(model, small_head(norm))

"""Message passing: messages along edges, an aggregate in each node, an update.

Gilmer et al. (2017), https://arxiv.org/abs/1704.01212

Symbols of the paper and their names here: ``h`` is ``x``, ``e`` is ``edge``, ``M`` is
``message``, ``U`` is ``update``, ``m`` is ``aggregated``.

Axes::

    nodes          vertices of the graph
    edges          columns of ``edge_index``: its row 0 is the source, row 1 the target
    features       features of a node
    edge_features  features of an edge
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from snippets.graphs.adjacency_matrix import check_edges


def scatter_sum(
    values: Float[Tensor, " edges *features"], target: Int[Tensor, " edges"], nodes: int
) -> Float[Tensor, " nodes *features"]:
    """Sum of the values with the same target; zero where there are none.

    Examples
    --------
    >>> values = torch.tensor([[1.0], [2.0], [5.0]])
    >>> scatter_sum(values, torch.tensor([0, 0, 2]), nodes=3)[:, 0]
    tensor([3., 0., 5.])
    """
    out = values.new_zeros(nodes, *values.shape[1:])
    return out.index_add(0, target, values)


def scatter_mean(
    values: Float[Tensor, " edges *features"], target: Int[Tensor, " edges"], nodes: int
) -> Float[Tensor, " nodes *features"]:
    """Mean of the values with the same target; zero where there are none."""
    count = target.bincount(minlength=nodes).clamp(min=1)
    wide = torch.promote_types(values.dtype, torch.float32)  # half could overflow
    total = scatter_sum(values.to(wide), target, nodes)
    return (total / count.view(-1, *[1] * (values.ndim - 1))).to(values.dtype)


def scatter_max(
    values: Float[Tensor, " edges *features"], target: Int[Tensor, " edges"], nodes: int
) -> Float[Tensor, " nodes *features"]:
    """Largest of the values with the same target; zero where there are none."""
    out = values.new_zeros(nodes, *values.shape[1:])
    index = target.view(-1, *[1] * (values.ndim - 1)).expand_as(values)
    return out.scatter_reduce(0, index, values, "amax", include_self=False)


def propagate(
    x: Float[Tensor, "nodes features"],
    edge_index: Int[Tensor, "2 edges"],
    aggregate: Callable = scatter_sum,
) -> Float[Tensor, "nodes features"]:
    """Each node gets the ``aggregate`` of its sources' features.

    Raises
    ------
    ValueError
        If an edge names a node that does not exist.
    """
    check_edges(edge_index, len(x))
    source, target = edge_index
    return aggregate(x[source], target, len(x))


class MessagePassing(nn.Module):
    """One step: a message per edge, an aggregate per node, an update per node.

    Parameters
    ----------
    aggregate
        ``scatter_sum``, ``scatter_mean`` or ``scatter_max``.
    """

    def __init__(
        self, *, features: int, edge_features: int, aggregate: Callable = scatter_sum
    ) -> None:
        super().__init__()
        self.aggregate = aggregate
        self.message = nn.Linear(2 * features + edge_features, features)
        self.update = nn.Linear(2 * features, features)

    def forward(
        self,
        x: Float[Tensor, "nodes features"],
        edge_index: Int[Tensor, "2 edges"],
        edge: Float[Tensor, "edges edge_features"],
    ) -> Float[Tensor, "nodes features"]:
        """New features of all nodes."""
        check_edges(edge_index, len(x))
        source, target = edge_index
        messages = self.message(torch.cat([x[target], x[source], edge], dim=1)).tanh()
        aggregated = self.aggregate(messages, target, len(x))
        return self.update(torch.cat([x, aggregated], dim=1)).tanh()


def receptive_field(
    network: Callable[[Tensor], Tensor], x: Float[Tensor, "nodes features"], node: int
) -> Bool[Tensor, " nodes"]:
    """Which rows of ``x`` have a gradient in the output for ``node``.

    This is a lower bound: a row that matters has no gradient where a tanh is saturated,
    a ReLU is off, or another row is the maximum.
    """
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x)[node].sum(), x)
    return gradient.abs().sum(dim=1) > 0

"""Graph convolutional network (GCN): neighbors averaged with weights from degrees.

Kipf and Welling (2016), https://arxiv.org/abs/1609.02907

Symbols of the paper and their names here::

    A hat (normalized)  ``normalized_adjacency``
    A hat X             ``smooth``
    W                   ``linear``, stored transposed
    D tilde             degrees, self-loops included

An edge that is given twice counts twice. Every node gets one self-loop, whether or not
``edge_index`` has one, so that an isolated node keeps its features.

Axes::

    nodes     vertices of the graph
    edges     columns of ``edge_index``: its row 0 is the source, row 1 the target
    features  features of a node, before a layer
    hidden    features of a node, after a layer
    classes   scores of a node
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.graphs.adjacency_matrix import adjacency_matrix, with_self_loops
from snippets.graphs.message_passing import scatter_sum


def normalized_adjacency(
    edge_index: Int[Tensor, "2 edges"], nodes: int
) -> Float[Tensor, "nodes nodes"]:
    """The matrix ``D^-1/2 (A + I) D^-1/2``, with in-degrees of ``A + I`` in ``D``.

    Row and column are source and target, as in ``adjacency_matrix``.

    Raises
    ------
    ValueError
        If an edge names a node that does not exist.

    Examples
    --------
    Nodes 0 and 1 are linked, node 2 is isolated:

    >>> normalized_adjacency(torch.tensor([[0, 1], [1, 0]]), nodes=3)
    tensor([[0.5000, 0.5000, 0.0000],
            [0.5000, 0.5000, 0.0000],
            [0.0000, 0.0000, 1.0000]])
    """
    adjacency = adjacency_matrix(with_self_loops(edge_index, nodes), nodes)
    scale = adjacency.sum(dim=0).rsqrt()
    return scale[:, None] * adjacency * scale


def smooth(
    x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
) -> Float[Tensor, "nodes features"]:
    """Weighted sums over neighbors: ``normalized_adjacency(...).T @ x``.

    Raises
    ------
    ValueError
        If an edge names a node that does not exist.

    Examples
    --------
    >>> smooth(torch.tensor([[2.0], [6.0], [7.0]]), torch.tensor([[0, 1], [1, 0]]))
    tensor([[4.],
            [4.],
            [7.]])
    """
    source, target = with_self_loops(edge_index, len(x))
    scale = target.bincount(minlength=len(x)).double().rsqrt()
    weight = (scale[source] * scale[target]).to(x.dtype)
    return scatter_sum(weight[:, None] * x[source], target, len(x))


class GraphConvolution(nn.Module):
    """One layer: ``smooth(x @ W) + bias``, without an activation.

    Raises
    ------
    ValueError
        If a node has another number of features than the layer was made for.
    """

    def __init__(self, *, features: int, hidden: int) -> None:
        super().__init__()
        if min(features, hidden) < 1:
            raise ValueError(f"a layer needs features: {features=}, {hidden=}")
        self.features = features
        self.linear = nn.Linear(features, hidden, bias=False)
        nn.init.xavier_uniform_(self.linear.weight)
        self.bias = nn.Parameter(torch.zeros(hidden))

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes hidden"]:
        """New features of all nodes."""
        if x.shape[1] != self.features:
            raise ValueError(f"{x.shape[1]} features, the layer has {self.features}")
        return smooth(self.linear(x), edge_index) + self.bias


class SGC(nn.Linear):
    """A GCN without its hidden layer: two smoothing steps, then one linear map.

    Wu et al. (2019), https://arxiv.org/abs/1902.07153
    """

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes classes"]:
        """Class scores, before the softmax."""
        return super().forward(smooth(smooth(x, edge_index), edge_index))


class GCN(nn.Module):
    """Two layers with a ReLU between them: class scores for every node.

    Examples
    --------
    >>> model = GCN(features=34, hidden=16, classes=2)
    >>> sum(parameter.numel() for parameter in model.parameters())
    594
    """

    def __init__(self, *, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = GraphConvolution(features=features, hidden=hidden)
        self.second = GraphConvolution(features=hidden, hidden=classes)

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes classes"]:
        """Class scores, before the softmax."""
        hidden = self.first(x, edge_index).relu()
        return self.second(hidden, edge_index)

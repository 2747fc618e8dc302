"""Graph attention networks: weights of neighbors computed from their features.

GAT, Velickovic et al. (2017), https://arxiv.org/abs/1710.10903;
GATv2, Brody et al. (2021), https://arxiv.org/abs/2105.14491

Symbols of the papers, and the names here, which are those of torch_geometric::

    W              ``lin_src``; for the target of an edge in GATv2 ``lin_dst``
    a, first half  ``att_dst`` (GAT)
    a, other half  ``att_src`` (GAT)
    a              ``att`` (GATv2)
    alpha          ``weights``

Both layers return the heads separately: ``flatten(1)`` concatenates them, as inside of
a network, and ``mean(1)`` averages them, as in its last layer. An edge that is given
twice counts twice. Every node gets one self-loop, whether or not one is given.

Axes::

    nodes     vertices of the graph
    edges     columns of ``edge_index``: its row 0 is the source, row 1 the target
    features  features of a node, before a layer
    heads     independent attentions
    hidden    features of a head, after a layer
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from snippets.graphs.adjacency_matrix import with_self_loops
from snippets.graphs.message_passing import scatter_max, scatter_sum


def edge_softmax(
    scores: Float[Tensor, "edges heads"], target: Int[Tensor, " edges"], nodes: int
) -> Float[Tensor, "edges heads"]:
    """Positive weights that sum to one over the edges with the same target.

    Examples
    --------
    >>> scores = torch.tensor([[0.0], [0.0], [500.0]])
    >>> edge_softmax(scores, torch.tensor([0, 0, 1]), nodes=2)[:, 0]
    tensor([0.5000, 0.5000, 1.0000])
    """
    largest = scatter_max(scores.detach(), target, nodes)
    exp = (scores - largest[target]).exp()
    return exp / scatter_sum(exp, target, nodes)[target]


def projection(features: int, outputs: int) -> nn.Linear:
    """A linear map without bias, drawn as in the papers."""
    linear = nn.Linear(features, outputs, bias=False)
    nn.init.xavier_uniform_(linear.weight)
    return linear


class GraphAttention(nn.Module):
    """What both layers share: projected sources, their weighted sum, and a bias.

    Raises
    ------
    ValueError
        If a size is not positive, a node has another number of features than the
        layer was made for, or an edge names a node that does not exist.
    """

    def __init__(self, *, features: int, heads: int, hidden: int) -> None:
        super().__init__()
        if min(features, heads, hidden) < 1:
            raise ValueError(f"no size may be 0: {features=}, {heads=}, {hidden=}")
        self.features, self.heads = features, heads
        self.lin_src = projection(features, heads * hidden)
        self.bias = nn.Parameter(torch.zeros(heads, hidden))

    def by_head(
        self, x: Float[Tensor, "nodes outputs"]
    ) -> Float[Tensor, "nodes heads hidden"]:
        """Split the outputs of a projection into heads."""
        return x.unflatten(1, (self.heads, -1))

    def weights(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "edges heads"]:
        """Attention weights of the given edges; no self-loops are added."""
        return edge_softmax(self.scores(x, edge_index), edge_index[1], len(x))

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes heads hidden"]:
        """New features of all nodes, for each head."""
        if x.shape[1] != self.features:
            raise ValueError(f"{x.shape[1]} features, the layer has {self.features}")
        edge_index = with_self_loops(edge_index, len(x))
        weights = self.weights(x, edge_index)
        source, target = edge_index
        messages = weights[:, :, None] * self.by_head(self.lin_src(x))[source]
        return scatter_sum(messages, target, len(x)) + self.bias


class GAT(GraphAttention):
    """Static attention: a number of the target plus a number of the source.

    Examples
    --------
    >>> layer = GAT(features=5, heads=3, hidden=4)
    >>> layer(torch.ones(2, 5), torch.tensor([[0], [1]])).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, *, features: int, heads: int, hidden: int) -> None:
        super().__init__(features=features, heads=heads, hidden=hidden)
        self.att_dst = nn.Parameter(torch.empty(heads, hidden))
        self.att_src = nn.Parameter(torch.empty(heads, hidden))
        nn.init.xavier_uniform_(self.att_dst)
        nn.init.xavier_uniform_(self.att_src)

    def scores(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "edges heads"]:
        """Attention scores, before the softmax."""
        h = self.by_head(self.lin_src(x))
        source, target = edge_index
        of_target = (h * self.att_dst).sum(dim=-1)[target]
        of_source = (h * self.att_src).sum(dim=-1)[source]
        return leaky_relu(of_target + of_source, 0.2)


class GATv2(GraphAttention):
    """Dynamic attention: target and source are added as vectors, before LeakyReLU.

    Examples
    --------
    >>> layer = GATv2(features=5, heads=3, hidden=4)
    >>> layer(torch.ones(2, 5), torch.tensor([[0], [1]])).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, *, features: int, heads: int, hidden: int) -> None:
        super().__init__(features=features, heads=heads, hidden=hidden)
        self.lin_dst = projection(features, heads * hidden)
        self.att = nn.Parameter(torch.empty(heads, hidden))
        nn.init.xavier_uniform_(self.att)

    def scores(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "edges heads"]:
        """Attention scores, before the softmax."""
        source, target = edge_index
        p = self.lin_dst(x)[target] + self.lin_src(x)[source]
        return (leaky_relu(self.by_head(p), 0.2) * self.att).sum(dim=-1)

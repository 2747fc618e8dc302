"""Graph attention networks: each node weighs its neighbors by what they say.

GAT, Velickovic et al. (2017), https://arxiv.org/abs/1710.10903;
GATv2, Brody et al. (2021), https://arxiv.org/abs/2105.14491

Both layers return the heads apart: ``flatten(1)`` puts them side by side, as inside of
a network, ``mean(1)`` is for its last layer. An edge that is given twice is heard
twice. Every node hears itself once, whether or not a self-loop is given.

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
    raised = (scores - largest[target]).exp()
    return raised / scatter_sum(raised, target, nodes)[target]


def projection(features: int, outputs: int) -> nn.Linear:
    """A linear map without bias, drawn as in the papers."""
    linear = nn.Linear(features, outputs, bias=False)
    nn.init.xavier_uniform_(linear.weight)
    return linear


class GraphAttention(nn.Module):
    """What both layers share: values, their weighted sum, and a bias.

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
        self.value = projection(features, heads * hidden)
        self.bias = nn.Parameter(torch.zeros(heads, hidden))

    def by_head(
        self, x: Float[Tensor, "nodes outputs"]
    ) -> Float[Tensor, "nodes heads hidden"]:
        """Split the outputs of a projection into heads."""
        return x.unflatten(1, (self.heads, -1))

    def weights(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "edges heads"]:
        """How much each target listens along each edge; no self-loops are added."""
        return edge_softmax(self.scores(x, edge_index), edge_index[1], len(x))

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes heads hidden"]:
        """Features of the nodes after each listened to its neighbors."""
        if x.shape[1] != self.features:
            raise ValueError(f"{x.shape[1]} features, the layer has {self.features}")
        edge_index = with_self_loops(edge_index, len(x))
        weights = self.weights(x, edge_index)
        source, target = edge_index
        told = weights[:, :, None] * self.by_head(self.value(x))[source]
        return scatter_sum(told, target, len(x)) + self.bias


class GAT(GraphAttention):
    """The score of an edge is a number of its target plus a number of its source.

    Examples
    --------
    >>> layer = GAT(features=5, heads=3, hidden=4)
    >>> layer(torch.ones(2, 5), torch.tensor([[0], [1]])).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, *, features: int, heads: int, hidden: int) -> None:
        super().__init__(features=features, heads=heads, hidden=hidden)
        self.of_target = nn.Parameter(torch.empty(heads, hidden))
        self.of_source = nn.Parameter(torch.empty(heads, hidden))
        nn.init.xavier_uniform_(self.of_target)
        nn.init.xavier_uniform_(self.of_source)

    def scores(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "edges heads"]:
        """Attention scores, before the softmax."""
        value = self.by_head(self.value(x))
        source, target = edge_index
        listens = (value * self.of_target).sum(dim=-1)[target]
        offers = (value * self.of_source).sum(dim=-1)[source]
        return leaky_relu(listens + offers, 0.2)


class GATv2(GraphAttention):
    """Target and source are added as vectors, and bent before they become a number.

    Examples
    --------
    >>> layer = GATv2(features=5, heads=3, hidden=4)
    >>> layer(torch.ones(2, 5), torch.tensor([[0], [1]])).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, *, features: int, heads: int, hidden: int) -> None:
        super().__init__(features=features, heads=heads, hidden=hidden)
        self.query = projection(features, heads * hidden)
        self.attention = nn.Parameter(torch.empty(heads, hidden))
        nn.init.xavier_uniform_(self.attention)

    def scores(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "edges heads"]:
        """Attention scores, before the softmax."""
        source, target = edge_index
        pair = self.query(x)[target] + self.value(x)[source]
        bent = leaky_relu(self.by_head(pair), 0.2)
        return (bent * self.attention).sum(dim=-1)

"""Own features apart from those of the neighbors, or mixed with them.

Two networks with one step of message passing, made to be compared.

Axes::

    nodes     vertices of the graph
    edges     columns of ``edge_index``: its row 0 is the source, row 1 the target
    features  features of a node
    classes   scores of a node
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.graphs.adjacency_matrix import with_self_loops
from snippets.graphs.message_passing import MessagePassing, propagate, scatter_mean


class Apart(nn.Module):
    """Own features and the mean message of the neighbors have weights of their own."""

    def __init__(self, *, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.read, self.out = nn.Linear(features, hidden), nn.Linear(hidden, classes)
        self.step = MessagePassing(
            features=hidden, edge_features=0, aggregate=scatter_mean
        )

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes classes"]:
        """Class scores, before the softmax."""
        no_features = x.new_zeros(edge_index.shape[1], 0)
        return self.out(self.step(self.read(x), edge_index, no_features))


class Mixed(nn.Module):
    """Own features enter the mean as those of one more neighbor."""

    def __init__(self, *, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.read, self.out = nn.Linear(features, hidden), nn.Linear(hidden, classes)
        self.update = nn.Linear(hidden, hidden)

    def forward(
        self, x: Float[Tensor, "nodes features"], edge_index: Int[Tensor, "2 edges"]
    ) -> Float[Tensor, "nodes classes"]:
        """Class scores, before the softmax."""
        loops = with_self_loops(edge_index, len(x))
        mean = propagate(self.read(x), loops, scatter_mean)
        return self.out(self.update(mean).tanh())

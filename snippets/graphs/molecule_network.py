"""A network that reads one number for each molecule from its bonds.

Axes::

    atoms      nodes of all molecules in a batch, which is one graph
    edges      bonds in both directions
    molecules  connected parts of a batch
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.graphs.message_passing import MessagePassing, scatter_mean


class MoleculeNetwork(nn.Module):
    """Steps of message passing with skip connections, then the mean over atoms."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            MessagePassing(features=12, edge_features=1) for _ in range(steps)
        )
        self.read = nn.Sequential(nn.Linear(12, 24), nn.Tanh(), nn.Linear(24, 1))

    def forward(
        self,
        edges: Int[Tensor, "2 edges"],
        strength: Float[Tensor, "edges 1"],
        owner: Int[Tensor, " atoms"],
    ) -> Float[Tensor, " molecules"]:
        """One number for each molecule; ``owner`` is the molecule of each atom."""
        x = torch.eye(12)[torch.zeros_like(owner)]  # all atoms are alike
        for step in self.steps:
            x = x + step(x, edges, strength)
        return scatter_mean(self.read(x), owner, int(owner[-1]) + 1)[:, 0]

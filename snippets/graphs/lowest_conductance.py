"""The lowest conductance of all cuts of a small graph, by integer programming.

Dinkelbach (1967), https://doi.org/10.1287/mnsc.13.7.492: for the lowest ratio of two
sums, minimize ``cut - ratio * volume``, replace ``ratio`` by that of the minimizer, and
repeat until the minimum is zero. Each minimum is an integer linear program with a
variable for each node (inside or not) and each edge (cut or not).

Axes::

    nodes  vertices of the graph
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp
from torch import Tensor

from snippets.graphs.graph_cuts import conductance
from snippets.graphs.graph_laplacian import degrees


def lowest_conductance(
    adjacency: Float[Tensor, "nodes nodes"], start: Bool[Tensor, " nodes"]
) -> tuple[float, Bool[Tensor, " nodes"]]:
    """The lowest conductance, and the smaller side of a cut that has it.

    ``start`` is any cut; a good one saves time, which grows exponentially with the
    nodes in the worst case.

    Examples
    --------
    >>> path = torch.ones(3).diag(1) + torch.ones(3).diag(-1)
    >>> lowest_conductance(path, torch.tensor([True, False, False, False]))[0]
    0.3333333333333333
    """
    adjacency = adjacency.double()
    degree = degrees(adjacency).numpy()
    side, best = start, conductance(adjacency, start).item()
    i, j = adjacency.triu(1).nonzero().numpy().T
    weight, edges, nodes = adjacency[i, j].numpy(), len(i), len(degree)
    ends = sparse.csr_array((np.ones(edges), (range(edges), i)), (edges, nodes))
    ends -= sparse.csr_array((np.ones(edges), (range(edges), j)), (edges, nodes))
    eye = sparse.eye_array(edges)
    volume = sparse.csr_array(np.r_[degree, np.zeros(edges)][None])
    rows = sparse.vstack(
        [sparse.hstack([ends, -eye]), sparse.hstack([-ends, -eye]), volume]
    )
    low = np.r_[np.full(2 * edges, -np.inf), degree[degree > 0].min()]
    limits = LinearConstraint(rows, low, np.r_[np.zeros(2 * edges), degree.sum() / 2])
    whole = np.r_[np.ones(nodes), np.zeros(edges)]  # cut follows from inside
    while True:
        costs = np.r_[-best * degree, weight]
        found = milp(costs, constraints=limits, integrality=whole, bounds=Bounds(0, 1))
        candidate = torch.from_numpy(found.x[:nodes] > 0.5)
        ratio = conductance(adjacency, candidate).item()
        if ratio >= best - 1e-9:
            return best, side
        side, best = candidate, ratio

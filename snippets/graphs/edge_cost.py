"""What one more edge costs a layer: the numbers that it writes on the way.

Counted by running the layer, not from its formula. A fused kernel would write fewer and
compute the same; memory and its traffic are those of the code as it stands.
"""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from snippets.foundations.peak_memory import storages


class NumbersWritten(TorchDispatchMode):
    """Counts the floating-point numbers of new tensors made inside the ``with``.

    Examples
    --------
    A sum of a thousand pairs is new, and the reversed axes are a view:

    >>> x = torch.ones(1000, 2)
    >>> with NumbersWritten() as numbers:
    ...     y = x.sum(dim=1), x.T
    >>> numbers.count
    1000
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        known = {id(storage) for storage in storages((args, kwargs))}
        result = operation(*args, **(kwargs or {}))
        new = [
            leaf
            for leaf in tree_leaves(result)
            if isinstance(leaf, Tensor) and id(leaf.untyped_storage()) not in known
        ]
        self.count += sum(leaf.numel() for leaf in new if leaf.is_floating_point())
        return result


def numbers_per_edge(
    layer: Callable[[Tensor], object], edge_index: Int[Tensor, "2 edges"]
) -> float:
    """Numbers written with every edge given twice, less those with each given once.

    What a layer does for each node cancels, and so do loops that it adds itself.

    Raises
    ------
    ValueError
        If there are no edges.

    Examples
    --------
    Each edge copies what its source says:

    >>> x = torch.ones(3, 5)
    >>> numbers_per_edge(lambda edges: x[edges[0]], torch.tensor([[0, 1], [1, 2]]))
    5.0
    """
    if edge_index.shape[1] == 0:
        raise ValueError("no edges: nothing to divide by")
    counts = []
    for edges in (edge_index, torch.cat([edge_index, edge_index], dim=1)):
        with torch.no_grad(), NumbersWritten() as numbers:
            layer(edges)
        counts.append(numbers.count)
    return (counts[1] - counts[0]) / edge_index.shape[1]

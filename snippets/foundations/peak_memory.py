"""Peak memory: the most bytes of tensors that were alive at one time.

Every operation is seen, those of the backward pass too. Memory that an operation takes
for itself and gives back before it returns is not.
"""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of tensors made inside the ``with``; ``peak`` has the maximum.

    Examples
    --------
    A thousand numbers in four bytes, then their double beside them:

    >>> with PeakMemory() as memory:
    ...     x = torch.ones(1000)
    ...     x = 2 * x
    >>> memory.peak, memory.live
    (8000, 4000)
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        known = {id(storage) for storage in storages((args, kwargs))}
        result = operation(*args, **(kwargs or {}))
        for storage in storages(result):
            if id(storage) not in known:
                self._change(storage.nbytes())
                weakref.finalize(storage, self._change, -storage.nbytes())
        return result

    def _change(self, count: int) -> None:
        self.live += count
        self.peak = max(self.peak, self.live)


def storages(values: object) -> list[torch.UntypedStorage]:
    """The memory behind all tensors among values that may be nested."""
    tensors = [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]
    return [tensor.untyped_storage() for tensor in tensors]

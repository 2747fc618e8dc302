"""Looped transformer: the same blocks, applied several times.

Dehghani et al. (2019), https://arxiv.org/abs/1807.03819
Input injection: Yang et al. (2024), https://arxiv.org/abs/2311.12424
Notation: Saunshi et al. (2025), https://arxiv.org/abs/2502.17416

Symbols::

    e       x, the embedded input
    h^(r)   state, after loop r
    B       blocks, one after the other
    k       blocks in B
    R       loops
    f       images: node i points to ``images[i]``
    p       hops

Axes::

    batch    independent sequences
    seq      positions; in the task, one for each node
    d_model  features of a position
    nodes    of a permutation
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class LoopedTransformer(nn.Module):
    """Apply the same blocks several times; ``inject`` adds the input in each loop.

    With input injection, the state begins at zero, so that both kinds apply the
    blocks to the input itself in the first loop.

    Raises
    ------
    ValueError
        If there is no block, or the number of loops is below 1.

    Examples
    --------
    A block that doubles its input, looped three times:

    >>> double = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.constant_(double.weight, 2.0)
    >>> one = torch.ones(1, 1, 1)
    >>> LoopedTransformer([double], loops=3)(one).item()
    8.0
    >>> LoopedTransformer([double], loops=3, inject=True)(one).item()
    14.0
    """

    def __init__(
        self, blocks: list[nn.Module], *, loops: int, inject: bool = False
    ) -> None:
        super().__init__()
        if not blocks:
            raise ValueError("0 blocks cannot be looped")
        if loops < 1:
            raise ValueError(f"{loops=} leave the input as it is")
        self.blocks = nn.ModuleList(blocks)
        self.loops = loops
        self.inject = inject

    def forward(
        self, x: Float[Tensor, "batch seq d_model"], loops: int | None = None
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the state after the last loop; ``loops`` may differ from training."""
        return self.states(x, loops)[-1]

    def states(
        self, x: Float[Tensor, "batch seq d_model"], loops: int | None = None
    ) -> list[Float[Tensor, "batch seq d_model"]]:
        """Return the states after each loop."""
        loops = self.loops if loops is None else loops
        if loops < 1:
            raise ValueError(f"{loops=} leave the input as it is")
        state, states = torch.zeros_like(x) if self.inject else x, []
        for _ in range(loops):
            if self.inject:
                state = state + x
            for block in self.blocks:
                state = block(state)
            states.append(state)
        return states


def double(images: Int[Tensor, "*batch nodes"]) -> Int[Tensor, "*batch nodes"]:
    """Replace f by f applied twice: one lookup for each node.

    Raises
    ------
    ValueError
        If an image is not a node.

    Examples
    --------
    In a cycle of five nodes, two rounds give four hops:

    >>> once = torch.tensor([1, 2, 3, 4, 0])
    >>> double(once)
    tensor([2, 3, 4, 0, 1])
    >>> double(double(once))
    tensor([4, 0, 1, 2, 3])
    """
    nodes = images.shape[-1]
    if images.numel() and not 0 <= images.min() <= images.max() < nodes:
        wrong = images.min() if images.min() < 0 else images.max()
        raise ValueError(f"{nodes} nodes, but an image is {wrong}")
    return images.gather(-1, images)

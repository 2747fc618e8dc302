"""Follow a pointer several times: a task for looped models, and their training.

A random permutation f of the nodes is given as one token for each node i, which holds
i and f(i). The model must name f(f(...f(i))), the node that is ``hops`` away, at each
token. ``k`` blocks that are looped ``R`` times are written k x R.

Axes::

    models        trained side by side, each on permutations of its own
    permutations  of the nodes
    batch         permutations of one model in one step
    nodes         of a permutation; positions of the model
    loops         after which the model is read out
"""

from itertools import permutations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from snippets.transformers.looped_transformers import LoopedTransformer
from snippets.transformers.vit_layer import Layer

NODES, HOPS, BATCH, RATE = 6, 3, 16, 6e-3


def split(nodes: int = NODES) -> tuple[Int[Tensor, "train nodes"], Tensor]:
    """All permutations in random order: four fifths to train on, the rest held out."""
    every = torch.tensor(list(permutations(range(nodes))))
    order = torch.randperm(len(every), generator=torch.Generator().manual_seed(0))
    return every[order].tensor_split([len(every) * 4 // 5])


def hop(
    images: Int[Tensor, "*batch nodes"], hops: int = HOPS
) -> Int[Tensor, "*batch nodes"]:
    """Apply a permutation ``hops`` times, one lookup after the other.

    Raises
    ------
    ValueError
        If ``hops`` is negative.

    Examples
    --------
    >>> hop(torch.tensor([1, 2, 3, 0]), hops=3)
    tensor([3, 0, 1, 2])
    """
    if hops < 0:
        raise ValueError(f"{hops=} would need the inverse")
    reached = torch.arange(images.shape[-1]).expand_as(images)
    for _ in range(hops):
        reached = images.gather(-1, reached)
    return reached


def best_guess(known: int, hops: int = HOPS, nodes: int = NODES) -> float:
    """Accuracy of the best rule that knows the first ``known`` hops from each node.

    Examples
    --------
    A cycle of length one or three leads back to its node, so guess the node itself:

    >>> round(best_guess(known=0), 3)
    0.333
    """
    images = torch.tensor(list(permutations(range(nodes))))
    seen = torch.stack([hop(images, step)[:, 0] for step in range(known + 1)], dim=1)
    cases = torch.cat([seen, hop(images, hops)[:, :1]], dim=1)
    found, count = cases.unique(dim=0, return_counts=True)
    _, group = found[:, :-1].unique(dim=0, return_inverse=True)
    best = torch.zeros_like(count).scatter_reduce(0, group, count, "amax")
    return best.sum().item() / len(images)


class HopModel(nn.Module):
    """Embeddings of a node and its image, looped blocks, a norm, and a linear head."""

    def __init__(
        self, k: int, loops: int, *, inject: bool = False, d_model: int = 32
    ) -> None:
        super().__init__()
        self.node = nn.Embedding(NODES, d_model)
        self.image = nn.Embedding(NODES, d_model)
        blocks = [Layer(d_model, 1, 2 * d_model, 1e-5) for _ in range(k)]
        self.body = LoopedTransformer(blocks, loops=loops, inject=inject)
        self.norm, self.head = nn.LayerNorm(d_model), nn.Linear(d_model, NODES)

    def forward(
        self, images: Int[Tensor, "batch nodes"], loops: int | None = None
    ) -> Float[Tensor, "batch nodes nodes"]:
        return self.head(self.norm(self.body(self.embed(images), loops)))

    def embed(
        self, images: Int[Tensor, "batch nodes"]
    ) -> Float[Tensor, "batch nodes d_model"]:
        return self.node.weight + self.image(images)


def train(
    models: list[HopModel],
    steps: int,
    *,
    batch: int = BATCH,
    between: tuple[int, int] | None = None,
    seed: int = 0,
) -> Float[Tensor, "steps models"]:
    """Train the models in place with Adam; return the accuracy on each batch.

    The learning rate rises and falls (one cycle). With ``between``, each step draws
    the number of loops uniformly from the lowest to the highest of the two.
    """
    stacked, _ = stack_module_state(models)
    first, images = models[0], split()[0]
    run = vmap(
        lambda own, x, loops: functional_call(first, own, (x, loops)), (0, 0, None)
    )
    optimizer = torch.optim.Adam(stacked.values(), RATE, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    random = torch.Generator().manual_seed(seed)
    low, high = between or (first.body.loops, first.body.loops)
    history = []
    for _ in range(steps):
        drawn = torch.randint(len(images), (len(models), batch), generator=random)
        loops = int(torch.randint(low, high + 1, (), generator=random))
        target = hop(images[drawn])
        logits = run(stacked, images[drawn], loops)
        optimizer.zero_grad()
        # the sum over models: each has its own gradient
        loss = cross_entropy(logits.flatten(0, -2), target.flatten())
        (len(models) * loss).backward()
        optimizer.step()
        cycle.step()
        history.append((logits.argmax(-1) == target).float().mean((1, 2)))
    for number, model in enumerate(models):
        for name, parameter in model.named_parameters():
            parameter.data = stacked[name][number].detach()
    return torch.stack(history)


@torch.no_grad()
def by_loop(
    models: list[HopModel], loops: int
) -> tuple[Float[Tensor, "models loops"], Float[Tensor, "models loops"]]:
    """Accuracy on the held-out permutations, and the size of the state, by loop.

    The norm and the head of the model read out the state after every loop. The size
    is the root mean square over all features.
    """
    images = split()[1]
    accuracy, size = [], []
    for model in models:
        states = torch.stack(model.body.states(model.embed(images), loops))
        named = model.head(model.norm(states)).argmax(-1)
        accuracy.append((named == hop(images)).float().mean((1, 2)))
        size.append(states.square().mean((1, 2, 3)).sqrt())
    return torch.stack(accuracy), torch.stack(size)

"""Pretraining, and networks of one kind that are trained side by side.

Axes::

    runs      networks of one kind, each with its own weights, data, and labels
    sets      data sets; several runs can share one
    users     of a data set
    labeled   users with labels, which come first
    seq       tokens of a statement
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from snippets.recommenders.last_block import LastBlock, lower_states
from snippets.recommenders.transaction_transformer import TransactionTransformer
from snippets.transformers.gpt import next_token_loss

SLOW = 0.3  # pretrained weights change more slowly than new ones


def pretrain(
    ids: Int[Tensor, "users seq"], vocab: int, *, updates: int, seed: int
) -> TransactionTransformer:
    """A small transformer, trained to predict the next token."""
    torch.manual_seed(seed)
    model = TransactionTransformer(vocab=vocab, d_model=24, layers=2, heads=4, std=0.1)
    optimizer = torch.optim.AdamW(
        model.parameters(), betas=(0.9, 0.99), weight_decay=0.01, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.005, total_steps=updates, pct_start=0.2, cycle_momentum=False
    )
    for _ in range(updates):
        some = ids[torch.randint(len(ids), (64,))]
        optimizer.zero_grad()
        next_token_loss(model(some), some).backward()
        optimizer.step()
        schedule.step()
    return model


class Runs:
    """Networks of one kind, as one function of stacked weights."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.weights, _ = stack_module_state(list(networks))
        self.apply = vmap(partial(functional_call, networks[0]))

    def train(
        self,
        inputs: Sequence[Float[Tensor, "runs users ..."]],
        labels: Bool[Tensor, "runs labeled"],
        *,
        updates: int,
        batch: int = 256,
        rate: float = 0.01,
    ) -> None:
        """AdamW on the cross-entropy of each run; weights of readers are slower.

        Labels are those of the first users.
        """
        parts: dict[bool, list[Tensor]] = {False: [], True: []}
        for name, weight in self.weights.items():
            parts[name.startswith("reader.")].append(weight)
        groups = [{"params": parts[False]}, {"params": parts[True]}]
        optimizer = torch.optim.AdamW(groups, weight_decay=0.1, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [rate, SLOW * rate], total_steps=updates, cycle_momentum=False
        )
        random = torch.Generator().manual_seed(0)
        runs, (count, users) = torch.arange(len(labels))[:, None], labels.shape
        for _ in range(updates):
            some = torch.randint(users, (count, batch), generator=random)
            logits = self.apply(self.weights, tuple(x[runs, some] for x in inputs))
            loss = binary_cross_entropy_with_logits(
                logits, labels.gather(1, some).float(), reduction="none"
            )
            optimizer.zero_grad()
            loss.mean(dim=1).sum().backward()  # each run has its own mean
            optimizer.step()
            schedule.step()

    @torch.no_grad()
    def logits(
        self, inputs: Sequence[Float[Tensor, "runs users ..."]]
    ) -> Float[Tensor, "runs users"]:
        """Logit of each user in each run."""
        return self.apply(self.weights, tuple(inputs))

    @torch.no_grad()
    def embeddings(self, lower: Sequence[Tensor], reader: LastBlock) -> Tensor:
        """What the readers of the runs make of statements."""
        start = "reader."
        own = {
            name.removeprefix(start): weight
            for name, weight in self.weights.items()
            if name.startswith(start)
        }
        return vmap(partial(functional_call, reader))(own, tuple(lower))


def fit(
    make: Callable[[], nn.Module],
    inputs: Sequence[Float[Tensor, "runs users ..."]],
    labels: Bool[Tensor, "runs labeled"],
    *,
    updates: int,
) -> Runs:
    """New networks, one for each run, trained on the users that have labels."""
    torch.manual_seed(1)
    runs = Runs([make() for _ in labels])
    runs.train(inputs, labels, updates=updates)
    return runs


@torch.no_grad()
def read_all(
    model: TransactionTransformer, ids: Int[Tensor, "sets users seq"], times: int
) -> tuple[list[Tensor], Tensor]:
    """Lower states and user embeddings of each data set, repeated for more runs."""
    reads, reader = [lower_states(model, one) for one in ids] * times, LastBlock(model)
    embeddings = torch.stack([reader(*read) for read in reads])
    return [torch.stack(part) for part in zip(*reads, strict=True)], embeddings

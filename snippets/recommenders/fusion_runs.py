"""Pretraining, late fusion, and networks that are trained side by side.

Axes::

    runs      networks of one kind, each with its own weights, data, and labels
    users     of a data set
    seq       tokens of a statement
    features  columns of a table, or entries of a user embedding
"""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from lightgbm import LGBMClassifier
from numpy import ndarray
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from snippets.recommenders.last_block import LastBlock
from snippets.recommenders.transaction_transformer import TransactionTransformer
from snippets.transformers.gpt import next_token_loss

SLOW = 0.3  # pretrained weights change more slowly than new ones
TREES = {"n_estimators": 150, "num_leaves": 8, "learning_rate": 0.1, "max_bin": 63}
SAMPLES = {"subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.7}


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


def late_fusion(
    columns: Float[ndarray, "users features"],
    labels: Bool[ndarray, " labeled"],
) -> Float[ndarray, " rest"]:
    """Scores of LightGBM for the users after those who have labels.

    The columns are those of the table and, beside them, user embeddings.
    """
    known = len(labels)
    model = LGBMClassifier(
        **TREES,
        **SAMPLES,
        min_child_samples=100,
        deterministic=True,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )
    model.fit(columns[:known], labels)
    return model.predict_proba(columns[known:])[:, 1]


class Fused(nn.Module):
    """The last block, and a head for its embedding and, perhaps, the table."""

    def __init__(self, model: TransactionTransformer, head: nn.Module) -> None:
        super().__init__()
        self.reader, self.head = LastBlock(model), head

    def forward(
        self, normed: Tensor, last: Tensor, *table: Tensor
    ) -> Float[Tensor, " users"]:
        return self.head(self.reader(normed, last), *table)


class Runs:
    """Networks of one kind, as one function of stacked weights."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.weights, _ = stack_module_state(list(networks))
        self.apply = vmap(partial(functional_call, networks[0]))

    def train(
        self,
        inputs: Sequence[Float[Tensor, "runs users *rest"]],
        labels: Bool[Tensor, "runs users"],
        *,
        updates: int,
        batch: int = 256,
        rate: float = 0.01,
    ) -> None:
        """AdamW on the cross-entropy of each run; weights of readers are slower."""
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
        self, inputs: Sequence[Float[Tensor, "runs users *rest"]]
    ) -> Float[Tensor, "runs users"]:
        """Logit of each user in each run."""
        return self.apply(self.weights, tuple(inputs))

    @torch.no_grad()
    def embeddings(self, lower: Sequence[Tensor], reader: LastBlock) -> Tensor:
        """What the reader of each run makes of the statements."""
        start = "reader."
        own = {
            name.removeprefix(start): weight
            for name, weight in self.weights.items()
            if name.startswith(start)
        }
        return vmap(partial(functional_call, reader))(own, tuple(lower))

"""Readers whose scores are bounded, so that no attention map can become sharp.

A question is a noisy copy of one of 64 keys; its answer is the value of that key. A
score is four times a cosine, between -4 and 4.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import mse_loss, normalize

from snippets.attention.differential_attention import Lambda


class Questions(NamedTuple):
    query: Float[Tensor, "batch 1 16"]
    key: Float[Tensor, "batch 64 16"]
    value: Float[Tensor, "batch 64 8"]
    asked: Int[Tensor, " batch"]


def draw_questions(count: int, random: torch.Generator) -> Questions:
    """Draw keys of unit length, values, and a noisy copy of the key asked for."""
    key = normalize(torch.randn(count, 64, 16, generator=random), dim=-1)
    value = torch.randn(count, 64, 8, generator=random)
    asked = torch.randint(64, (count,), generator=random)
    query = key[torch.arange(count), asked]
    query = query + 0.125 * torch.randn(count, 16, generator=random)
    return Questions(normalize(query, dim=-1)[:, None], key, value, asked)


#: one map of 32 features, the same minus a learned constant, two maps of 16 features
KINDS = ("one map", "minus a constant", "sum of two", "difference")


class Reader(nn.Module):
    """One of ``KINDS``; the constant is that of a second map that is uniform."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.maps = kind, 1 + (kind in KINDS[2:])
        self.query, self.key = (nn.Linear(16, 32, bias=False) for _ in range(2))
        self.out = nn.Linear(8, 8, bias=False)
        nn.init.eye_(self.out.weight)
        self.lambda_ = Lambda(head_dim=16, layer=1)

    def cosines(
        self, query: Float[Tensor, "batch 1 16"], key: Float[Tensor, "batch 64 16"]
    ) -> Float[Tensor, "batch maps 1 64"]:
        # (batch, maps, positions, features)
        query, key = (
            normalize(part(x).unflatten(-1, (self.maps, -1)).transpose(1, 2), dim=-1)
            for part, x in ((self.query, query), (self.key, key))
        )
        return query @ key.mT

    def weights(
        self, query: Float[Tensor, "batch 1 16"], key: Float[Tensor, "batch 64 16"]
    ) -> Float[Tensor, "batch 64"]:
        maps = (4 * self.cosines(query, key)).softmax(dim=-1)[:, :, 0]
        if self.kind == "one map":
            return maps[:, 0]
        if self.kind == "sum of two":
            return maps.sum(dim=1)
        second = maps[:, 1] if self.maps == 2 else 1 / maps.shape[-1]
        return maps[:, 0] - self.lambda_() * second

    def forward(self, questions: Questions) -> Float[Tensor, "batch 8"]:
        weights = self.weights(questions.query, questions.key)
        return self.out((weights[:, None] @ questions.value)[:, 0])


def loss_of(reader: Reader, questions: Questions) -> Float[Tensor, ""]:
    """Mean squared error of the answers."""
    value = questions.value[torch.arange(len(questions.value)), questions.asked]
    return mse_loss(reader(questions), value)


def train_reader(
    kind: str, rate: float, seed: int, batches: Sequence[Questions]
) -> Reader:
    """Train on each batch once; the rate falls linearly to zero."""
    torch.manual_seed(seed)
    reader = Reader(kind)
    optimizer = torch.optim.Adam(reader.parameters(), lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, len(batches))
    for batch in batches:
        loss = loss_of(reader, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return reader

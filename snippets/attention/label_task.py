"""Labels: a task whose answer stands at a few places of the text, and its training.

A text is a row of noisy tokens of 32 kinds. In each text, every kind has one of eight
labels, and half of the tokens show their label. For a token that does not, the layer
must find an earlier token of the same kind that does; guessing is right in one of
eight.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.attention.sparse_attention import index_loss
from snippets.attention.sparse_latent_attention import SparseLatentAttention

SEQ, KINDS, LABELS, D_MODEL = 128, 32, 8, 64
SIZES = {"latent_dim": 32, "nope_dim": 16, "rope_dim": 4, "value_dim": 16}
SIZES |= {"d_model": D_MODEL, "heads": 2, "query_dim": 48}


class Texts(NamedTuple):
    x: Float[Tensor, "batch seq d_model"]
    label: Int[Tensor, "batch seq"]
    #: which labels are hidden here, but were shown before
    asked: Bool[Tensor, "batch seq"]


def draw_texts(count: int, random: torch.Generator) -> Texts:
    """Draw texts; kinds look the same in all of them, labels are drawn anew."""
    fixed = torch.Generator().manual_seed(7)
    prototype = torch.randn(KINDS, D_MODEL - LABELS, generator=fixed)
    kind = torch.randint(KINDS, (count, SEQ), generator=random)
    label = torch.randint(LABELS, (count, KINDS), generator=random).gather(1, kind)
    hidden = torch.rand(count, SEQ, generator=random) < 0.5
    noise = torch.randn(count, SEQ, D_MODEL - LABELS, generator=random)
    shown = 3 * torch.eye(LABELS)[label] * ~hidden[..., None]
    same = kind[:, :, None] == kind[:, None, :]
    seen = (same & ~hidden[:, None, :]).tril(-1).any(dim=-1)
    x = torch.cat([prototype[kind] + 0.3 * noise, shown], dim=-1)
    return Texts(x, label, hidden & seen)


class Labeler(nn.Module):
    """One layer of latent attention with an indexer, and an answer per token."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = SparseLatentAttention(top_k=8, index_heads=2, index_dim=16, **SIZES)
        self.answer = nn.Linear(D_MODEL, LABELS)


def train_dense(seed: int, steps: int = 200) -> Labeler:
    """A labeler that reads all keys; its indexer stays as it was drawn."""
    torch.manual_seed(seed)
    model, random = Labeler(), torch.Generator().manual_seed(seed)
    parameters = [*model.mix.mla.parameters(), *model.answer.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=5e-3, fused=True)
    for _ in range(steps):
        x, label, asked = draw_texts(8, random)
        scores = model.answer(model.mix.mla(x))
        loss = cross_entropy(scores[asked], label[asked])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def warm_up(model: Labeler, seed: int, steps: int) -> None:
    """Train the indexer alone, to predict the attention of the dense layer."""
    random = torch.Generator().manual_seed(1000 + seed)
    optimizer = torch.optim.Adam(model.mix.indexer.parameters(), lr=5e-3, fused=True)
    for _ in range(steps):
        x = draw_texts(4, random).x
        loss = index_loss(model.mix.index(x), model.mix.dense_weights(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

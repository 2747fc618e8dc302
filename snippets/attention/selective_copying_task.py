"""Selective copying: two symbols among fillers, to be named in their order.

Sixteen slots hold two symbols at random places, and fillers elsewhere. Two questions
follow: the first asks for the first symbol, the second for the second. Gu and Dao
(2023), https://arxiv.org/abs/2312.00752, use 16 symbols among 4096 tokens.

Axes::

    batch     independent sequences
    seq       tokens of a sequence: the slots, then the questions
    answers   questions of a sequence: two
    symbols   that an answer can be: six; guessing is right in one of six cases
    channels  features inside the mixer
    places    kinds of positions: four near a symbol, and fillers
"""

from collections.abc import Sequence
from unittest.mock import patch

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad, silu, softplus

from snippets.attention.mamba import MambaMixer, discretize

SYMBOLS, ANSWERS, SLOTS = 6, 2, 16
FILLER, QUESTION = SYMBOLS, SYMBOLS + 1


class TimeInvariantMixer(MambaMixer):
    """The control: ``dt``, ``B``, and ``C`` are learned, but equal at all positions."""

    def __init__(self, **sizes: int) -> None:
        super().__init__(**sizes)
        self.B_and_C = nn.Parameter(torch.randn(2, self.A_log.shape[1]))

    def select(self, x: Float[Tensor, "batch seq channels"]) -> tuple:
        dt = softplus(self.dt_proj.bias).expand_as(x)
        B, C = (vector.expand(*x.shape[:2], -1) for vector in self.B_and_C)
        return dt, B, C


def copying(
    batch: int, slots: int, random: torch.Generator
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch answers"]]:
    """Draw sequences and their answers.

    Examples
    --------
    >>> tokens, answers = copying(3, 16, torch.Generator().manual_seed(0))
    >>> tokens.shape, answers.shape
    (torch.Size([3, 18]), torch.Size([3, 2]))
    """
    tokens = torch.full((batch, slots + ANSWERS), FILLER)
    tokens[:, slots:] = QUESTION
    answers = torch.randint(SYMBOLS, (batch, ANSWERS), generator=random)
    order = torch.rand(batch, slots, generator=random).argsort(dim=1)
    places = order[:, :ANSWERS].sort(dim=1).values
    return tokens.scatter(1, places, answers), answers


class CopyingModel(nn.Module):
    """One mixer of width 32 with four state numbers a channel, and a linear answer."""

    def __init__(self, mixer: type[MambaMixer]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + 2, 32)
        self.mixer = mixer(d_model=32, d_state=4, expand=1)
        self.norm = nn.RMSNorm(32)
        self.answer = nn.Linear(32, SYMBOLS)

    def forward(
        self, tokens: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch answers symbols"]:
        x = self.embedding(tokens)
        return self.answer((x + self.mixer(self.norm(x)))[:, -ANSWERS:])


@torch.no_grad()
def accuracy(model: CopyingModel, slots: int = SLOTS, batch: int = 200) -> float:
    """Share of right answers on sequences that are always the same."""
    tokens, answers = copying(batch, slots, torch.Generator().manual_seed(99))
    return (model(tokens).argmax(-1) == answers).float().mean().item()


def train(
    mixer: type[MambaMixer], marks: Sequence[int], *, seed: int
) -> tuple[CopyingModel, list[float]]:
    """Model after ``marks[-1]`` steps of 32 sequences, and its accuracy at each mark.

    The learning rate falls from 0.02 to zero in a straight line.
    """
    torch.manual_seed(seed)
    model, random = CopyingModel(mixer), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, marks[-1])
    reached = [accuracy(model)] if 0 in marks else []
    for step in range(1, marks[-1] + 1):
        tokens, answers = copying(32, SLOTS, random)
        loss = cross_entropy(model(tokens).flatten(0, 1), answers.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step in marks:
            reached.append(accuracy(model))
    return model, reached


def filler_only(tokens: Int[Tensor, "batch seq"]) -> Tensor:
    """Where all four tokens that the convolution sees are fillers (or no token)."""
    other = pad(tokens != FILLER, (3, 0))
    return ~other.unfold(1, 4, 1).any(dim=-1)


@torch.no_grad()
def step_sizes(
    model: CopyingModel, tokens: Int[Tensor, "batch seq"]
) -> Float[Tensor, " places"]:
    """Mean of ``dt`` at a symbol, 1, 2 and 3 positions after one, and at fillers.

    The mixer's own code up to ``select``, at the slots from the fifth on, where all
    four tokens that the convolution sees exist.
    """
    mixer, slots = model.mixer, tokens.shape[1] - ANSWERS
    x = mixer.in_proj(model.norm(model.embedding(tokens))).chunk(2, dim=-1)[0]
    x = silu(mixer.conv1d(pad(x.mT, (3, 0))).mT)
    dt = mixer.select(x)[0].mean(dim=-1)[:, 4:slots]
    symbol, fillers = tokens < SYMBOLS, filler_only(tokens)[:, 4:slots]
    at = [symbol[:, 4 - distance : slots - distance] for distance in range(4)]
    return torch.stack([dt[where].mean() for where in [*at, fillers]])


def accuracy_with_changed_fillers(
    model: CopyingModel, slots: int, *, decay: bool, add: bool
) -> float:
    """Accuracy if the state does not ``decay`` at fillers, or they ``add`` nothing.

    Fillers are positions at which the convolution sees only fillers. Without both,
    the state passes over them as if ``dt`` were zero.
    """
    tokens, _ = copying(100, slots, torch.Generator().manual_seed(99))
    fillers = filler_only(tokens)[..., None, None]

    def changed(*inputs: Tensor) -> tuple[Tensor, Tensor]:
        a, b = discretize(*inputs)
        a = a if decay else a.masked_fill(fillers, 1)
        return a, b if add else b.masked_fill(fillers, 0)

    with patch("snippets.attention.mamba.discretize", changed):
        return accuracy(model, slots, batch=100)

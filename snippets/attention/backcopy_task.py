"""Copy after a trigger, else follow a bigram table: a head that is mostly not needed.

After Guo et al. (2024), https://arxiv.org/abs/2410.13835, section 2 (Bigram-Backcopy).
A text begins with a start symbol. After each of four trigger symbols comes a copy of
the symbol before the trigger. After each other symbol, the next is drawn from a row of
a fixed table, so the symbol itself says all there is to know.

Axes::

    batch    independent texts
    seq      symbols of a text: the start symbol and 16 more
    inputs   all symbols but the last, 16
    symbols  16, without the start symbol
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.attention.self_attention import causal
from snippets.attention.stabilized_attention import StabilizedAttention

SYMBOLS, TRIGGERS, INPUTS, D_MODEL = 16, 4, 16, 32
START = SYMBOLS
TABLE = torch.randn(SYMBOLS, SYMBOLS, generator=torch.Generator().manual_seed(0))
TABLE = (1.5 * TABLE).softmax(dim=-1)


def texts(count: int, random: torch.Generator) -> Int[Tensor, "batch seq"]:
    """Draw texts. The two symbols after the start are uniform.

    Examples
    --------
    >>> drawn = texts(3, torch.Generator().manual_seed(0))
    >>> drawn.shape, drawn[:, 0].tolist()
    (torch.Size([3, 17]), [16, 16, 16])
    """
    drawn = torch.randint(SYMBOLS, (2, count), generator=random)
    text = [torch.full((count,), START), *drawn]
    while len(text) <= INPUTS:
        usual = torch.multinomial(TABLE[text[-1]], 1, generator=random)[:, 0]
        text.append(torch.where(text[-1] < TRIGGERS, text[-2], usual))
    return torch.stack(text, dim=1)


class BackcopyModel(nn.Module):
    """Embeddings, one block of a transformer, and a linear answer."""

    def __init__(self, layer: StabilizedAttention) -> None:
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS + 1, D_MODEL)
        self.position = nn.Parameter(torch.randn(INPUTS, D_MODEL) / 2)
        self.norm, self.layer = nn.RMSNorm(D_MODEL), layer
        widen, narrow = nn.Linear(D_MODEL, 64), nn.Linear(64, D_MODEL)
        self.mlp = nn.Sequential(nn.RMSNorm(D_MODEL), widen, nn.ReLU(), narrow)
        self.answer = nn.Sequential(nn.RMSNorm(D_MODEL), nn.Linear(D_MODEL, SYMBOLS))

    def embed(self, symbols: Int[Tensor, "batch inputs"]) -> Tensor:
        """What the layer of attention gets, and what it is added to."""
        return self.symbol(symbols) + self.position

    def forward(
        self,
        symbols: Int[Tensor, "batch inputs"],
        allowed: Bool[Tensor, "inputs inputs"],
    ) -> Float[Tensor, "batch inputs symbols"]:
        x = self.embed(symbols)
        x = x + self.layer(self.norm(x), allowed)
        return self.answer(x + self.mlp(x))


def train(
    layer: Callable[[], StabilizedAttention],
    *,
    rate: float,
    seed: int,
    batches: int,
    allowed: Bool[Tensor, "inputs inputs"] | None = None,
) -> BackcopyModel:
    """AdamW on batches of 16 texts, with warmup, cosine decay, and clipped gradients.

    The rate rises over the first tenth of the batches. There is no weight decay. The
    mask is causal if none is given.
    """
    torch.manual_seed(seed)
    model = BackcopyModel(layer())
    allowed = causal(INPUTS, INPUTS) if allowed is None else allowed
    drawn = texts(16 * batches, torch.Generator().manual_seed(1)).split(16)
    weights = [w for w in model.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=rate, betas=(0.9, 0.95), weight_decay=0, fused=True
    )
    for batch, text in enumerate(drawn):
        cosine = (1 + math.cos(math.pi * batch / batches)) / 2
        warm = (batch + 1) / (0.1 * batches)
        optimizer.param_groups[0]["lr"] = rate * min(warm, cosine)
        logits = model(text[:, :-1], allowed)
        optimizer.zero_grad()
        cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(weights, 1)
        optimizer.step()
    return model


class Result(NamedTuple):
    """What a model does on 300 new texts, from the ninth symbol on.

    ``excess`` is the mean of the loss minus that of a model that knows the rule, in
    nats; ``ordinary`` the same after symbols that are no triggers; ``copied`` the share
    of copies that are named; ``on_first`` the weight on the first position after
    symbols that are no triggers, and ``largest`` the largest score.
    """

    excess: float
    ordinary: float
    copied: float
    on_first: float
    largest: float


@torch.no_grad()
def evaluate(model: BackcopyModel, allowed: Bool[Tensor, "inputs inputs"]) -> Result:
    text = texts(300, torch.Generator().manual_seed(9))
    now, after = text[:, :-1], text[:, 1:]
    logits, x = model(now, allowed), model.norm(model.embed(now))
    usual = TABLE[now.clamp(max=SYMBOLS - 1)].gather(-1, after[..., None])[..., 0]
    trigger = now < TRIGGERS
    best = -usual.log().masked_fill(trigger, 0)
    excess = cross_entropy(logits.mT, after, reduction="none") - best
    scored = torch.arange(INPUTS) >= 8
    ordinary, copies = scored & ~trigger, scored & trigger
    first = model.layer.weights(x, allowed)[..., 0].mean(dim=1)
    scores = model.layer.scores(x).masked_fill(~allowed, 0)
    return Result(
        excess[:, scored].mean().item(),
        excess[ordinary].mean().item(),
        (logits.argmax(-1) == after)[copies].float().mean().item(),
        first[ordinary].mean().item(),
        scores.abs().max().item(),
    )

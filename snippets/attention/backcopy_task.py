"""Copy after a trigger, else follow a bigram table: a head that is mostly not needed.

After Guo et al. (2024), https://arxiv.org/abs/2410.13835, section 2 (Bigram-Backcopy).
A text begins with a start symbol. After each of four trigger symbols comes a copy of
the symbol before the trigger. After each other symbol, the next is drawn from a row of
a fixed table, so the symbol itself says all there is to know.

Axes::

    models   models that are trained side by side
    batch    independent texts
    seq      symbols of a text: the start symbol and 12 more
    inputs   all symbols but the last, 12
    symbols  16, without the start symbol
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from snippets.attention.self_attention import causal
from snippets.attention.stabilized_attention import StabilizedAttention

SYMBOLS, TRIGGERS, INPUTS, D_MODEL = 16, 4, 12, 16
START = SYMBOLS
TABLE = torch.randn(SYMBOLS, SYMBOLS, generator=torch.Generator().manual_seed(0))
TABLE = (1.5 * TABLE).softmax(dim=-1)


def texts(count: int, random: torch.Generator) -> Int[Tensor, "batch seq"]:
    """Draw texts. The two symbols after the start are uniform.

    Examples
    --------
    >>> drawn = texts(3, torch.Generator().manual_seed(0))
    >>> drawn.shape, drawn[:, 0].tolist()
    (torch.Size([3, 13]), [16, 16, 16])
    """
    drawn = torch.randint(SYMBOLS, (2, count), generator=random)
    text = [torch.full((count,), START), *drawn]
    thresholds = TABLE.cumsum(dim=-1)[:, :-1]
    while len(text) <= INPUTS:
        dice = torch.rand(count, 1, generator=random)
        usual = (dice > thresholds[text[-1]]).sum(dim=1)
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
    layers: list[StabilizedAttention],
    *,
    rate: float | Float[Tensor, " models"],
    batches: int,
    allowed: Bool[Tensor, "inputs inputs"] | None = None,
) -> list[BackcopyModel]:
    """Train one model for each layer, side by side, each on its own texts.

    AdamW on batches of 16 texts. The rate rises over the first tenth of the batches and
    falls to zero as a cosine. The gradient of each model is clipped to a length of 1,
    and there is no weight decay. The mask is causal if none is given.
    """
    made = [BackcopyModel(layer) for layer in layers]
    allowed = causal(INPUTS, INPUTS) if allowed is None else allowed
    rates = torch.as_tensor(rate).expand(len(made))
    stacked, _ = stack_module_state(made)
    apply = vmap(lambda own, text: functional_call(made[0], own, (text, allowed)))
    drawn = texts(batches * len(made) * 16, torch.Generator().manual_seed(1))
    weights = [w for w in stacked.values() if w.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=1, betas=(0.9, 0.95), weight_decay=0, fused=True
    )
    for batch, text in enumerate(drawn.unflatten(0, (batches, len(made), 16))):
        logits = apply(stacked, text[..., :-1])
        loss = cross_entropy(logits.flatten(0, -2), text[..., 1:].flatten())
        optimizer.zero_grad()
        (len(made) * loss).backward()  # the sum over models: each has its own gradient
        cosine = (1 + math.cos(math.pi * batch / batches)) / 2
        step(optimizer, weights, rates * min((batch + 1) / (0.1 * batches), cosine))
    for place, model in enumerate(made):
        model.load_state_dict({name: w[place] for name, w in stacked.items()})
    return made


@torch.no_grad()
def step(
    optimizer: torch.optim.Optimizer,
    weights: list[Tensor],
    rates: Float[Tensor, " models"],
) -> None:
    """Clip the gradient of each model, and move each at its own rate.

    The first axis of all weights is that of the models.
    """
    squares = sum(w.grad.flatten(1).square().sum(dim=1) for w in weights)
    shrink = squares.clamp(min=1).rsqrt()
    before = [w.clone() for w in weights]
    for w in weights:
        w.grad *= shrink.view(-1, *[1] * (w.dim() - 1))
    optimizer.step()  # at a rate of 1
    for w, old in zip(weights, before, strict=True):
        w.copy_(old.lerp(w, rates.view(-1, *[1] * (w.dim() - 1))))


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

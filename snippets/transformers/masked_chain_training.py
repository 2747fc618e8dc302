"""Train small BERTs side by side on masked texts of a Markov chain.

The models differ in their seeds and in the texts they read. An optional mask hides
positions from all of them, for example the right side.

Axes::

    models   models that are trained side by side, on texts of their own
    seq      positions of a text
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from snippets.transformers.bert import Bert, MaskedLanguageModel
from snippets.transformers.masked_chain import SEQ, SYMBOLS, masked_texts
from snippets.transformers.masked_language_modeling import IGNORED, Masked


def models(number: int) -> list[MaskedLanguageModel]:
    """Untrained models of one block; the seeds are 0, 1, ..."""
    made, std = [], 0.1
    for seed in range(number):
        torch.manual_seed(seed)
        sizes = dict(vocab=SYMBOLS + 1, positions=SEQ, d_model=32, heads=4, d_ff=64)
        made.append(MaskedLanguageModel(Bert(**sizes, layers=1, std=std), std))
    return made


class Trained(NamedTuple):
    history: Float[Tensor, "steps models"]  # loss of each batch, before its step
    test: Float[Tensor, " models"]  # mean loss on the test texts, after training


def train(
    chain: Float[Tensor, "symbols symbols"],
    test: Masked,
    allowed: Bool[Tensor, "1 seq seq"] | None,
    *,
    number: int = 3,
    steps: int = 440,
    batch: int = 40,
    rate: float = 8e-3,
) -> Trained:
    """Train models with different seeds on texts that are drawn anew in each step.

    Adam, with a learning rate that rises to ``rate`` and falls to zero.
    """
    stacked = models(number)
    first, (parameters, _) = stacked[0], stack_module_state(stacked)
    apply = vmap(lambda own, x: functional_call(first, own, (x, None, allowed)))
    optimizer = torch.optim.Adam(parameters.values(), rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    inputs, labels = (
        part.unflatten(0, (steps, number, batch))
        for part in masked_texts(chain, steps * number * batch, seed=0)
    )

    def losses(inputs, labels):
        logits = apply(parameters, inputs).movedim(-1, 1)
        loss = cross_entropy(logits, labels, reduction="none").sum((1, 2))
        return loss / (labels != IGNORED).sum((1, 2))

    history = []
    for read, wanted in zip(inputs, labels, strict=True):
        optimizer.zero_grad()
        loss = losses(read, wanted)
        loss.sum().backward()
        optimizer.step()
        schedule.step()
        history.append(loss.detach())
    with torch.no_grad():
        same = (part.expand(number, -1, -1) for part in test)
        return Trained(torch.stack(history), losses(*same))

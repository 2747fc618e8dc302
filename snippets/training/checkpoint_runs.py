"""Small GPTs are trained, written to a file, and loaded with each fault.

Axes::

    names   tensors of a model
    faults  ways to load
    runs    models that were trained with different seeds
    batch   texts
    seq     tokens of a text
    vocab   tokens that there are
"""

import tempfile
from collections.abc import Iterable
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.training.faulty_loads import FAULTS, without
from snippets.training.gpt2_file import save_gpt2
from snippets.training.help_tokens import held_out_loss
from snippets.training.pretrained_weights import load_gpt2
from snippets.transformers.gpt import GPT, next_token_loss
from snippets.transformers.gpt_training import help_bytes, training, windows

SHAPE = {"vocab": 256, "n_positions": 32, "d_model": 32, "layers": 1, "heads": 2}


class Costs(NamedTuple):
    """What faults do to a model, or to each of several; losses in nats per token."""

    loss: Float[Tensor, "*runs"]  # of the model without a fault
    missing: Float[Tensor, " names *runs"]  # added to it without one tensor
    added: Float[Tensor, " faults *runs"]  # added to it by each of FAULTS
    off: Float[Tensor, " faults *runs"]  # largest difference from the right logits


@torch.no_grad()
def costs(
    model: GPT,
    fresh: GPT,
    texts: Int[Tensor, "batch seq"],
    logits: Float[Tensor, "batch seq vocab"],
) -> Costs:
    """Load a model with each fault.

    Parameters
    ----------
    fresh
        Has the random weights that stay where a tensor is missing.
    logits
        The right ones.
    """
    loss, missing = held_out_loss(model, texts), []
    for name in model.state_dict():
        if name != "lm_head.weight":
            less = without(model.state_dict(), name, deepcopy(fresh))
            missing.append(held_out_loss(less, texts) - loss)
    wrong = [fault(model)(texts) for fault in FAULTS.values()]
    added = [next_token_loss(one, texts).item() - loss for one in wrong]
    off = [(one - logits).abs().max().item() for one in wrong]
    return Costs(*map(torch.tensor, (loss, missing, added, off)))


def trained_and_loaded(seed: int, steps: int) -> Costs:
    """Costs of the faults for a GPT that was trained on bytes of Python's help."""
    learned, held_out = help_bytes(seed)
    texts = windows(held_out, SHAPE["n_positions"])[:: len(held_out) // 3200]
    torch.manual_seed(seed)
    model = GPT(**SHAPE, std=SHAPE["d_model"] ** -0.5)
    for _ in training(model, learned, steps, seed=seed, batch=8, rate=0.015):
        pass  # one update each
    with tempfile.TemporaryDirectory() as folder:
        save_gpt2(model, folder)
        loaded = load_gpt2(folder)
    with torch.no_grad():
        logits = model.double()(texts)
    return costs(loaded, GPT(**SHAPE), texts, logits)


def costs_of_runs(seeds: Iterable[int], steps: int) -> Costs:
    """As :func:`trained_and_loaded`, with the runs as a last axis of each tensor."""
    runs = zip(*(trained_and_loaded(seed, steps) for seed in seeds), strict=True)
    return Costs(*(torch.stack(x, dim=-1) for x in runs))

"""A GPT-2 of transformers, trained for a moment, as a checkpoint that others wrote.

Axes::

    batch   texts
    seq     bytes of a text
    tokens  bytes of a long text
    vocab   bytes that there are
"""

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from snippets.training.pretraining import draw_texts, train

SEQ, BATCH = 32, 16


class Logits(nn.Module):
    """Calls a model of transformers as ours is called."""

    def __init__(self, library: GPT2LMHeadModel) -> None:
        super().__init__()
        self.library = library

    def forward(
        self, ids: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch seq vocab"]:
        return self.library(ids, use_cache=False).logits


def small_gpt2(
    learned: Int[Tensor, " tokens"], updates: int, seed: int
) -> GPT2LMHeadModel:
    """Train one block of width 32 with two heads on the bytes of a text; no dropout."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=256,
        n_positions=SEQ,
        n_embd=32,
        n_layer=1,
        n_head=2,
        initializer_range=32**-0.5,
        bos_token_id=0,
        eos_token_id=None,
    )
    library = GPT2LMHeadModel(config).eval()  # without dropout
    optimizer = torch.optim.AdamW(
        library.parameters(), betas=(0.9, 0.99), weight_decay=0.1, fused=True
    )
    generator = torch.Generator().manual_seed(seed)
    draw = partial(draw_texts, learned, BATCH, SEQ, generator)
    plan = {"lr": 0.015, "warmup_steps": updates // 10, "total_steps": updates}
    for _ in train(Logits(library), optimizer, draw, **plan):
        pass
    return library

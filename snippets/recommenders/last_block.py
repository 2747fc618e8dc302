"""Only the last block of a transformer, and only at the last token.

Fine-tuning that trains no other part can compute the states before this block once.
One query is left for each statement, which takes fewer products than a whole block.

Axes::

    users    one statement each, all of the same length
    seq      tokens of a statement
    d_model  features of a token
"""

from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from snippets.recommenders.transaction_transformer import TransactionTransformer
from snippets.transformers.transformer_block import GPT2Block


class Lower(NamedTuple):
    """What the last block reads."""

    normed: Float[Tensor, "users seq d_model"]
    """States before the block, normalized, without scale and shift."""
    last: Float[Tensor, "users d_model"]
    """State of the last token, as it is."""


@torch.no_grad()
def lower_states(model: TransactionTransformer, ids: Int[Tensor, "users seq"]) -> Lower:
    """Read statements with all blocks but the last."""
    x = model.wte(ids)
    for block in model.h[:-1]:
        x = block(x)
    return Lower(layer_norm(x, x.shape[-1:]), x[:, -1])


def last_update(block: GPT2Block, lower: Lower) -> Float[Tensor, "users d_model"]:
    """What the block returns at the last position.

    The query is multiplied with the key matrix before it meets the states. The bias of
    the keys adds the same number to all scores, and drops out.
    """
    attn, norm, (z, last) = block.attn, block.ln_1, lower
    query_of, key_of, value_of = attn.c_attn.weight.unflatten(0, (3, attn.heads, -1))
    query_bias, _, value_bias = attn.c_attn.bias.unflatten(0, (3, attn.heads, -1))
    normed = z[:, -1] * norm.weight + norm.bias
    query = torch.einsum("ud,hed->uhe", normed, query_of) + query_bias
    key = torch.einsum("uhe,hed->uhd", query, key_of) / query.shape[-1] ** 0.5
    mixed = ((key * norm.weight) @ z.mT).softmax(dim=-1) @ z
    mixed = mixed * norm.weight + norm.bias
    value = torch.einsum("uhd,hed->uhe", mixed, value_of) + value_bias
    last = last + attn.c_proj(value.flatten(1))
    return last + block.mlp(block.ln_2(last)[:, None])[:, 0]


class LastBlock(nn.Module):
    """A copy of the last block and the final norm, which makes user embeddings."""

    def __init__(self, model: TransactionTransformer) -> None:
        super().__init__()
        self.block, self.ln_f = deepcopy(model.h[-1]), deepcopy(model.ln_f)

    def forward(self, normed: Tensor, last: Tensor) -> Float[Tensor, "users d_model"]:
        return self.ln_f(last_update(self.block, Lower(normed, last)))

"""A transformer multiplied out: circuits of heads, memories of MLPs, parts of logits.

Elhage et al. (2021), https://transformer-circuits.pub/2021/framework/index.html (there
vectors are columns, here rows); Geva et al. (2021), https://arxiv.org/abs/2012.14913;
nostalgebraist (2020), *interpreting GPT: the logit lens*. The model is :class:`.GPT`.

Symbols::

    W_QK, W_OV    qk, ov             W_E, W_U   wte.weight and its transpose
    A             weights            K, V       keys and values of memories
    gamma, beta   weight and bias of a norm

Axes::

    batch     independent texts       d_model  features of the residual stream
    seq       positions               d_ff     hidden units of an MLP: its memories
    states    streams that the logit lens reads: one more than there are blocks
    vocab     tokens that there are   vectors  any number of vectors
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.attention.self_attention import causal
from snippets.transformers.gpt import GPT
from snippets.transformers.transformer_block import MLP, CausalSelfAttention


class Circuits(NamedTuple):
    """One head: ``qk`` decides where it looks, ``ov`` what it writes.

    ``key_bias`` adds to the score of a key; ``bias`` adds to the output.
    """

    qk: Float[Tensor, "d_model d_model"]
    key_bias: Float[Tensor, " d_model"]
    ov: Float[Tensor, "d_model d_model"]
    bias: Float[Tensor, " d_model"]


def circuits(attention: CausalSelfAttention, head: int) -> Circuits:
    """Multiply out the four matrices of a head.

    Raises
    ------
    ValueError
        If there is no such head.
    """
    if not 0 <= head < attention.heads:
        raise ValueError(f"no {head=} among {attention.heads}")
    head_dim = attention.c_proj.in_features // attention.heads
    own = slice(head * head_dim, (head + 1) * head_dim)
    W_Q, W_K, W_V = (W[own].T for W in attention.c_attn.weight.chunk(3))
    # The bias of keys cancels in the softmax.
    b_Q, _, b_V = (b[own] for b in attention.c_attn.bias.chunk(3))
    W_O = attention.c_proj.weight[:, own].T
    return Circuits(W_Q @ W_K.T, W_K @ b_Q, W_V @ W_O, b_V @ W_O)


def head_weights(
    x: Float[Tensor, "*batch seq d_model"], head: Circuits, head_dim: int
) -> Float[Tensor, "*batch seq seq"]:
    """Attention weights from ``qk`` alone; ``x`` is normalized.

    Raises
    ------
    ValueError
        If ``head_dim`` is below 1.
    """
    if head_dim < 1:
        raise ValueError(f"no scores with {head_dim=}")
    scores = (x @ head.qk + head.key_bias) @ x.mT / math.sqrt(head_dim)
    allowed = causal(x.shape[-2], x.shape[-2]).to(x.device)
    return scores.masked_fill(~allowed, -torch.inf).softmax(dim=-1)


def head_output(
    x: Float[Tensor, "*batch seq d_model"], head: Circuits, head_dim: int
) -> Float[Tensor, "*batch seq d_model"]:
    """What a head adds: A mixes positions, ``ov`` mixes features."""
    return head_weights(x, head, head_dim) @ x @ head.ov + head.bias


class Memories(NamedTuple):
    """How well each key matches, and the value that it adds."""

    coefficients: Float[Tensor, "*batch seq d_ff"]
    values: Float[Tensor, "d_ff d_model"]


def memories(mlp: MLP, x: Float[Tensor, "*batch seq d_model"]) -> Memories:
    """An MLP as memories: its output is ``coefficients @ values`` and a bias.

    Row i of ``c_fc.weight`` is key i, column i of ``c_proj.weight`` is value i.
    """
    coefficients = nn.functional.gelu(mlp.c_fc(x), approximate="tanh")
    return Memories(coefficients, mlp.c_proj.weight.T)


def embeddings(
    model: GPT, ids: Int[Tensor, "batch seq"]
) -> tuple[Float[Tensor, "batch seq d_model"], Float[Tensor, "batch seq d_model"]]:
    """Vectors of tokens and of positions; their sum is the first stream.

    Raises
    ------
    ValueError
        If the text is longer than the table of positions.
    """
    seq, rows = ids.shape[1], model.wpe.num_embeddings
    if seq > rows:
        raise ValueError(f"a text of {seq} tokens, but {rows} positions")
    tokens = model.wte(ids)
    return tokens, model.wpe.weight[:seq].expand_as(tokens)


def residual_parts(
    model: GPT, ids: Int[Tensor, "batch seq"]
) -> dict[str, Float[Tensor, "batch seq d_model"]]:
    """What each component added to the last stream; the parts add up to it.

    "head 1.0" is head 0 of block 1. Output biases of attention are one part.
    """
    tokens, positions = embeddings(model, ids)
    parts = {"tokens": tokens, "positions": positions}
    parts["biases"] = torch.zeros_like(tokens)
    for layer, block in enumerate(model.h):
        x, heads = block.ln_1(sum(parts.values())), block.attn.heads
        head_dim = x.shape[-1] // heads
        for h in range(heads):
            head = circuits(block.attn, h)
            parts[f"head {layer}.{h}"] = head_output(x, head, head_dim)
        parts["biases"] = parts["biases"] + block.attn.c_proj.bias
        parts[f"MLP {layer}"] = block.mlp(block.ln_2(sum(parts.values())))
    return parts


def centered(
    x: Float[Tensor, "*vectors d_model"], norm: nn.LayerNorm
) -> Float[Tensor, "*vectors d_model"]:
    """The linear part of a LayerNorm: subtract the mean, multiply by gamma."""
    return (x - x.mean(dim=-1, keepdim=True)) * norm.weight


def logit_parts(
    model: GPT, parts: dict[str, Float[Tensor, "batch seq d_model"]]
) -> dict[str, Float[Tensor, "batch seq vocab"]]:
    """Direct logit attribution: what each part adds to each logit.

    The last norm divides each part by the standard deviation of the whole
    stream, not by its own. Its beta is one more part.
    """
    stream = sum(parts.values())
    variance = stream.var(dim=-1, correction=0, keepdim=True)
    scale = (variance + model.ln_f.eps).rsqrt()
    found = {
        name: model.lm_head(centered(part, model.ln_f) * scale)
        for name, part in parts.items()
    }
    last = model.lm_head(model.ln_f.bias.expand_as(stream))
    return found | {"last bias": last}


def logit_lens(
    model: GPT, ids: Int[Tensor, "batch seq"]
) -> Float[Tensor, "states batch seq vocab"]:
    """Last norm and output layer on the stream before and after each block."""
    states = [sum(embeddings(model, ids))]
    for block in model.h:
        states.append(block(states[-1]))
    return model.lm_head(model.ln_f(torch.stack(states)))

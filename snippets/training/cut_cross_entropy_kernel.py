"""Cut cross-entropy as Triton kernels: a loop over the vocabulary, then block by block.

Wijmans et al. (2025), https://arxiv.org/abs/2411.09009; names are those of
:mod:`snippets.training.cut_cross_entropy_passes`. Triton's interpreter runs the kernels
in NumPy, without a GPU; it has to be asked for before Triton is imported.

Axes::

    tokens   positions, all of which have a target
    d_model  features of a hidden state; a power of two
    vocab    tokens of the vocabulary
"""

import os

import torch
from jaxtyping import Int
from torch import Tensor

os.environ.setdefault("TRITON_INTERPRET", "1")  # 0 compiles for a GPU

import triton
import triton.language as tl

from snippets.attention.flash_attention_kernel import check_dtypes
from snippets.training.cut_cross_entropy import labeled
from snippets.training.cut_cross_entropy_passes import (
    Classifier,
    Hidden,
    PerToken,
    Targets,
    check_targets,
)
from snippets.training.pretraining import IGNORED


@triton.jit
def forward_kernel(
    hidden,
    classifier,
    targets,
    loss,
    lse,
    tokens,
    vocab,
    d_model: tl.constexpr,
    token_block: tl.constexpr,
    vocab_block: tl.constexpr,
):
    """One block of tokens, and the whole vocabulary."""
    rows = tl.program_id(0) * token_block + tl.arange(0, token_block)[:, None]
    features = tl.arange(0, d_model)[None, :]
    e = tl.load(hidden + rows * d_model + features, mask=rows < tokens, other=0.0)
    target = tl.load(targets + rows, mask=rows < tokens, other=-1)
    row_max = tl.full((token_block, 1), float("-inf"), tl.float32)
    row_sum = tl.full((token_block, 1), 0.0, tl.float32)
    target_logit = tl.full((token_block, 1), 0.0, tl.float32)
    for start in range(0, vocab, vocab_block):
        ids = start + tl.arange(0, vocab_block)[:, None]
        there = classifier + ids * d_model + features
        c = tl.load(there, mask=ids < vocab, other=0.0)
        logits = tl.dot(e, tl.trans(c), input_precision="ieee")
        hit = tl.trans(ids) == target
        target_logit += tl.sum(tl.where(hit, logits, 0.0), axis=1, keep_dims=True)
        logits = tl.where(tl.trans(ids) < vocab, logits, float("-inf"))
        new_max = tl.maximum(row_max, tl.max(logits, axis=1, keep_dims=True))
        more = tl.sum(tl.exp(logits - new_max), axis=1, keep_dims=True)
        row_sum = tl.exp(row_max - new_max) * row_sum + more
        row_max = new_max
    row_lse = row_max + tl.log(row_sum)
    tl.store(lse + rows, row_lse, mask=rows < tokens)
    tl.store(loss + rows, row_lse - target_logit, mask=rows < tokens)


@triton.jit
def backward_kernel(
    hidden,
    classifier,
    targets,
    lse,
    order,
    grad_hidden,
    grad_classifier,
    tokens,
    vocab,
    filter_eps,
    d_model: tl.constexpr,
    token_block: tl.constexpr,
    vocab_block: tl.constexpr,
):
    """One block of tokens and one of the vocabulary."""
    rows = tl.program_id(0) * token_block + tl.arange(0, token_block)[:, None]
    places = tl.program_id(1) * vocab_block + tl.arange(0, vocab_block)[:, None]
    ids = tl.load(order + places, mask=places < vocab, other=0)
    features = tl.arange(0, d_model)[None, :]
    here, there = rows * d_model + features, ids * d_model + features
    e = tl.load(hidden + here, mask=rows < tokens, other=0.0)
    c = tl.load(classifier + there, mask=places < vocab, other=0.0)
    target = tl.load(targets + rows, mask=rows < tokens, other=-1)
    row_lse = tl.load(lse + rows, mask=rows < tokens, other=float("inf"))
    logits = tl.dot(e, tl.trans(c), input_precision="ieee")
    grad = tl.exp(logits - row_lse) - tl.where(tl.trans(ids) == target, 1.0, 0.0)
    grad = tl.where(tl.trans(places) < vocab, grad, 0.0)
    large = tl.where(tl.abs(grad) < filter_eps, 0, 1)  # NaN is large; tl.max drops it
    if tl.sum(large) > 0:
        rounded = grad.to(e.dtype)  # a variable keeps its type when compiled
        to_hidden = tl.dot(rounded, c, input_precision="ieee")
        to_classifier = tl.dot(tl.trans(rounded), e, input_precision="ieee")
        tl.atomic_add(grad_hidden + here, to_hidden, mask=rows < tokens)
        tl.atomic_add(grad_classifier + there, to_classifier, mask=places < vocab)


def check_inputs(
    hidden: Tensor, classifier: Tensor, targets: Tensor, *blocks: int
) -> None:
    """Kernels receive pointers: what does not fit would make them read other memory."""
    check_dtypes(hidden, classifier)
    if (targets == IGNORED).any():
        raise ValueError(f"remove targets of {IGNORED} first")
    labeled(hidden, classifier, targets, IGNORED)
    check_targets(targets, len(classifier))
    for size in (hidden.shape[1], *blocks):
        if size < 16 or size & (size - 1):
            raise ValueError(f"{size} is not a power of two from 16 on")
    if max(hidden.numel(), classifier.numel()) >= 2**31:
        raise ValueError(f"{hidden.shape}, {classifier.shape}: addresses have 32 bits")


def forward(
    hidden: Hidden,
    classifier: Classifier,
    targets: Targets,
    *,
    token_block: int = 64,
    vocab_block: int = 64,
) -> tuple[PerToken, PerToken]:
    """Loss and log-sum-exp of each token.

    Raises
    ------
    ValueError
        If types or shapes do not fit, a target is ignored or no token, or a block or
        ``d_model`` is not a power of two, at least 16.
    """
    check_inputs(hidden, classifier, targets, token_block, vocab_block)
    hidden, classifier = hidden.contiguous(), classifier.contiguous()
    loss, lse = hidden.new_empty(2, len(hidden), dtype=torch.float32)
    sizes = len(hidden), len(classifier), hidden.shape[1], token_block, vocab_block
    programs = (triton.cdiv(len(hidden), token_block),)
    targets = targets.contiguous()
    forward_kernel[programs](hidden, classifier, targets, loss, lse, *sizes)
    return loss, lse


def backward(
    hidden: Hidden,
    classifier: Classifier,
    targets: Targets,
    lse: PerToken,
    order: Int[Tensor, " vocab"],
    *,
    filter_eps: float = 0.0,
    token_block: int = 64,
    vocab_block: int = 64,
) -> tuple[Hidden, Classifier]:
    """Gradients of the sum of all losses, in single precision.

    Raises
    ------
    ValueError
        As :func:`forward`, or if ``lse`` or ``order`` has another shape or type.
    """
    check_inputs(hidden, classifier, targets, token_block, vocab_block)
    if lse.shape != targets.shape or lse.dtype != torch.float32:
        raise ValueError(f"{lse.shape=}, {lse.dtype=} for {targets.shape=}")
    if not torch.equal(order.sort().values, torch.arange(len(classifier)).to(order)):
        raise ValueError(f"order has to name each of {len(classifier)} tokens once")
    inputs = [x.contiguous() for x in (hidden, classifier, targets, lse, order)]
    grads = [torch.zeros_like(x, dtype=torch.float32) for x in inputs[:2]]
    programs = (
        triton.cdiv(len(hidden), token_block),
        triton.cdiv(len(classifier), vocab_block),
    )
    sizes = len(hidden), len(classifier), filter_eps, hidden.shape[1]
    backward_kernel[programs](*inputs, *grads, *sizes, token_block, vocab_block)
    return grads[0], grads[1]

"""Log-probabilities of answers, and log ratios of a policy and a reference.

Preference losses need one number for each answer, and a language model gives logits
for each token.

Axes::

    batch    answers, each after its prompt
    seq      tokens of a prompt and its answer
    vocab    tokens that there are
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.training.pretraining import IGNORED


def completion_logps(
    logits: Float[Tensor, "batch seq vocab"], labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, " batch"]:
    """Log-probability of each answer: the sum over its tokens.

    The logits of position t - 1 answer for the label of position t. Labels of the
    prompt and of padding are IGNORED, that of the end of the answer is not.

    Raises
    ------
    ValueError
        If there are no rows, the logits belong to other positions, a row has no label,
        or its first token is one: no logits answer for it.
    """
    shapes = tuple(logits.shape), tuple(labels.shape)
    if shapes[0][:2] != shapes[1] or not labels.numel():
        raise ValueError("logits of {} and labels of {}".format(*shapes))
    kept = labels != IGNORED
    if not kept.any(dim=-1).all():
        raise ValueError(f"labels in each row: {kept.sum(dim=-1).tolist()}")
    if kept[:, 0].any():
        raise ValueError("the first token is a label, but nothing predicts it")
    dtype = torch.promote_types(logits.dtype, torch.float32)
    logp = logits[:, :-1].log_softmax(dim=-1, dtype=dtype)
    index = labels[:, 1:].where(kept[:, 1:], 0)
    chosen = logp.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    return chosen.where(kept[:, 1:], 0).sum(dim=-1)


def log_ratios(
    logits: Tensor, ref_logits: Tensor, labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, " batch"]:
    """How far the policy has moved from the reference: log pi_theta / pi_ref.

    Both logits have the axes batch, seq, and vocab. The reference has no gradient.

    Raises
    ------
    ValueError
        If the two have other shapes, or an answer is impossible to one of them.
    """
    if logits.shape != ref_logits.shape:
        shapes = tuple(logits.shape), tuple(ref_logits.shape)
        raise ValueError(
            "policy and reference have logits of {} and {}".format(*shapes)
        )
    reference = completion_logps(ref_logits.detach(), labels)
    ratios = completion_logps(logits, labels) - reference
    if not ratios.isfinite().all():
        raise ValueError(f"log ratios must be finite, got {ratios.tolist()}")
    return ratios

"""Which tokens of a conversation are labels, and the loss over labels.

The mask is that of ``apply_chat_template`` in transformers.

Glossary::

    assistant_masks     labels    transformers: 0 and 1; here IGNORED and the token id
    offset_mapping      offsets   transformers: characters of each token, start and end

Axes::

    batch    conversations
    seq      tokens of a conversation
    vocab    tokens that there are
"""

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor

from snippets.language.byte_pair_encoding import Tokenizer
from snippets.training.pretraining import IGNORED, label_loss
from snippets.training.tool_messages import Span


def encode_with_offsets(
    tokenizer: Tokenizer, text: str
) -> tuple[list[int], list[Span]]:
    """Token ids, and the characters that each token covers at least in part.

    Examples
    --------
    >>> from snippets.training.tool_messages import SPECIAL
    >>> encode_with_offsets(Tokenizer([], SPECIAL), "<|user|>é!")
    ([257, 127, 102, 0], [(0, 8), (8, 9), (8, 9), (9, 10)])
    """
    ids = tokenizer.encode(text, allowed=tokenizer.special)
    spelled = [*tokenizer.tokens, *(s.encode() for s in tokenizer.special)]
    character = [i for i, c in enumerate(text) for _ in c.encode()]  # of each byte
    offsets, place = [], 0
    for token in (spelled[i] for i in ids):
        last = character[place + len(token) - 1]
        offsets.append((character[place], last + 1))
        place += len(token)
    return ids, offsets


def mask_labels(
    ids: Sequence[int], offsets: Sequence[Span], spans: Sequence[Span]
) -> list[int]:
    """The ids as labels; those of tokens outside of all spans are IGNORED.

    Raises
    ------
    ValueError
        If no label is left: the batch would have a loss of 0 / 0.
    """
    labels = [
        token if any(start < last and first < end for first, last in spans) else IGNORED
        for token, (start, end) in zip(ids, offsets, strict=True)
    ]
    if set(labels) <= {IGNORED}:
        raise ValueError(f"no label among {len(labels)} tokens, with {spans=}")
    return labels


def masked_loss(
    logits: Float[Tensor, "batch seq vocab"], labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, ""]:
    """Mean of -log p over all labels of a batch that are not IGNORED.

    The logits of position t - 1 answer for the label of position t.

    Raises
    ------
    ValueError
        If the batch is empty, or no label is left.
    """
    count = (labels[:, 1:] != IGNORED).sum()
    if count == 0:
        raise ValueError(f"no label to learn in a batch of {tuple(labels.shape)}")
    return label_loss(logits, labels) / count

"""A small BERT that classifies snippets, from random weights.

The encoder is that of :doc:`/transformers/bert`. The classifier
averages the states of a snippet, as in Reimers and Gurevych (2019),
https://arxiv.org/abs/1908.10084; BERT's own takes the state at a special token.

Axes::

    batch    snippets
    seq      tokens of a snippet, filled up with PAD
    d_model  features of a position
    classes  languages
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train as learn_merges
from snippets.training.pretraining import cosine_with_warmup
from snippets.transformers.bert import Bert

PAD = "[PAD]"
SEQ = 32  # tokens of a snippet that the encoder reads
STD = 0.1  # of the first weights


def code_tokenizer(texts: Sequence[str], vocab: int) -> Tokenizer:
    """Byte-pair encoding of the training texts; one of the ``vocab`` is padding."""
    merges = learn_merges(word_counts("\n".join(texts)), vocab - 256 - 1)
    return Tokenizer(merges, [PAD])


def padded(
    tokenizer: Tokenizer, texts: Sequence[str], seq: int = SEQ
) -> Int[Tensor, "batch seq"]:
    """Ids of the first ``seq`` tokens of each text.

    Raises
    ------
    ValueError
        If a text is empty.
    """
    ids = torch.full((len(texts), seq), tokenizer.special[PAD])
    for row, text in zip(ids, texts, strict=True):
        tokens = tokenizer.encode(text)[:seq]
        if not tokens:
            raise ValueError(f"no tokens in {text!r}")
        row[: len(tokens)] = torch.tensor(tokens)
    return ids


def texts_of(tokenizer: Tokenizer, ids: Int[Tensor, "batch seq"]) -> list[str]:
    """The text that the tokens of each row stand for."""
    pad = tokenizer.special[PAD]
    return [tokenizer.decode(row[row != pad].tolist()) for row in ids]


class SnippetClassifier(nn.Module):
    """Scores of the classes, from the mean state of the tokens that are not padding."""

    def __init__(self, bert: Bert, classes: int, pad: int) -> None:
        super().__init__()
        self.bert, self.pad = bert, pad
        self.head = nn.Linear(bert.token.embedding_dim, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch classes"]:
        real = ids != self.pad
        states = self.bert(ids, allowed=real[:, None])
        return self.head(mean_state(states, real))


def mean_state(
    states: Float[Tensor, "batch seq d_model"], real: Bool[Tensor, "batch seq"]
) -> Float[Tensor, "batch d_model"]:
    """The mean over the tokens that are not padding."""
    kept = states.masked_fill(~real[..., None], 0)
    return kept.sum(dim=1) / real.sum(dim=1, keepdim=True)


def small_bert(tokenizer: Tokenizer, seed: int, seq: int = SEQ) -> Bert:
    """One block of width 32, with random weights."""
    torch.manual_seed(seed)
    vocab = len(tokenizer.tokens) + len(tokenizer.special)
    sizes = {"d_model": 32, "heads": 2, "d_ff": 64, "layers": 1, "std": STD}
    return Bert(vocab=vocab, positions=seq, **sizes)


def fine_tune(
    model: SnippetClassifier,
    ids: Int[Tensor, "batch seq"],
    labels: Int[Tensor, " batch"],
    steps: int,
    seed: int,
    *,
    batch: int = 32,
    lr: float = 0.01,
) -> Iterator[float]:
    """Train all weights on labeled snippets; yields the losses in nats.

    Raises
    ------
    ValueError
        If there is no snippet, or a label is not a class.
    """
    classes = model.head.out_features
    if not len(labels) or not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"labels {labels.tolist()[:9]} are not among {classes=}")
    return updates(model, ids, labels, steps, seed, batch, lr)


def updates(
    model: SnippetClassifier,
    ids: Int[Tensor, "batch seq"],
    labels: Int[Tensor, " batch"],
    steps: int,
    seed: int,
    batch: int,
    lr: float,
) -> Iterator[float]:
    """AdamW; the rate warms up, then falls to zero along half a cosine."""
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01, fused=True)
    plan = {"warmup_steps": steps // 10, "total_steps": steps + 1}
    for step in range(1, steps + 1):
        optimizer.param_groups[0]["lr"] = lr * cosine_with_warmup(step, **plan)
        rows = torch.randint(len(ids), (batch,), generator=random)
        loss = cross_entropy(model(ids[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


@torch.no_grad()
def accuracy(
    model: SnippetClassifier,
    ids: Int[Tensor, "batch seq"],
    labels: Int[Tensor, " batch"],
) -> float:
    """Share of the snippets whose label has the highest score."""
    return (model(ids).argmax(dim=1) == labels).double().mean().item()

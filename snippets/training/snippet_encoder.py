"""A small BERT that classifies snippets, with or without masked language modeling.

The encoder and the masking are those of :doc:`/transformers/bert`. The classifier
averages the states of a snippet, as in Reimers and Gurevych (2019),
https://arxiv.org/abs/1908.10084; BERT's own takes the state at a special token.

Axes::

    batch    snippets
    seq      tokens of a snippet, filled up with PAD
    d_model  features of a position
    classes  languages
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train as learn_merges
from snippets.training.pretraining import cosine_with_warmup
from snippets.transformers.bert import Bert, MaskedLanguageModel
from snippets.transformers.masked_language_modeling import IGNORED, mask_tokens

PAD, MASK = "[PAD]", "[MASK]"
SEQ = 32  # tokens of a snippet that the encoder reads
STD = 0.1  # of the first weights


def code_tokenizer(texts: Sequence[str], vocab: int) -> Tokenizer:
    """Byte-pair encoding of the training texts; two of the ``vocab`` are special."""
    merges = learn_merges(word_counts("\n".join(texts)), vocab - 256 - 2)
    return Tokenizer(merges, [PAD, MASK])


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


def optimize(
    model: nn.Module, loss_of_batch: Callable[[], Tensor], steps: int, lr: float
) -> Iterator[float]:
    """Train; yield the loss of each batch. AdamW with warm-up, then half a cosine."""
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01, fused=True)
    plan = {"warmup_steps": steps // 10, "total_steps": steps + 1}
    for step in range(1, steps + 1):
        optimizer.param_groups[0]["lr"] = lr * cosine_with_warmup(step, **plan)
        loss = loss_of_batch()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def token_entropy(ids: Int[Tensor, "*shape"], pad: int) -> float:
    """Entropy of the frequencies of the tokens, without padding, in nats.

    It is the loss of a model that knows how frequent each token is, and nothing else.

    Examples
    --------
    >>> round(token_entropy(torch.tensor([[5, 6, 0, 0]]), pad=0), 4)  # ln 2
    0.6931
    """
    p = ids[ids != pad].bincount().double()
    return torch.special.entr(p / p.sum()).sum().item()


def masked_scores(
    model: MaskedLanguageModel,
    states: Float[Tensor, "seen d_model"],
) -> Float[Tensor, "seen vocab"]:
    """As the model's own scores, but only for the states of the picked tokens."""
    states = model.norm(gelu(model.dense(states)))
    return states @ model.bert.token.weight.T + model.bias


def pretrain(
    bert: Bert,
    tokenizer: Tokenizer,
    ids: Int[Tensor, "batch seq"],
    steps: int,
    seed: int,
    *,
    batch: int = 16,
    lr: float = 0.01,
) -> Iterator[float]:
    """Masked language modeling on snippets without labels; yields the losses in nats.

    The biases start at the logarithms of the frequencies of the tokens.
    """
    pad, mask = tokenizer.special[PAD], tokenizer.special[MASK]
    torch.manual_seed(seed)
    model, random = MaskedLanguageModel(bert, STD), torch.Generator().manual_seed(seed)
    counts = ids[ids != pad].bincount(minlength=len(model.bias))
    model.bias.data = ((counts + 0.5) / (counts + 0.5).sum()).log()

    def loss_of_batch() -> Tensor:
        read = ids[torch.randint(len(ids), (batch,), generator=random)]
        real = read != pad
        inputs, labels = mask_tokens(
            read, mask_id=mask, vocab=pad, special=~real, generator=random
        )
        states, picked = bert(inputs, allowed=real[:, None]), labels != IGNORED
        return cross_entropy(masked_scores(model, states[picked]), labels[picked])

    return optimize(model, loss_of_batch, steps, lr)


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
    random = torch.Generator().manual_seed(seed)

    def loss_of_batch() -> Tensor:
        rows = torch.randint(len(ids), (batch,), generator=random)
        return cross_entropy(model(ids[rows]), labels[rows])

    return optimize(model, loss_of_batch, steps, lr)


@torch.no_grad()
def accuracy(
    model: SnippetClassifier,
    ids: Int[Tensor, "batch seq"],
    labels: Int[Tensor, " batch"],
) -> float:
    """Share of the snippets whose label has the highest score."""
    return (model(ids).argmax(dim=1) == labels).double().mean().item()

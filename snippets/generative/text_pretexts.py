"""Three pretexts on one text: next word, masked word, and contrastive pairs.

Next and masked tokens: Bengio et al. (2003), https://jmlr.org/papers/v3/bengio03a.html;
Devlin et al. (2019), https://arxiv.org/abs/1810.04805. Contrastive pairs: van den Oord,
Li and Vinyals (2018), https://arxiv.org/abs/1807.03748, equation 4.

Symbols::

    N         batch    candidates for each passage, one of which is right
    f(x, c)   exp(cosine / temperature); in the paper, exp of a bilinear form

Axes::

    runs      encoders with weights of their own, trained side by side
    batch     groups of words, or passages
    words     of a group (``GROUP``) or of a passage
    features  what the encoder gives for a group
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding, normalize

from snippets.generative.cosine_training import updates_of
from snippets.generative.help_passages import GROUP, MASK

Encoder = Callable[[Tensor], Tensor]  # from words to answers of the pretext


class GroupEncoder(nn.Module):
    """Five words become features; a linear head answers the pretext."""

    def __init__(self, runs: int, vocab: int, width: int, answers: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(runs, vocab, 24))
        sizes = [(GROUP * 24, width), (width, answers)]
        self.hidden, self.head = (
            nn.Parameter((2 * torch.rand(runs, m, n) - 1) / m**0.5) for m, n in sizes
        )
        self.bias = nn.Parameter(torch.zeros(runs, 1, width))

    def features(
        self, words: Int[Tensor, "runs batch words"]
    ) -> Float[Tensor, "runs batch features"]:
        """Of a group; of a longer passage, the mean over its groups."""
        runs, vocab, _ = self.table.shape
        own = torch.arange(0, runs * vocab, vocab)[:, None, None]  # rows of each run
        groups = (words + own).unfold(2, GROUP, 1)  # (runs, batch, groups, GROUP)
        rows = embedding(groups.flatten(1, 2), self.table.flatten(0, 1)).flatten(2)
        hidden = torch.baddbmm(self.bias, rows, self.hidden).relu()
        return hidden.unflatten(1, groups.shape[1:3]).mean(dim=2)

    def forward(
        self, words: Int[Tensor, "runs batch words"]
    ) -> Float[Tensor, "runs batch answers"]:
        return self.features(words) @ self.head


def next_word_loss(
    encoder: Encoder, words: Int[Tensor, "runs batch words"]
) -> Float[Tensor, ""]:
    """From the first five of six words, predict the sixth."""
    logits = encoder(words[..., :GROUP])
    return cross_entropy(logits.flatten(0, 1), words[..., GROUP].flatten())


def masked_word_loss(
    encoder: Encoder,
    words: Int[Tensor, "runs batch words"],
    hidden: Int[Tensor, "runs batch 1"],
) -> Float[Tensor, ""]:
    """Replace one of five words by MASK, and predict it from the other four."""
    group = words[..., :GROUP]
    logits = encoder(group.scatter(2, hidden, MASK))
    return cross_entropy(logits.flatten(0, 1), group.gather(2, hidden).flatten())


def info_nce(
    first: Float[Tensor, "*runs batch features"],
    second: Float[Tensor, "*runs batch features"],
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """Cross-entropy of finding the partner of each row among all rows of ``second``.

    Raises
    ------
    ValueError
        If there are no two pairs, or the temperature is not above 0.

    Examples
    --------
    If all rows are equal, a guess is as good as any other: the loss is log 4.

    >>> info_nce(torch.ones(4, 3), torch.ones(4, 3))
    tensor(1.3863)
    """
    batch = first.shape[-2]
    if batch < 2 or not temperature > 0:
        raise ValueError(f"no choice among {batch} pairs with {temperature=}")
    cosines = normalize(first, dim=-1) @ normalize(second, dim=-1).mT
    right = torch.arange(batch, device=first.device).expand(first.shape[:-1]).flatten()
    return cross_entropy((cosines / temperature).flatten(0, -2), right)


def neighbor_loss(
    encoder: Encoder, words: Int[Tensor, "runs batch words"]
) -> Float[Tensor, ""]:
    """Recognize the second half of a passage by its first half, among the batch."""
    half = words.shape[-1] // 2
    return info_nce(encoder(words[..., :half]), encoder(words[..., half:]))


def train_pretext(
    encoder: nn.Module,
    loss: Callable[[nn.Module], Float[Tensor, ""]],
    *,
    runs: int,
    updates: int,
    lr: float = 0.01,
) -> list[float]:
    """Adam, with a rate that falls to 0 along half a cosine; the loss of each update.

    ``loss`` is a mean over the runs, so each run gets its own gradient from ``runs``
    times this mean.

    Raises
    ------
    ValueError
        If there is no run or no update.
    """
    if min(runs, updates) < 1:
        raise ValueError(f"nothing to train with {runs=}, {updates=}")
    made = updates_of(encoder, lambda: runs * loss(encoder), updates, lr)
    return [total.item() / runs for total in made]

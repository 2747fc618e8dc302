"""Word models: n-grams of a text, long ones for a target and short ones for a draft.

Witten and Bell (1991), https://doi.org/10.1109/18.87000

Axes::

    seq    words of a text
    last   words at its end
    vocab  different words
"""

import re
from collections import Counter, defaultdict

import torch
from jaxtyping import Float, Int
from torch import Tensor


def split_words(text: str) -> list[str]:
    """Words in lower case, and marks of punctuation.

    Examples
    --------
    >>> split_words("If so, it isn't.")
    ['if', 'so', ',', 'it', "isn't", '.']
    """
    return re.findall(r"[a-z']+|[.,:;()]", text.lower())


def count_followers(
    words: list[int], order: int
) -> dict[tuple[int, ...], tuple[Int[Tensor, " kinds"], Int[Tensor, " kinds"]]]:
    """Which words follow a context of up to ``order`` words, and how often.

    Examples
    --------
    >>> count_followers([0, 1, 0, 1, 2], order=1)[1,]
    (tensor([0, 2]), tensor([1, 1]))
    """
    counts: dict[tuple[int, ...], Counter] = defaultdict(Counter)
    for end, word in enumerate(words):
        for start in range(max(0, end - order), end + 1):
            counts[tuple(words[start:end])][word] += 1
    return {
        context: (torch.tensor(list(seen)), torch.tensor(list(seen.values())))
        for context, seen in counts.items()
    }


class WordModel:
    """Probabilities of the next word from up to ``order`` words before it.

    What a context was not followed by is left to the next shorter one, the more the
    more different words it was followed by.

    Parameters
    ----------
    followers
        As counted for ``order`` or more.

    Examples
    --------
    After 1 came 0 and 2, so half of the weight is shared by the shorter context, which
    gives 6/16, 4/16 and 6/16:

    >>> followers = count_followers([0, 1, 0, 1, 2], order=1)
    >>> WordModel(followers, order=1, vocab=3)(torch.tensor([1]), last=1)
    tensor([[0.4375, 0.1875, 0.3750]], dtype=torch.float64)
    """

    def __init__(self, followers: dict, *, order: int, vocab: int) -> None:
        self.followers, self.order, self.vocab = followers, order, vocab

    def next(self, context: list[int]) -> Float[Tensor, " vocab"]:
        """Probabilities of all words after ``context``."""
        chances = torch.full((self.vocab,), 1 / self.vocab, dtype=torch.float64)
        for length in range(min(self.order, len(context)) + 1):
            tail = tuple(context[len(context) - length :])
            if tail not in self.followers:
                break
            words, counts = self.followers[tail]
            total = len(words) + int(counts.sum())  # tensors would divide in float32
            chances *= len(words) / total
            chances[words] += counts.double() / total
        return chances

    def __call__(
        self, text: Int[Tensor, " seq"], last: int
    ) -> Float[Tensor, "last vocab"]:
        """Probabilities after each of the ``last`` words of a text."""
        words, seq = text.tolist(), len(text)
        ends = range(seq - last + 1, seq + 1)
        return torch.stack(
            [self.next(words[max(0, end - self.order) : end]) for end in ends]
        )

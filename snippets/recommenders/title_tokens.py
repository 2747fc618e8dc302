"""Count tokens of movie titles with byte-pair encoding that is trained on them."""

from collections.abc import Callable
from functools import cache

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train
from snippets.recommenders.movielens import load
from snippets.recommenders.ranking_prompts import RULES


@cache
def titles() -> tuple[str, ...]:
    """The titles of MovieLens."""
    return tuple(load()[1].titles)


@cache
def title_counter(merges: int = 800) -> Callable[[str], int]:
    """The number of tokens of a text.

    The tokenizer learns from 2000 titles and from the rules of the prompt, 50 times
    over. A model's own tokenizer has many more tokens, so use that one to plan.
    """
    corpus = "\n".join([*titles()[:2000], *[RULES] * 50])
    tokenizer = Tokenizer(train(word_counts(corpus), merges))
    return lambda text: len(tokenizer.encode(text))

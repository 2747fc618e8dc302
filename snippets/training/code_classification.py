"""Classifying code snippets: TF-IDF of characters, and occlusion of lines.

The weights are those of ``TfidfVectorizer`` in scikit-learn 1.9 with
``sublinear_tf=True``. Occlusion: Zeiler and Fergus (2014),
https://arxiv.org/abs/1311.2901, here of lines instead of parts of an image.

Symbols::

    tf   how often an n-gram occurs in a snippet
    df   how many snippets of the training data contain it
    N    snippets of the training data

Axes::

    snippets  texts
    ngrams    n-grams of the training data, in alphabetical order
    lines     lines of one snippet
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array


@lru_cache(maxsize=4096)  # the same snippets come back in each split
def ngrams(text: str, longest: int = 3) -> Counter[str]:
    """How often each sequence of 1 to ``longest`` characters occurs.

    Examples
    --------
    >>> ngrams("i++", longest=2)
    Counter({'+': 2, 'i': 1, 'i+': 1, '++': 1})
    """
    return Counter(
        text[i : i + n] for n in range(1, longest + 1) for i in range(len(text) - n + 1)
    )


class TfIdf:
    """Weights of n-grams, made from the training data only.

    Raises
    ------
    ValueError
        If no n-gram occurs in at least ``min_df`` snippets.

    Examples
    --------
    >>> tfidf = TfIdf(["ab", "aa"], longest=1, min_df=1)
    >>> tfidf.transform(["ab"]).toarray().round(2)  # a is in both, so b weighs more
    array([[0.58, 0.81]])
    """

    def __init__(self, texts: Sequence[str], longest: int = 3, min_df: int = 3):
        df = Counter(gram for text in texts for gram in ngrams(text, longest))
        known = sorted(gram for gram, number in df.items() if number >= min_df)
        if not known:
            raise ValueError(f"no n-gram is in {min_df=} of {len(texts)} snippets")
        self.longest, self.column = longest, {gram: i for i, gram in enumerate(known)}
        counts = np.array([df[gram] for gram in known])
        self.idf = np.log((1 + len(texts)) / (1 + counts)) + 1

    def transform(self, texts: Sequence[str]) -> csr_array:
        """A matrix (snippets, ngrams); rows have norm 1, or 0 if nothing is known."""
        columns, data, ends = [], [], [0]
        for text in texts:
            counts = ngrams(text, self.longest)
            pairs = ((self.column.get(g), tf) for g, tf in counts.items())
            known = [(i, tf) for i, tf in pairs if i is not None]
            row = np.array([i for i, _ in known], dtype=int)
            tf = np.array([tf for _, tf in known], dtype=float)
            weights = (1 + np.log(tf)) * self.idf[row]
            norm = np.linalg.norm(weights)
            columns.append(row)
            data.append(weights / norm if norm else weights)
            ends.append(ends[-1] + len(row))
        parts = np.concatenate(data or [[]]), np.concatenate(columns or [[]])
        shape = (len(texts), len(self.column))
        return csr_array((parts[0], parts[1].astype(int), ends), shape=shape)


def occlusion(
    score: Callable[[list[str]], Float[np.ndarray, " texts"]], text: str
) -> Float[np.ndarray, " lines"]:
    """How far a score falls if a line is taken out of a snippet.

    Parameters
    ----------
    score
        Gives each text a score, for example the log-probability of a class.

    Examples
    --------
    >>> count = lambda texts: np.array([float(text.count("x")) for text in texts])
    >>> occlusion(count, "x\\ny\\nxx")
    array([1., 0., 2.])
    """
    lines = text.split("\n")
    if len(lines) < 2:
        raise ValueError(f"nothing is left of {text!r} without a line")
    without = ["\n".join(lines[:i] + lines[i + 1 :]) for i in range(len(lines))]
    scores = score([text, *without])
    return scores[0] - scores[1:]

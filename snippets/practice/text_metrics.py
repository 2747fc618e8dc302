"""Metrics of texts, each in a few lines; a text is a list of tokens."""

from collections import Counter
from collections.abc import Sequence
from math import exp, log

import numpy as np
from jaxtyping import Real
from numpy import ndarray

Tokens = Sequence[str]


def perplexity(log_probs: Real[ndarray, " tokens"]) -> float:
    """exp of the mean negative log-probability: the choices that are as hard to guess.

    Raises
    ------
    ValueError
        If there is no token, or a log-probability is positive, as a loss is.
    """
    if not len(log_probs):
        raise ValueError("no token")
    if log_probs.max() > 1e-3:  # more than rounding
        raise ValueError(f"log-probability {log_probs.max()} is above 0")
    return float(np.exp(-np.mean(log_probs, dtype=float)))


def grams(tokens: Tokens, n: int) -> Counter:
    """How often each run of n tokens occurs."""
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))


def bleu(reference: Tokens, candidate: Tokens, longest: int = 4) -> float:
    """Geometric mean of clipped n-gram precisions, with a penalty for brevity.

    Of one sentence and one reference, not smoothed: 0 if a precision is 0.
    """
    found = [grams(candidate, n) for n in range(1, longest + 1)]
    hits = [(own & grams(reference, n)).total() for n, own in enumerate(found, 1)]
    if not all(hits):
        return 0.0
    logs = [log(hit / own.total()) for hit, own in zip(hits, found, strict=True)]
    brevity = min(0.0, 1 - len(reference) / len(candidate))
    return exp(brevity + sum(logs) / longest)


def longest_common(first: Tokens, second: Tokens) -> int:
    """Length of the longest sequence of tokens that both have in this order."""
    above = [0] * (len(second) + 1)
    for token in first:
        row = [0]
        for j, other in enumerate(second):
            same = above[j] + 1 if token == other else 0
            row.append(max(same, above[j + 1], row[j]))
        above = row
    return above[-1]


def rouge_l(reference: Tokens, candidate: Tokens) -> float:
    """F score of the longest common subsequence; 0 if there is none."""
    total = len(reference) + len(candidate)
    return 2 * longest_common(reference, candidate) / total if total else 0.0

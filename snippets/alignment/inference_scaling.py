"""Test-time scaling: several answers to a question, and ways to pick one of them.

Sources: pass@k from Chen et al. (2021), https://arxiv.org/abs/2107.03374; majority vote
from Wang et al. (2022), https://arxiv.org/abs/2203.11171; the power law from Schaeffer
et al. (2025), https://arxiv.org/abs/2502.17578

.. code-block:: rst

   .. snippet:: alignment.inference_scaling.pass_at_k

Paper's symbol → our name::

    n, c         n, correct  answers drawn to a question, and how many are right
    k            k           attempts
    p            chance      probability that one answer is right
    alpha, beta  a, b        of the beta distribution of the chances

Axes::

    questions
    samples    answers to the same question, in the order in which they were drawn
"""

import numpy as np
from jaxtyping import Float, Int, Real
from numpy import ndarray
from scipy.special import betaln

PerQuestion = Float[ndarray, " questions"]


def coverage(chance: PerQuestion, k: int) -> PerQuestion:
    """Probability that at least one of ``k`` independent answers is right.

    Examples
    --------
    >>> coverage(np.array([0.5, 0.25]), 2)
    array([0.75  , 0.4375])
    """
    check_count(k)
    if not np.all((chance >= 0) & (chance <= 1)):
        raise ValueError(f"chances from {chance.min()} to {chance.max()}")
    with np.errstate(divide="ignore"):  # a chance of 1: the logarithm is -inf
        return -np.expm1(k * np.log1p(-chance))  # keeps the digits of a tiny chance


def pass_at_k(n: int, correct: Int[ndarray, " questions"], k: int) -> PerQuestion:
    """Unbiased estimate of the coverage, from ``n`` answers to each question.

    Raises
    ------
    ValueError
        If more attempts are asked for than there are answers, or more than ``n`` or
        fewer than 0 answers are right.

    Examples
    --------
    Of 4 answers 1 is right: 3 of the 6 pairs contain it.

    >>> pass_at_k(4, np.array([0, 1, 3]), k=2)
    array([0. , 0.5, 1. ])
    """
    check_count(k, n)
    if not np.all((correct >= 0) & (correct <= n)):
        raise ValueError(f"{correct.min()} to {correct.max()} right answers of {n}")
    drawn = np.arange(k)  # how many have been drawn, all of them wrong
    wrong_left = np.maximum(n - (drawn + correct[:, None]), 0)
    return 1 - np.prod(wrong_left / (n - drawn), axis=1)


def beta_failure(a: float, b: float, k: int) -> float:
    """Share of questions without a right answer among ``k``, if chances are Beta(a, b).

    Examples
    --------
    Chances that are uniform from 0 to 1 leave 1 / (k + 1):

    >>> round(beta_failure(1.0, 1.0, 4), 6)
    0.2
    """
    check_count(k)
    if not (a > 0 and b > 0):
        raise ValueError(f"Beta({a}, {b}) is not a distribution")
    return float(np.exp(betaln(a, b + k) - betaln(a, b)))


def vote(
    answers: Int[ndarray, "questions samples"],
    k: int,
    weights: Real[ndarray, "questions samples"] | None = None,
) -> Int[ndarray, " questions"]:
    """Of the first ``k`` answers, the one with the most votes, or the most weight.

    In a tie, the answer that was drawn first wins.

    Parameters
    ----------
    weights
        Of each vote, at least 0, such as the scores of a verifier. All 1 if omitted.

    Examples
    --------
    >>> vote(np.array([[3, 7, 7, 3], [5, 1, 2, 2]]), k=3)
    array([7, 5])
    """
    check_count(k, answers.shape[1])
    cast = np.ones(answers.shape) if weights is None else weights.astype(float)
    cast = cast[:, :k]
    if not np.all(cast >= 0):
        raise ValueError(f"weight {cast.min()} is negative or not a number")
    pairs = zip(answers[:, :k], cast, strict=True)
    best = [most_weight(row, given) for row, given in pairs]
    return np.array(best, dtype=answers.dtype)


def most_weight(
    answers: Int[ndarray, " samples"], weights: Float[ndarray, " samples"]
) -> np.integer:
    """The answer whose votes weigh most; of equals, the one that was drawn first."""
    _, first, which = np.unique(answers, return_index=True, return_inverse=True)
    totals = np.bincount(which, weights)
    return answers[first[totals == totals.max()].min()]


def best_of(
    answers: Int[ndarray, "questions samples"],
    scores: Real[ndarray, "questions scored"],
    k: int,
) -> Int[ndarray, " questions"]:
    """Of the first ``k`` answers, the one with the highest score.

    Examples
    --------
    >>> best_of(np.array([[3, 7, 5]]), np.array([[0.2, 0.9, 1.4]]), k=2)
    array([7])
    """
    check_count(k, min(answers.shape[1], scores.shape[1]))
    if len(scores) != len(answers):
        raise ValueError(f"{len(answers)} questions, but scores of {len(scores)}")
    if np.isnan(scores[:, :k]).any():
        raise ValueError("a score is not a number")
    return answers[np.arange(len(answers)), scores[:, :k].argmax(axis=1)]


def check_count(k: int, n: int | None = None) -> None:
    """Refuse fewer than one attempt, or more than n."""
    if k < 1:
        raise ValueError(f"{k} attempts")
    if n is not None and k > n:
        raise ValueError(f"{k} attempts, but {n} answers")

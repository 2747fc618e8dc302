"""What metrics refuse, since the number they would give means nothing.

NumPy stretches a single prediction over all labels, and sorts NaN, without an error.
"""

from jaxtyping import Real, Shaped
from numpy import ndarray

Labels = Shaped[ndarray, " n"]
Scores = Real[ndarray, " n"]


def check(labels: Labels, predictions: Shaped[ndarray, " m"]) -> None:
    """Refuse data for which a metric has no value.

    Raises
    ------
    ValueError
        If there is no example, labels and predictions differ in number, or a
        prediction is NaN.
    """
    if not 0 < len(labels) == len(predictions):
        raise ValueError(f"{len(labels)} labels and {len(predictions)} predictions")
    if not (predictions == predictions).all():
        raise ValueError("a prediction is NaN")


def check_probabilities(labels: Labels, probabilities: Scores) -> None:
    """Refuse what is no probability, such as a logit.

    Raises
    ------
    ValueError
        If a value is not between 0 and 1, and as ``check`` does.
    """
    check(labels, probabilities)
    for p in (probabilities.min(), probabilities.max()):
        if not 0 <= p <= 1:
            raise ValueError(f"probability {p} is not between 0 and 1")


def check_first(relevance: Labels, scores: Scores, k: int | None) -> None:
    """Refuse lists that cannot be ranked, and the first 0 items.

    Raises
    ------
    ValueError
        If ``k`` is not positive, and as ``check`` does.
    """
    check(relevance, scores)
    if k is not None and k < 1:
        raise ValueError(f"the first {k} items")

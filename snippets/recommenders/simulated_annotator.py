"""A stand-in for a language model that labels movies: true labels, with errors.

No model runs. Each true label is left out with the error rate as probability. With
the same probability, the answer gets one label more, drawn from all labels.

Axes::

    items     movies
    labels    genres that an answer may name
    runs      independent annotations of the same movies
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

Marks = Bool[ndarray, "items labels"]


def draw_labels(truth: Marks, error: float | int, rng: np.random.Generator) -> Marks:
    """One annotation of each item.

    Examples
    --------
    >>> truth = np.array([[True, False, True]])
    >>> draw_labels(truth, 0.0, np.random.default_rng(0))
    array([[ True, False,  True]])
    """
    if not 0 <= error <= 1:
        raise ValueError(f"the error rate must be from 0 to 1, got {error}")
    items, labels = truth.shape
    found = truth & (rng.random(truth.shape) >= error)
    invents = rng.random(items) < error
    invented = rng.integers(labels, size=items)
    found[invents, invented[invents]] = True
    return found


def majority(annotations: Bool[ndarray, "runs items labels"]) -> Marks:
    """The labels that more than half of the annotations have.

    Examples
    --------
    >>> runs = np.array([[[True, False]], [[True, True]], [[False, False]]])
    >>> majority(runs)
    array([[ True, False]])
    """
    if not len(annotations):
        raise ValueError(f"no annotations among {annotations.shape}")
    return 2 * annotations.sum(axis=0) > len(annotations)


def label_precision(
    prevalence: float | ndarray, error: float | int, labels: int
) -> float | ndarray:
    """Probability that a label is true if an annotation has it.

    Parameters
    ----------
    prevalence
        Share of the items that have the label.
    error
        Of the annotation.
    labels
        How many there are to invent one from.

    Examples
    --------
    >>> label_precision(prevalence=0.5, error=0.0, labels=19)
    1.0
    >>> round(label_precision(prevalence=0.01, error=0.1, labels=19), 2)
    0.63
    """
    shares = np.asarray(prevalence)
    if not (0 <= error <= 1 and labels > 0 and ((shares > 0) & (shares <= 1)).all()):
        raise ValueError(f"prevalence {prevalence}, error {error}, labels {labels}")
    invented = error / labels
    right = prevalence * (1 - error * (1 - invented))
    return right / (right + (1 - prevalence) * invented)


class SimulatedAnnotator:
    """Answers a question as a client of a model does: with JSON, mostly.

    It looks for a line ``Movie: `` and the name of the movie. The same question gets
    the same answer, unless ``seed`` differs.

    Parameters
    ----------
    truth
        True labels of each movie by its name.
    broken
        Probability that an answer is cut off.
    """

    def __init__(
        self,
        truth: Mapping[str, Sequence[str]],
        labels: Sequence[str],
        error: float | int,
        *,
        broken: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.truth, self.labels = truth, list(labels)
        self.error, self.broken, self.seed = error, broken, seed

    def __call__(self, question: str) -> str:
        names = [x[7:] for x in question.splitlines() if x.startswith("Movie: ")]
        if len(names) != 1 or names[0] not in self.truth:
            raise ValueError(f"want one known movie in the question, got {names}")
        digest = hashlib.sha256(f"{self.seed} {question}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8]))
        truth = np.array([[label in self.truth[names[0]] for label in self.labels]])
        drawn = draw_labels(truth, self.error, rng)[0]
        found = [self.labels[number] for number in np.flatnonzero(drawn)]
        text = json.dumps({"labels": found})
        return text[: len(text) // 2] if rng.random() < self.broken else text

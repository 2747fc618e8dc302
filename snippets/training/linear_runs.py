"""Logistic regression on TF-IDF of characters, on a split of the snippets."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression

from snippets.training.code_classification import TfIdf


class Linear(NamedTuple):
    """A trained linear classifier."""

    tfidf: TfIdf
    regression: LogisticRegression

    def log_probabilities(
        self, texts: Sequence[str]
    ) -> Float[np.ndarray, "texts classes"]:
        """Of the classes in alphabetical order."""
        return self.regression.predict_log_proba(self.tfidf.transform(texts))

    def predict(self, texts: Sequence[str]) -> list[str]:
        return self.regression.predict(self.tfidf.transform(texts)).tolist()


def fit_linear(texts: Sequence[str], labels: Sequence[str]) -> Linear:
    """N-grams in at least 3 training snippets; C=10, so weights are shrunk little.

    Raises
    ------
    ValueError
        If all labels are the same.
    """
    if len(set(labels)) < 2:
        raise ValueError(f"one class only: {set(labels)}")
    tfidf = TfIdf(texts)
    rows = tfidf.transform(texts).astype(np.float32)  # faster
    regression = LogisticRegression(C=10, tol=1e-3, max_iter=200)
    return Linear(tfidf, regression.fit(rows, list(labels)))

"""Kernel methods: replace dot products by a function of two points.

Boser, Guyon and Vapnik (1992), https://doi.org/10.1145/130385.130401; random features
by Rahimi and Recht (2007).

Glossary::

    K(x, z)  quadratic, gaussian  kernels: a matrix of all pairs of two sets of points
    K_ij     K                    Gram matrix: the kernel between training points
    u_i      coefficients         f(x) = sum_i u_i K(x_i, x)
    lambda   penalty              weight of the squared norm in ridge regression
    omega    omega                frequencies of random features
    D        n_components         number of random features, as in scikit-learn

Axes::

    samples   training points; their labels are -1 or +1
    others    points that they are compared with
    features  coordinates of a point
"""

import numpy as np
from jaxtyping import Float, Real
from numpy import ndarray
from scipy.spatial.distance import cdist

from snippets.classical.sequential_minimal_optimization import (
    Gram,
    Labels,
    Number,
    Points,
    Solution,
    Values,
    solve_dual,
)

Others = Real[ndarray, "others features"]


def check_positive(**settings: Number) -> None:
    """Raise ``ValueError`` for a setting that is not positive and finite."""
    for name, value in settings.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name}={value} must be positive and finite")


def quadratic(points: Points, others: Others) -> Float[ndarray, "samples others"]:
    """Polynomial kernel of degree 2: squares of one more than the dot product.

    Examples
    --------
    >>> quadratic(np.array([[1, 2]]), np.array([[3, 4]]))
    array([[144.]])
    """
    return (points.astype(float) @ others.T + 1) ** 2


def gaussian(
    points: Points, others: Others, gamma: Number
) -> Float[ndarray, "samples others"]:
    """1 where two points meet, and toward 0 with the square of their distance."""
    check_positive(gamma=gamma)
    return np.exp(-gamma * cdist(points, others, "sqeuclidean"))


def check_gram(K: Float[ndarray, "rows columns"]) -> None:
    """Raise ``ValueError`` for a matrix that is not positive semidefinite.

    Negative eigenvalues pass if rounding of the largest entry could have made them.
    """
    if K.size == 0 or not np.isfinite(K).all():
        raise ValueError(f"a Gram matrix of shape {K.shape} is empty or not finite")
    rows, columns, size = *K.shape, np.abs(K).max()
    if rows != columns or np.abs(K - K.T).max() > 1e-8 * size:
        raise ValueError(f"a Gram matrix of shape {K.shape} is not symmetric")
    lowest = np.linalg.eigvalsh(K.astype(float))[0]
    if lowest < -10 * np.finfo(K.dtype).eps * rows * float(size):
        raise ValueError(f"not positive semidefinite: lowest eigenvalue {lowest:.3g}")


def kernel_svm(
    K: Float[ndarray, "rows columns"],
    labels: Labels,
    C: Number,
    tolerance: float = 1e-3,
) -> Solution:
    """Soft-margin SVM from a Gram matrix, which must be one."""
    check_gram(K)
    return solve_dual(K, labels, C, tolerance)


def objectives(
    K: Gram, labels: Labels, C: Number, solution: Solution
) -> tuple[float, float]:
    """Primal and dual objective of an SVM in the feature space of its kernel."""
    multipliers, bias = solution
    values = K @ (labels * multipliers)
    half = (labels * multipliers) @ values / 2
    loss = np.maximum(1 - labels * (values + bias), 0)
    return float(half + C * loss.sum()), float(multipliers.sum() - half)


def kernel_ridge(K: Gram, targets: Values, penalty: Number) -> Values:
    """Coefficients that minimize squared errors plus ``penalty`` times squared norm.

    Examples
    --------
    >>> kernel_ridge(np.array([[1.0]]), np.array([3.0]), penalty=0.5)
    array([2.])
    """
    check_positive(penalty=penalty)
    return np.linalg.solve(K + penalty * np.eye(len(K)), targets.astype(float))


def random_features(
    points: Points, gamma: Number, n_components: int, rng: np.random.Generator
) -> Float[ndarray, "samples n_components"]:
    """Cosines and sines whose dot products have the Gaussian kernel as their mean."""
    check_positive(gamma=gamma, n_components=n_components)
    if n_components % 2:
        raise ValueError(f"n_components={n_components} must be even")
    omega = np.sqrt(2 * gamma) * rng.normal(size=(points.shape[1], n_components // 2))
    angles = points @ omega
    return np.sqrt(2 / n_components) * np.hstack([np.cos(angles), np.sin(angles)])

"""Late fusion: boosted trees on a table with user embeddings as further columns.

Ke et al. (2017), LightGBM; Braithwaite et al. (2025), Your Spending Needs Attention,
https://arxiv.org/abs/2507.23267, for late fusion.

Axes::

    users     those with labels first
    labeled   users with labels
    rest      users without
    features  columns of the table and entries of the user embedding
"""

import numpy as np
from jaxtyping import Bool, Float
from lightgbm import LGBMClassifier
from numpy import ndarray

TREES = {"n_estimators": 100, "num_leaves": 8, "learning_rate": 0.12, "max_bin": 63}
SAMPLES = {"subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.7}


def late_fusion(
    columns: Float[ndarray, "users features"],
    labels: Bool[ndarray, " labeled"],
) -> Float[ndarray, " rest"]:
    """Probability of the label for the users after those who have labels.

    Raises
    ------
    ValueError
        If no user is left without a label, the labels are all equal, or an entry is
        infinite. NaN is a missing value for LightGBM.
    """
    known = len(labels)
    if known >= len(columns) or labels.all() or not labels.any():
        positive = int(labels.sum())
        raise ValueError(f"{len(columns)} users, {known} labels, {positive} positive")
    if np.isinf(columns).any():
        raise ValueError(f"{int(np.isinf(columns).sum())} entries are infinite")
    model = LGBMClassifier(
        **TREES,
        **SAMPLES,
        min_child_samples=100,
        deterministic=True,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )
    model.fit(columns[:known], labels)
    return model.predict_proba(columns[known:])[:, 1]

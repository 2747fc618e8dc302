"""Area under the ROC curve (AUC) of each user's ranking of unseen items."""

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy import ndarray

Marks = Bool[ndarray, "users items"]


def user_auc(
    scores: Real[ndarray, "users items"], seen: Marks, relevant: Marks
) -> Float[ndarray, " users"]:
    """Share of pairs of a relevant and another unseen item in the right order.

    A tie counts one half. Guessing gives 0.5.

    Raises
    ------
    ValueError
        If a relevant item was seen, if a user has no relevant item or nothing else,
        or if a score is not a number.

    Examples
    --------
    >>> seen = np.array([[True, False, False, False]])
    >>> relevant = np.array([[False, False, False, True]])
    >>> user_auc(np.array([[9, 3, 1, 2]]), seen, relevant)
    array([0.5])
    """
    if (seen & relevant).any():
        raise ValueError(f"{(seen & relevant).sum()} relevant items were seen")
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} scores are not a number")
    shares = np.empty(len(scores))
    for user, (row, wanted) in enumerate(zip(scores, relevant, strict=True)):
        others = row[~(wanted | seen[user])]
        if not (wanted.any() and len(others)):
            raise ValueError(
                f"user {user} has {wanted.sum()} relevant and {len(others)} other items"
            )
        good = row[wanted][:, None]
        shares[user] = (good > others).mean() + (good == others).mean() / 2
    return shares

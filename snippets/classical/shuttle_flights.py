"""Temperatures and O-ring damage of the 23 space shuttle flights before Challenger.

Dalal, Fowlkes and Hoadley (1989), https://doi.org/10.1080/01621459.1989.10478858
"""

import numpy as np
from jaxtyping import Int
from numpy import ndarray

Flights = Int[ndarray, " flights"]

# fmt: off
TEMPERATURES = [66, 70, 69, 68, 67, 72, 73, 70, 57, 63, 70, 78,
                67, 53, 67, 75, 70, 81, 76, 79, 75, 76, 58]
RINGS = [0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0,
         0, 2, 0, 0, 0, 0, 0, 0, 2, 0, 1]
# fmt: on


def shuttle_flights() -> tuple[Flights, Flights]:
    """Temperature at launch in °F, and how many of six O-rings were in distress.

    Examples
    --------
    >>> temperatures, rings = shuttle_flights()
    >>> len(rings), int((rings > 0).sum()), int(rings.sum())
    (23, 7, 9)
    """
    return np.array(TEMPERATURES), np.array(RINGS)


def each_ring() -> tuple[Int[ndarray, " rings"], Int[ndarray, " rings"]]:
    """Temperature and distress (0 or 1) of each of the 138 rings."""
    distress = np.concatenate([[1] * count + [0] * (6 - count) for count in RINGS])
    return np.repeat(np.array(TEMPERATURES), 6), distress

"""Requests that wait for the next free server: a simulation, and a formula.

Pollaczek and Khinchine: the mean wait at one server, if requests come at random
(a Poisson process) and each takes a time that depends on no other.

Axes::

    requests    in the order in which they arrive
"""

import heapq

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Times = Float[ndarray, " requests"]
Number = float | int


def serve(arrivals: Times, services: Times, servers: int) -> Times:
    """How long each request waits; first come, first served.

    Parameters
    ----------
    services
        How long a server is busy with each request.

    Raises
    ------
    ValueError
        If there is no server, if times are negative, not finite or not one for each
        request, or if requests are not in order.

    Examples
    --------
    >>> serve(np.array([0.0, 1.0, 2.0]), np.array([4.0, 1.0, 1.0]), servers=1)
    array([0., 3., 3.])
    """
    if servers < 1:
        raise ValueError(f"servers must be positive, got {servers}")
    if len(arrivals) != len(services):
        raise ValueError(f"{len(arrivals)} arrivals, {len(services)} services")
    if not (np.isfinite(arrivals).all() and (np.diff(arrivals) >= 0).all()):
        raise ValueError("arrivals must be finite and in order")
    if not (np.isfinite(services).all() and (services >= 0).all()):
        raise ValueError("services must be finite, and none negative")
    free = [-np.inf] * servers  # when each server is free again
    waits = np.empty(len(arrivals))
    for number, (arrival, service) in enumerate(zip(arrivals, services, strict=True)):
        begin = max(arrival, free[0])
        heapq.heapreplace(free, begin + service)
        waits[number] = begin - arrival
    return waits


def utilization(rate: Number, mean_service: Number, servers: int) -> float:
    """Work that arrives in a second, by the work that the servers can do in it.

    Examples
    --------
    >>> utilization(rate=20, mean_service=1.2, servers=4)
    6.0
    """
    return rate * mean_service / servers


def pollaczek_khinchine(rate: Number, mean: Number, mean_square: Number) -> float:
    """Mean wait at one server.

    Parameters
    ----------
    rate
        Requests a second.
    mean, mean_square
        Of the time that a request takes, and of its square.

    Raises
    ------
    ValueError
        If the utilization is 1 or more, so that the queue grows without end; or if
        the mean square is less than the square of the mean.

    Examples
    --------
    >>> pollaczek_khinchine(rate=0.5, mean=1.0, mean_square=1.0)
    0.5
    """
    load = utilization(rate, mean, servers=1)
    if not 0 <= load < 1:
        raise ValueError(f"utilization must be from 0 to less than 1, got {load}")
    if not mean_square >= mean**2 * (1 - 1e-12):
        raise ValueError(f"mean square {mean_square} is below {mean}, squared")
    return rate * mean_square / (2 * (1 - load))


def lognormal_times(
    mean: Number, spread: Number, requests: int, rng: np.random.Generator
) -> Times:
    """Random times with a given mean; ``spread`` is that of their logarithm."""
    return mean * rng.lognormal(-(spread**2) / 2, spread, requests)


def poisson_arrivals(rate: Number, requests: int, rng: np.random.Generator) -> Times:
    """Times of requests that come at random, ``rate`` a second."""
    return np.cumsum(rng.exponential(1 / rate, requests))

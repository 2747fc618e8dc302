"""DualPath: loading a cache from storage through prefill and decoding nodes.

Wu et al. (2026), https://arxiv.org/abs/2602.21548

Each node has a network card that reads from storage. Requests are computed on prefill
nodes; what a decoding node has read crosses the compute network to get there. Symbols
and terms of the paper, and their names here::

    P, D                       -> ``prefill``, ``decode``, numbers of nodes
    SNIC, storage NIC          -> ``snic``, bytes per second of one node's
    CNIC, compute NIC          -> ``cnic``, bytes per second into one prefill node
    PE read, DE read           -> a ``nic`` below ``prefill``, or from there on
    shorter read queue         -> ``shortest_queue``
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Job(NamedTuple):
    """When a turn arrives, the bytes of its cache, and the seconds of its prefill."""

    arrival: float
    load: float
    compute: float


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Nodes, and the bytes per second that reach them.

    Without decoding nodes, every cache takes the single path.

    Parameters
    ----------
    snic
        From storage, through the storage NIC of one node.
    cnic
        Over the compute network, into one prefill node.

    Raises
    ------
    ValueError
        If there is no prefill node, or nothing gets through.
    """

    prefill: int
    decode: int
    snic: float = 1.0
    cnic: float = math.inf

    def __post_init__(self) -> None:
        if self.prefill < 1 or self.decode < 0:
            raise ValueError(f"nodes: prefill={self.prefill}, decode={self.decode}")
        for name in ("snic", "cnic"):
            if not getattr(self, name) > 0:
                raise ValueError(f"bandwidth: {name}={getattr(self, name)}")


def rate_bound(cluster: Cluster, load: float, compute: float) -> float:
    """Requests per second that no schedule exceeds, for mean bytes and seconds.

    Examples
    --------
    >>> rate_bound(Cluster(prefill=1, decode=1), load=1.0, compute=0.25)
    2.0
    """
    if not (load > 0 and compute > 0):
        raise ValueError(f"{load=}, {compute=}")
    direct = cluster.prefill * cluster.snic
    detour = min(cluster.decode * cluster.snic, cluster.prefill * cluster.cnic)
    return min((direct + detour) / load, cluster.prefill / compute)


def gain_bound(cluster: Cluster, load: float, compute: float) -> float:
    """How many times the single path's bound that is."""
    single = replace(cluster, decode=0)
    return rate_bound(cluster, load, compute) / rate_bound(single, load, compute)


Rule = Callable[[Job, Cluster, list[float], float], int]


def shortest_queue(
    job: Job,
    cluster: Cluster,
    nics: list[float],
    link: float,
) -> int:
    """The NIC that can begin first; ``nics`` has the time when each is free."""
    return min(range(len(nics)), key=lambda i: max(nics[i], job.arrival))


def earliest(
    job: Job,
    cluster: Cluster,
    nics: list[float],
    link: float,
) -> int:
    """The NIC through which the cache reaches a prefill node first."""

    def arrives(nic: int) -> float:
        read = max(nics[nic], job.arrival) + job.load / cluster.snic
        if nic < cluster.prefill:
            return read
        return max(read, link) + job.load / cluster.cnic

    return min(range(len(nics)), key=arrives)


@dataclass
class Run:
    """What happened to each job; ``nic`` counts those of prefill nodes first."""

    jobs: list[Job]
    nic: np.ndarray
    node: np.ndarray
    loaded: np.ndarray
    ready: np.ndarray
    finish: np.ndarray

    @property
    def rate(self) -> float:
        """Finished jobs per second."""
        return len(self.jobs) / float(self.finish.max())

    @property
    def latency(self) -> np.ndarray:
        """From arrival to the end of prefill, the first token."""
        return self.finish - np.array([job.arrival for job in self.jobs])


def simulate(
    jobs: list[Job],
    cluster: Cluster,
    rule: Rule = shortest_queue,
) -> Run:
    """NICs, links and nodes, each first come, first served.

    A decoding node has read a cache whole before it sends it on.

    Raises
    ------
    ValueError
        If there are no jobs, or they are not in the order of their arrival.

    Examples
    --------
    Two jobs, of which the second comes through the decoding node:

    >>> run = simulate([Job(0.0, 2.0, 0.5)] * 2, Cluster(prefill=1, decode=1))
    >>> run.nic.tolist(), run.finish.tolist()
    ([0, 1], [2.5, 3.0])
    """
    if not jobs:
        raise ValueError("no jobs")
    load, compute = np.array([job[1:] for job in jobs]).T
    nic, node, loaded = read(jobs, cluster, rule)
    ready, finish = loaded.copy(), np.zeros(len(jobs))
    for k in range(cluster.prefill):
        detour = np.flatnonzero((node == k) & (nic >= cluster.prefill))
        crossing = load[detour] / cluster.cnic
        ready[detour] = serve_in_turn(loaded[detour], crossing)
        here = np.flatnonzero(node == k)
        finish[here] = serve_in_turn(ready[here], compute[here])
    return Run(jobs, nic, node, loaded, ready, finish)


def read(
    jobs: list[Job], cluster: Cluster, rule: Rule
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """NIC, prefill node and end of reading of each job, chosen as it arrives."""
    if any(one.arrival > two.arrival for one, two in pairwise(jobs)):
        raise ValueError("jobs are not in the order of their arrival")
    nics = [0.0] * (cluster.prefill + cluster.decode)
    links, work = [0.0] * cluster.prefill, [0.0] * cluster.prefill
    chosen = []
    for job in jobs:
        node = work.index(min(work))
        nic = rule(job, cluster, nics, links[node])
        read = max(nics[nic], job.arrival) + job.load / cluster.snic
        nics[nic] = read
        if nic < cluster.prefill:
            node = nic
        else:
            links[node] = max(links[node], read) + job.load / cluster.cnic
        work[node] += job.compute
        chosen.append((nic, node, read))
    nic, node, read = zip(*chosen, strict=True)
    return np.array(nic), np.array(node), np.array(read)


def serve_in_turn(arrival: np.ndarray, service: np.ndarray) -> np.ndarray:
    """When each is done, if they are served one by one in the order of arrival.

    Examples
    --------
    >>> serve_in_turn(np.array([5.0, 0.0, 1.0]), np.array([1.0, 3.0, 3.0]))
    array([7., 3., 6.])
    """
    finish, free = np.zeros(len(arrival)), 0.0
    for i in np.argsort(arrival, kind="stable").tolist():
        free = max(free, float(arrival[i])) + float(service[i])
        finish[i] = free
    return finish


def draw_jobs(
    count: int, compute: float, rate: float = math.inf, seed: int = 0
) -> list[Job]:
    """Gamma-distributed loads of mean 1 and prefills of mean ``compute``."""
    rng = np.random.default_rng(seed)
    arrivals = rng.exponential(size=count).cumsum() / rate
    loads, seconds = rng.gamma(4, 1 / 4, (2, count))
    columns = arrivals.tolist(), loads.tolist(), (compute * seconds).tolist()
    return [Job(*row) for row in zip(*columns, strict=True)]

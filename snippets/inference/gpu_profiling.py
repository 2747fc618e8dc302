"""The roofline: what a machine could do, what an operation asks for, and what it got.

Williams, Waterman and Patterson (2009), https://doi.org/10.1145/1498765.1498785

Symbols of the paper and names here::

    pi       peak floating-point performance     -> ``peak``
    beta     peak memory bandwidth               -> ``bandwidth``
    I        operational intensity               -> ``intensity``
    M, K, N  of a linear layer                   -> ``rows``, ``d_in``, ``d_out``
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from snippets.foundations.peak_memory import storages
from snippets.foundations.resource_accounting import matmul_flops


@dataclass(frozen=True)
class Cost:
    """Operations, and bytes to and from memory."""

    operations: int = 0
    moved: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.operations + other.operations, self.moved + other.moved)

    @property
    def intensity(self) -> float:
        """Operations per byte; without bytes infinite, and nan if there is nothing."""
        if not self.moved:
            return math.inf if self.operations else math.nan
        return self.operations / self.moved


@dataclass(frozen=True)
class Machine:
    """Two numbers of a processor, from its data sheet or from a measurement.

    Parameters
    ----------
    peak
        Operations per second.
    bandwidth
        Bytes per second, between the processor and its memory.

    Raises
    ------
    ValueError
        If one of them is not positive.

    Examples
    --------
    Six operations per second, two bytes per second:

    >>> slow = Machine(peak=6.0, bandwidth=2.0)
    >>> slow.ridge, [slow.attainable(intensity) for intensity in (1.0, 3.0, 10.0)]
    (3.0, [2.0, 6.0, 6.0])
    """

    peak: float
    bandwidth: float

    def __post_init__(self) -> None:
        if not (self.peak > 0 and self.bandwidth > 0):  # nan is not positive either
            raise ValueError(f"not positive: {self}")

    @property
    def ridge(self) -> float:
        """Operations per byte at which neither of the two has to wait."""
        return self.peak / self.bandwidth

    def attainable(self, intensity: float) -> float:
        """Operations per second at most, with ``intensity`` of them per byte."""
        return min(self.bandwidth * intensity, self.peak)  # nan stays nan

    def seconds(self, cost: Cost) -> float:
        """The least time, when arithmetic and memory work side by side."""
        return max(cost.operations / self.peak, cost.moved / self.bandwidth)


def linear_cost(rows: int, d_in: int, d_out: int, itemsize: int = 2) -> Cost:
    """A ``(rows, d_in)`` matrix times weights: everything is moved once.

    Examples
    --------
    One row: each of six weights is used for one multiplication and one addition.

    >>> linear_cost(rows=1, d_in=2, d_out=3)
    Cost(operations=12, moved=22)
    """
    if min(rows, d_in, d_out, itemsize) < 1:
        raise ValueError(f"empty: {rows=}, {d_in=}, {d_out=}, {itemsize=}")
    numbers = d_in * d_out + rows * (d_in + d_out)
    return Cost(matmul_flops(rows, d_in, d_out), itemsize * numbers)


def seconds_of(
    runs: dict[str, Callable[[], object]],
    *,
    rounds: int = 9,
    wait: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Times of each run, sorted; all take their turn in every round.

    Parameters
    ----------
    wait
        Returns when the device is done; on a GPU ``torch.cuda.synchronize``.
    clock
        ``time.thread_time`` leaves out what other programs take of a shared core.
    """
    times = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            wait()
            start = clock()
            run()
            wait()
            if turn > 0:  # the first round warms up
                times[name].append(clock() - start)
    return {name: sorted(found) for name, found in times.items()}


PICKS = ("embedding", "gather", "index", "index_select")  # read a part of the first
PUTS = {  # write a part of the first, or all of it, and do not read it
    "copy_": lambda table, *_: table,
    "index_copy_": Tensor.index_select,
    "index_put_": lambda table, where, _: torch.ops.aten.index(table, where),
    "scatter_": lambda table, dim, where, *_: table.gather(dim, where),
}


class Counter(TorchDispatchMode):
    """Adds up the cost of every operation inside the ``with``, by name.

    Each reads its inputs once and writes its results once; views move nothing, and
    what picks rows out of a table, or puts rows into one, moves those rows. (Not so
    ``embedding_bag`` and what adds to rows.) Operations are those of matrix products
    and fused attention, forward; of convolutions none are counted.

    Examples
    --------
    >>> import torch
    >>> x, weight = torch.ones(5, 2), torch.ones(3, 2)
    >>> with Counter() as counter:
    ...     y = (x @ weight.T).relu()
    >>> counter.costs["mm"], counter.costs["relu"]
    (Cost(operations=60, moved=124), Cost(operations=0, moved=120))
    """

    def __init__(self) -> None:
        super().__init__()
        self.costs: dict[str, Cost] = {}

    @property
    def total(self) -> Cost:
        return sum(self.costs.values(), Cost())

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inputs = tensors((args, {k: v for k, v in kwargs.items() if k != "out"}))
        known = {id(storage) for storage in storages((args, kwargs))}
        result = operation(*args, **kwargs)
        is_view = known.issuperset(id(storage) for storage in storages(result))
        if not is_view or operation._schema.is_mutable:
            name = operation.overloadpacket.__name__
            outputs = tensors(result)
            if name in PICKS:
                inputs[0] = result
            adds = (name == "index_put_" and any(args[3:])) or "reduce" in kwargs
            if name in PUTS and not adds:
                inputs, outputs = inputs[1:], [PUTS[name](*args[:3])]
            moved = sum(map(distinct_bytes, inputs + outputs))
            cost = Cost(product_operations(name, inputs, result), moved)
            self.costs[name] = self.costs.get(name, Cost()) + cost
        return result


def tensors(values: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def distinct_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor, in which what ``expand`` repeats counts once."""
    count = tensor.element_size()
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride else min(size, 1)
    return count


def product_operations(name: str, inputs: list[Tensor], result: object) -> int:
    if name in ("mm", "bmm", "addmm", "baddbmm"):
        return 2 * result.numel() * inputs[-1].shape[-2]
    if name in ("mv", "dot"):
        return 2 * inputs[0].numel()
    if "scaled_dot_product" in name and "backward" not in name:
        query, key, value = inputs[:3]
        pairs = query.shape[:-1].numel() * key.shape[-2]
        return 2 * pairs * (query.shape[-1] + value.shape[-1])
    return 0


def profiled_seconds(run: Callable[[], object]) -> dict[str, float]:
    """Seconds in each operation, without those that it calls, by PyTorch's profiler."""
    with profile(activities=[ProfilerActivity.CPU]) as record:
        run()
    return {
        event.key.removeprefix("aten::"): event.self_cpu_time_total / 1e6
        for event in record.key_averages()
    }

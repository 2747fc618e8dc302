"""Ranks: one function in several processes that exchange tensors over loopback.

A program for several devices runs once on each of them. The copies are told apart by
their ``rank``, and meet in the calls of ``torch.distributed``. Here they share one
machine, and Gloo carries their messages.
"""

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing import start_processes

ROOT = Path(__file__).parents[2]


def run_ranks(
    function: Callable, ranks: int, *arguments: Any, timeout: float = 100
) -> list:
    """What ``function(*arguments)`` returns in each of ``ranks`` new processes.

    None of them outlives the call. The function has to be importable by its name.

    Raises
    ------
    RuntimeError
        If the function raises in one of them; the message has its traceback.

    Examples
    --------
    >>> run_ranks(dist.get_rank, 2)
    [0, 1]
    """
    if ranks < 1:
        raise ValueError(f"{ranks} ranks")
    with TemporaryDirectory() as folder:
        Path(folder, "call").write_bytes(pickle.dumps((function, arguments)))
        done = subprocess.run(
            [sys.executable, "-m", __name__, folder, str(ranks)],
            cwd=ROOT,
            timeout=timeout,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [pickle.loads(Path(folder, str(i)).read_bytes()) for i in range(ranks)]


def run_rank(rank: int, ranks: int, folder: str, call: tuple) -> None:
    """In a process of its own: meet the others, call, and leave the result."""
    dist.init_process_group(
        "gloo",
        store=dist.FileStore(str(Path(folder, "store")), ranks),
        rank=rank,
        world_size=ranks,
        timeout=timedelta(seconds=60),
    )
    function, arguments = call
    result = function(*arguments)
    Path(folder, str(rank)).write_bytes(pickle.dumps(result))
    # One that left at once would close connections that others are still making.
    dist.barrier()
    dist.destroy_process_group()


def fork_ranks(folder: str, ranks: int) -> None:
    """Import and unpack once, then become so many processes."""
    torch.set_num_threads(1)
    names = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    os.environ.setdefault("GLOO_SOCKET_IFNAME", names[0])
    call = pickle.loads(Path(folder, "call").read_bytes())
    start_processes(run_rank, (ranks, folder, call), nprocs=ranks, start_method="fork")


if __name__ == "__main__":
    fork_ranks(sys.argv[1], int(sys.argv[2]))

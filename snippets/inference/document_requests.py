"""Document requests: long prompts and short answers, as of users who ask about a text.

Lengths are log-normal, arrivals Poisson.
"""

import math

import numpy as np

from snippets.inference.cache_policies import Request


def draw_documents(number: int, rate: float, seed: int = 3) -> list[Request]:
    """Prompts of 2000 tokens, answers of 150, in the median; ``rate`` per second.

    Examples
    --------
    >>> requests = draw_documents(400, rate=8.0)
    >>> round(sum(r.prompt for r in requests) / 400), requests[0].output
    (2625, 174)
    """
    rng = np.random.default_rng(seed)
    arrivals = rng.exponential(size=number).cumsum() / rate
    prompts = rng.lognormal(math.log(2000), 0.8, number).clip(64, 7000)
    outputs = rng.lognormal(math.log(150), 0.6, number).clip(8, 1000)
    rows = arrivals.tolist(), prompts.astype(int), outputs.astype(int)
    return [Request(a, int(p), int(o)) for a, p, o in zip(*rows, strict=True)]

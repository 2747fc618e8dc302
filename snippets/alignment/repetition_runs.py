"""Reward models that learned from comparisons without repetitions, or with some.

They share everything else: network, number of comparisons, number of updates.
"""

import torch
from torch import nn

from snippets.alignment.stated_facts import RewardModel, comparisons, train

RUNS, PAIRS, PADDED, UPDATES = 5, 2000, 500, 400


def trained(draw: torch.Generator) -> tuple[list[nn.Module], list[nn.Module]]:
    """Five models that saw no repetition, and five that saw some.

    Of the 2000 comparisons of a model of the second kind, 500 are between an answer
    and a copy of it with repetitions. Weights start from torch's own generator.

    Raises
    ------
    RuntimeError
        If the loss still falls by 0.01 or more in the last 100 updates.
    """
    padded = [0] * RUNS + [PADDED] * RUNS
    data = torch.stack([comparisons(PAIRS, number, draw)[0] for number in padded])
    models = [RewardModel() for _ in padded]
    losses = train(models, data, torch.zeros(2 * RUNS, PAIRS), UPDATES, draw)
    fall = losses[-200:-100].mean() - losses[-100:].mean()
    if fall >= 0.01:
        raise RuntimeError(f"the loss still falls by {fall:.3f} nats")
    return models[:RUNS], models[RUNS:]

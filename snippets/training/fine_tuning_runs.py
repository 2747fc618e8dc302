"""Small GPTs that read two sources without labels, then learn to tell them apart.

Runs of one kind train side by side, stacked along a first axis.

Axes::

    models  pretrained, each from its own random start
    runs    of fine-tuning: each model with each learning rate
    texts   that are read
"""

from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy

from snippets.training.classifier_finetuning import (
    as_classifier,
    count_trainable,
    last_token,
    train_only,
)
from snippets.training.faulty_runs import scaled_step, shifted_loss
from snippets.training.lora import add_lora
from snippets.training.pretraining import cosine_with_warmup
from snippets.training.side_by_side import hand_back, side_by_side
from snippets.training.two_sources import LONGEST, VOCAB, Labeled, draw_ids, tables
from snippets.transformers.gpt import GPT

RANK, ALPHA = 4, 8
TARGETS = ("c_attn", "attn.c_proj", "c_fc", "mlp.c_proj")  # all layers of the blocks


class Outcome(NamedTuple):
    """What the models say after training with the best of the learning rates."""

    trained: int  # numbers that were trained in each model
    chosen: Float[Tensor, "models texts classes"]  # of the texts that chose the rate
    test: Float[Tensor, "models texts classes"]  # of texts that had no say


def new_gpts(models: int) -> list[GPT]:
    """GPTs of two blocks with random weights, each from its own seed."""
    gpts = []
    for seed in range(models):
        torch.manual_seed(seed)
        sizes = {"vocab": VOCAB, "n_positions": LONGEST, "d_model": 24}
        gpts.append(GPT(**sizes, layers=2, heads=2, std=0.04))
    return gpts


def pretrain(
    gpts: list[GPT], updates: int, batch: int = 32, lr: float = 0.02
) -> list[GPT]:
    """Train copies on next tokens: ``batch`` texts of both sources for each update."""
    weights, apply = side_by_side(gpts)
    settings = {"lr": 1.0, "betas": (0.9, 0.99), "weight_decay": 0.1}
    optimizer = torch.optim.AdamW(weights.values(), **settings, fused=True)
    table, random = tables(), torch.Generator().manual_seed(1000)
    for step in range(updates):
        labels = torch.randint(2, (batch * len(gpts),), generator=random)  # not shown
        ids = draw_ids(table, labels, random).unflatten(0, (len(gpts), batch))
        optimizer.zero_grad()
        shifted_loss(apply(weights, ids), ids, shift=1).sum().backward()
        rate = lr * cosine_with_warmup(
            step, warmup_steps=updates // 10, total_steps=updates
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    trained = deepcopy(gpts)
    hand_back(trained, weights)
    return trained


def classifiers(gpts: list[GPT], way: str) -> list[GPT]:
    """Classifiers of two classes, with the weights frozen that do not train.

    ``way`` is ``"LoRA"`` or a part that :func:`.train_only` knows.
    """
    models = [as_classifier(gpt, 2) for gpt in gpts]
    for seed, model in enumerate(models):
        torch.manual_seed(seed)
        if way == "LoRA":
            add_lora(model, TARGETS, RANK, ALPHA)
        else:
            train_only(model, way)
    return models


def fine_tune(
    models: list[GPT],
    texts: list[Labeled],
    rates: list[float],
    updates: int,
    batch: int = 10,
) -> dict[str, Tensor]:
    """Weights after training each model with each learning rate, stacked as runs.

    The first runs have the first rate. Each model has labeled texts of its own. AdamW
    without weight decay, with warm-up and cosine.
    """
    runs = [model for _ in rates for model in models]
    weights, apply = side_by_side(runs)
    trained = [weight for weight in weights.values() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, 1.0, betas=(0.9, 0.99), weight_decay=0.0, fused=True
    )
    lr = torch.tensor(rates).repeat_interleave(len(models))
    ids, mask, labels = (torch.stack(part) for part in zip(*texts, strict=True))
    rows = torch.arange(len(models))[:, None]
    random = torch.Generator().manual_seed(3000)
    for step in range(updates):
        chosen = torch.rand(labels.shape, generator=random).argsort()[:, :batch]
        some = [part[rows, chosen] for part in (ids, mask, labels)]
        some = [torch.cat([part] * len(rates)) for part in some]
        scores = apply(weights, some[0])
        logits = last_token(scores.flatten(0, 1), some[1].flatten(0, 1))
        optimizer.zero_grad()
        loss = cross_entropy(logits, some[2].flatten())
        (loss * len(runs)).backward()  # each run has its own mean
        factor = cosine_with_warmup(
            step + 1, warmup_steps=updates // 10, total_steps=updates + 1
        )
        scaled_step(optimizer, trained, lr * factor)
    return {name: weight.detach() for name, weight in weights.items()}


@torch.no_grad()
def class_logits(
    model: GPT, weights: dict[str, Tensor], texts: Labeled
) -> Float[Tensor, "runs texts classes"]:
    """What each run says about the same texts."""

    def read(own: dict[str, Tensor]) -> Tensor:
        return functional_call(model, own, (texts.ids,))

    scores = vmap(read)(weights)
    return torch.stack([last_token(one, texts.mask) for one in scores])


def accuracy(
    logits: Float[Tensor, "models texts classes"], texts: Labeled
) -> Float[Tensor, " models"]:
    """Share of texts for which the largest logit is that of the label."""
    return (logits.argmax(dim=-1) == texts.labels).double().mean(dim=-1)


def fine_tune_best(
    models: list[GPT],
    texts: list[Labeled],
    rates: list[float],
    updates: int,
    *,
    chosen: Labeled,
    test: Labeled,
) -> Outcome:
    """Train with each rate, and keep the one with the best mean on ``chosen``."""
    weights = fine_tune(models, texts, rates, updates)
    logits = class_logits(models[0], weights, chosen)
    scores = accuracy(logits, chosen).view(len(rates), len(models)).mean(dim=1)
    best = int(scores.argmax()) * len(models)
    kept = slice(best, best + len(models))
    some = {name: weight[kept] for name, weight in weights.items()}
    after = class_logits(models[0], some, test)
    return Outcome(count_trainable(models[0]), logits[kept], after)

"""Small captioners, several side by side: their weights, loss and score.

Axes::

    models    side by side, each with its own weights
    batch     examples of one model
    visual    visual tokens of an image
    text      tokens after the image
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy, embedding

from snippets.generative import captioned_shapes as task
from snippets.generative.caption_encoder import WIDTH, Encoder, Pool
from snippets.generative.vision_language_models import (
    Projector,
    VisionLanguageModel,
    logits_from_embeddings,
)
from snippets.transformers.gpt import GPT

D_MODEL = 32


class PrefixGPT(GPT):
    """A GPT that reads embeddings, then a text."""

    def forward(
        self,
        prefix: Float[Tensor, "batch visual d_model"],
        ids: Int[Tensor, "batch text"],
    ) -> Float[Tensor, "batch text vocab"]:
        x = torch.cat([prefix, self.wte(ids)], dim=1)
        return logits_from_embeddings(self, x)[:, prefix.shape[1] :]


class Captioners(NamedTuple):
    """Weights of projectors and language models, stacked."""

    projector: dict[str, Tensor]
    lm: dict[str, Tensor]


SIZES = {"vocab": len(task.WORDS), "n_positions": 12, "d_model": D_MODEL}
READER = PrefixGPT(**SIZES, layers=1, heads=4, std=0.1)
PROJECTOR = Projector(4 * WIDTH, D_MODEL)
read = vmap(lambda own, prefix, ids: functional_call(READER, own, (prefix, ids)))
project = vmap(lambda own, x: functional_call(PROJECTOR, own, (x,)))
embed = vmap(lambda table, ids: embedding(ids, table))


def untrained(seeds: range) -> Captioners:
    """A captioner with random weights for each seed."""
    models = []
    for seed in seeds:
        torch.manual_seed(seed)
        gpt = PrefixGPT(**SIZES, layers=1, heads=4, std=0.1)
        models.append((Projector(4 * WIDTH, D_MODEL), gpt))
    stacked = (stack_module_state(list(part))[0] for part in zip(*models, strict=True))
    parts = [{k: w.detach().clone() for k, w in part.items()} for part in stacked]
    return Captioners(*parts)


def together(*groups: Captioners) -> Captioners:
    """The models of several groups as one."""
    parts = [
        {k: torch.cat([g[part][k] for g in groups]) for k in groups[0][part]}
        for part in (0, 1)
    ]
    return Captioners(*parts)


def caption_loss(
    lm: dict[str, Tensor],
    prefix: Float[Tensor, "models batch visual d_model"],
    text: Int[Tensor, "models batch text"],
) -> Float[Tensor, " models"]:
    """Mean loss of each model on the captions, equal to ``answer_loss``."""
    logits = read(lm, prefix, text)[:, :, task.PROMPT - 1 : -1]
    right = text[:, :, task.PROMPT :]
    loss = cross_entropy(logits.flatten(0, 2), right.flatten(), reduction="none")
    return loss.view_as(right).mean((1, 2))


@torch.no_grad()
def exact(captioners: Captioners, pool: Pool) -> Float[Tensor, " models"]:
    """Share of images whose greedy caption is right in every word.

    Greedy decoding writes the right caption if, and only if, each of its words is the
    most likely one after the right words before, so one pass is enough.
    """
    text = task.TEXTS[pool.kind].expand(len(pool.features), -1, -1)
    found = read(captioners.lm, project(captioners.projector, pool.features), text)
    right = found[:, :, task.PROMPT - 1 : -1].argmax(-1) == text[:, :, task.PROMPT :]
    return right.all(-1).float().mean(1)


def assemble(
    encoder: Encoder, captioners: Captioners, number: int
) -> VisionLanguageModel:
    """One captioner as a model of images and texts."""
    gpt = GPT(**SIZES, layers=1, heads=4)
    model = VisionLanguageModel(
        encoder, gpt, channels=WIDTH, factor=2, image_id=task.IMAGE
    )
    own = ({k: w[number] for k, w in part.items()} for part in captioners)
    for module, weights in zip((model.projector, gpt), own, strict=True):
        module.load_state_dict(weights, strict=False)  # the head is tied
    return model

"""GATs that look up words in dictionaries, each with its own weights, trained at once.

Every question hears all entries of its dictionary and itself, so its weights are one
row of a small matrix, and weighted sums are taken before the projection.

Axes::

    runs          networks that differ in their weights only
    dictionaries  of one step; each run has its own
    questions     of a dictionary, as many as entries
    heads         independent attentions
    hidden        features of a head
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, elu, leaky_relu

from snippets.graphs.dictionary_lookup import WORDS, dictionaries
from snippets.graphs.gat import GAT


class GATsAbreast(nn.Module):
    """Several GATs, and a linear map after each; their weights are copied."""

    def __init__(self, layers: Sequence[GAT], answers: Sequence[nn.Linear]) -> None:
        super().__init__()

        def stacked(tensors) -> nn.Parameter:
            return nn.Parameter(torch.stack([tensor.detach() for tensor in tensors]))

        rows = (layer.lin_src.weight for layer in layers)
        self.lin = stacked(row.unflatten(0, (layers[0].heads, -1)) for row in rows)
        self.att_dst = stacked(layer.att_dst for layer in layers)
        self.att_src = stacked(layer.att_src for layer in layers)
        self.bias = stacked(layer.bias for layer in layers)
        self.weight = stacked(answer.weight.T for answer in answers)
        self.answer_bias = stacked(answer.bias[None] for answer in answers)

    def forward(
        self, x: Float[Tensor, "runs dictionaries 2 questions 16"]
    ) -> Float[Tensor, "runs answers meanings"]:
        """Scores of the meanings, before the softmax."""
        entry, question = x.unbind(dim=2)
        a = torch.einsum("rhof,rho->rfh", self.lin, self.att_dst)[:, None]
        b = torch.einsum("rhof,rho->rfh", self.lin, self.att_src)[:, None]
        of_target = (question @ a).mT[..., None]
        of_entry = (entry @ b).mT[..., None, :].expand(-1, -1, -1, WORDS, -1)
        of_source = torch.cat([of_entry, (question @ b).mT[..., None]], dim=-1)
        alpha = leaky_relu(of_target + of_source, 0.2).softmax(dim=-1)
        heard = alpha[..., :-1] @ entry[:, :, None]
        heard = heard + alpha[..., -1:] * question[:, :, None]
        out = heard.transpose(1, 2).flatten(2, 3) @ self.lin.mT
        hidden = elu(out + self.bias[:, :, None]).transpose(1, 2).flatten(2)
        return torch.baddbmm(self.answer_bias, hidden, self.weight)


def look_up_abreast(heads: int, steps: int, seeds: Sequence[int]) -> list[float]:
    """Accuracy in a hundred new dictionaries, after steps of Adam with eight each."""
    layers, answers = [], []
    for seed in seeds:
        torch.manual_seed(seed)
        layers.append(GAT(features=2 * WORDS, heads=heads, hidden=32))
        answers.append(nn.Linear(32 * heads, WORDS))
    networks = GATsAbreast(layers, answers)
    randoms = [torch.Generator().manual_seed(seed) for seed in seeds]
    optimizer = torch.optim.Adam(networks.parameters(), lr=0.02, fused=True)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        x, _, meaning = zip(*(dictionaries(count, r) for r in randoms), strict=True)
        return torch.stack(x).view(len(x), count, 2, WORDS, -1), torch.stack(meaning)

    for _ in range(steps):
        x, meaning = draw(8)
        loss = cross_entropy(networks(x).flatten(0, 1), meaning.flatten())
        optimizer.zero_grad()
        (len(seeds) * loss).backward()  # each run has its own mean
        optimizer.step()
    x, meaning = draw(100)
    with torch.no_grad():
        right = networks(x).argmax(dim=2) == meaning
    return right.double().mean(dim=1).tolist()

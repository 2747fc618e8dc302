"""Networks of one kind on regular graphs, each with its own weights, trained at once.

All graphs have ten nodes. So the sum, the mean, and the sum of a GCN are a product with
one small matrix for each graph, and the maximum is over four rows of a table.

Axes::

    runs     networks that differ in their weights only
    graphs   graphs of a batch
    nodes    vertices of all graphs together
    rows     nodes of all runs, one run after the other
    classes  three neighbors, or four
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import CosineAnnealingLR

from snippets.graphs.gin import GINLayer
from snippets.graphs.gin_variants import MaxLayer
from snippets.graphs.regular_graphs import SIZE, Classifier, Graphs


def aggregator(
    layer: GINLayer, graphs: Graphs, runs: int
) -> Callable[[Float[Tensor, "rows features"]], Float[Tensor, "rows features"]]:
    """What ``layer`` computes before its MLP, for all runs at once."""
    nodes = len(graphs.x)
    if isinstance(layer, MaxLayer):
        source, target = graphs.edge_index[:, graphs.edge_index[1].argsort(stable=True)]
        degree = target.bincount()
        most = int(degree.max())
        last = degree.cumsum(0) - 1  # taken again by nodes with fewer neighbors
        chosen = [torch.minimum(last - degree + 1 + k, last) for k in range(most)]
        first = nodes * torch.arange(runs)[:, None]
        table = torch.cat([(source[column] + first).flatten() for column in chosen])
        return lambda h: (
            (1 + layer.eps) * h
            + h.index_select(0, table).view(most, *h.shape).amax(dim=0)
        )
    whole = type(layer)(nn.Identity(), eps=layer.eps)(
        torch.eye(nodes).to(graphs.x), graphs.edge_index
    )
    own = whole.view(nodes // SIZE, SIZE, nodes // SIZE, SIZE)
    blocks = own.diagonal(dim1=0, dim2=2).permute(2, 0, 1).repeat(runs, 1, 1)
    return lambda h: (blocks @ h.view(len(blocks), SIZE, -1)).flatten(0, 1)


class LinearAbreast(nn.Module):
    """A linear map for each run."""

    def __init__(self, linears: Sequence[nn.Linear]) -> None:
        super().__init__()
        weight, bias = ([getattr(m, n) for m in linears] for n in ("weight", "bias"))
        self.weight = nn.Parameter(torch.stack(weight).detach().mT.contiguous())
        self.bias = nn.Parameter(torch.stack(bias).detach()[:, None])

    def forward(self, h: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
        """Each run maps its own rows."""
        by_run = h.unflatten(0, (len(self.weight), -1))
        return torch.baddbmm(self.bias, by_run, self.weight).flatten(0, 1)


class Abreast(nn.Module):
    """Several networks of one kind at once; their weights are copied."""

    def __init__(self, networks: list[Classifier]) -> None:
        super().__init__()
        self.runs = len(networks)
        linears = [
            [part for part in network.modules() if isinstance(part, nn.Linear)]
            for network in networks
        ]
        self.linears = nn.ModuleList(map(LinearAbreast, zip(*linears, strict=True)))

    def forward(
        self, x: Float[Tensor, "nodes features"], aggregate: Callable
    ) -> Float[Tensor, "runs graphs classes"]:
        """Class scores of all networks, before the softmax."""
        *hidden, answer = self.linears
        levels = [x.repeat(self.runs, 1)]
        for first, second in zip(hidden[::2], hidden[1::2], strict=True):
            levels.append(second(first(aggregate(levels[-1])).relu()))
        means = [h.unflatten(0, (-1, SIZE)).mean(dim=1) for h in levels]
        return answer(torch.cat(means, dim=1)).unflatten(0, (self.runs, -1))


def train_abreast(
    networks: list[Classifier], known: Graphs, new: Graphs, *, steps: int
) -> Float[Tensor, "runs 2"]:
    """Accuracy of each network on known and new graphs, after steps of Adam.

    The gradient of a sum of losses is that of each network's own loss.
    """
    runs, layer = len(networks), networks[0].layers[0]
    abreast = Abreast(networks)
    optimizer = torch.optim.Adam(abreast.parameters(), 0.01, fused=True)
    schedule = CosineAnnealingLR(optimizer, steps)
    aggregate, labels = aggregator(layer, known, runs), known.label.repeat(runs)
    for _ in range(steps):
        scores = abreast(known.x, aggregate).flatten(0, 1)
        loss = runs * cross_entropy(scores, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        halves = [(abreast(h.x, aggregator(layer, h, runs)), h) for h in (known, new)]
    right = [scores.argmax(dim=2) == half.label for scores, half in halves]
    return torch.stack([half.double().mean(dim=1) for half in right], dim=1)

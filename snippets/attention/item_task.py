"""Items: a task for a whole attention layer, whose scores may grow.

A text has 24 items, each a random key of length 4 and one of eight classes, and then a
noisy copy of one of the keys. The last position must name the class of that item;
guessing is right in one of eight.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from snippets.attention.differential_attention import DifferentialAttention
from snippets.attention.grouped_query_attention import GroupedQueryAttention

ITEMS, CLASSES, D_MODEL = 24, 8, 32
LAYERS = ("multi-head", "differential", "nothing subtracted", "uniform subtracted")


def draw_items(
    count: int, random: torch.Generator
) -> tuple[Float[Tensor, "batch 25 32"], Int[Tensor, " batch"]]:
    """Texts, and the class asked for in each."""
    keys = 4 * normalize(torch.randn(count, ITEMS, 16, generator=random), dim=-1)
    labels = torch.randint(CLASSES, (count, ITEMS), generator=random)
    asked = torch.randint(ITEMS, (count,), generator=random)
    x = torch.zeros(count, ITEMS + 1, D_MODEL)
    x[:, :ITEMS, :16], x[:, :ITEMS, 16:24] = keys, 2 * one_hot(labels, CLASSES)
    noise = 0.6 * torch.randn(count, 16, generator=random)
    x[:, ITEMS, :16], x[:, ITEMS, 24] = keys[torch.arange(count), asked] + noise, 2
    return x, labels[torch.arange(count), asked]


class Nothing(nn.Module):
    """In place of the learned lambda: nothing is subtracted."""

    lambda_init = 0.2

    def forward(self) -> float:
        return 0.0


def make_layer(kind: str) -> nn.Module:
    """Two heads, or one head of two maps.

    With ``nothing subtracted``, lambda is zero. With ``uniform subtracted``, the
    queries of the second map are zero, so that it is uniform over the past.
    """
    if kind == "multi-head":
        return GroupedQueryAttention(d_model=D_MODEL, heads=2, kv_heads=2)
    layer = DifferentialAttention(d_model=D_MODEL, heads=1, layer=1)
    if kind == "nothing subtracted":
        layer.lambda_ = Nothing()
    if kind == "uniform subtracted":
        first = torch.arange(D_MODEL)[:, None] < D_MODEL // 2
        layer.query.weight.data *= first
        layer.query.weight.register_hook(lambda gradient: gradient * first)
    return layer


@torch.no_grad()
def largest_score(layer: nn.Module, x: Float[Tensor, "batch 25 32"]) -> float:
    """Largest absolute score of the last query, over keys, maps and texts."""
    query, key = (
        project(x).unflatten(-1, (2, 16)).transpose(1, 2)
        for project in (layer.query, layer.key)
    )
    return (query[:, :, -1:] @ key.mT / 16**0.5).abs().max().item()


def train_layer(
    kind: str, rate: float, seed: int, marks: range
) -> tuple[list[float], float]:
    """Accuracy after each number of steps in ``marks``, and the last largest score."""
    torch.manual_seed(seed)
    model = nn.Sequential(make_layer(kind), nn.Linear(D_MODEL, CLASSES))
    random = torch.Generator().manual_seed(seed)
    test, label = draw_items(300, torch.Generator().manual_seed(99))
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    accuracy = []
    for step in range(1, marks[-1] + 1):
        x, answer = draw_items(32, random)
        loss = cross_entropy(model(x)[:, -1], answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in marks:
            with torch.no_grad():
                right = model(test)[:, -1].argmax(dim=-1) == label
            accuracy.append(right.float().mean().item())
    return accuracy, largest_score(model[0], test)

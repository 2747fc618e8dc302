"""Models of the next item: retrieve it by a dot product, or generate its code.

Axes as in ``history_encoders`` and ``encode_and_generate``.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.recommenders.encode_and_generate import Codes, Step, allowed_log_probs
from snippets.recommenders.history_encoders import Histories, ItemVectors, States


class TwoTower(nn.Module):
    """Retrieval: the score of an item is the dot product of its vector and a state."""

    def __init__(self, encoder: nn.Module, codes: Codes, d_model: int) -> None:
        super().__init__()
        self.inputs = ItemVectors(codes, d_model, scale=0.5)
        self.encoder = encoder
        self.outputs = ItemVectors(codes, d_model, scale=d_model**-0.5)

    def forward(self, histories: Histories) -> Float[Tensor, "users seq items"]:
        return self.encoder(self.inputs.of(histories)) @ self.outputs().T

    def loss(
        self, sequences: Histories, sold: Bool[Tensor, " items"]
    ) -> Float[Tensor, ""]:
        """Cross-entropy of each next item among those that are sold.

        Raises
        ------
        ValueError
            If a next item is not sold.
        """
        scores, target = self(sequences[:, :-1]), sequences[:, 1:].flatten()
        if not sold[target].all():
            raise ValueError(f"{(~sold[target]).sum()} next items are not sold")
        return cross_entropy(
            scores.masked_fill(~sold, -torch.inf).flatten(0, 1), target
        )


def rank(
    candidates: Int[Tensor, "users many"], scores: Float[Tensor, "users items"], k: int
) -> Int[Tensor, "users k"]:
    """The second stage: of the candidates, the k with the highest scores.

    Raises
    ------
    ValueError
        If there are fewer than k candidates.
    """
    if not 0 < k <= candidates.shape[1]:
        raise ValueError(f"k must be from 1 to {candidates.shape[1]}, got {k}")
    return candidates.gather(1, scores.gather(1, candidates).topk(k).indices)


class Generator(nn.Module):
    """Generation: a second recurrent network spells the code of the next item."""

    def __init__(
        self, encoder: nn.Module, codes: Codes, vocab: int, d_model: int
    ) -> None:
        super().__init__()
        self.inputs = ItemVectors(codes, d_model, scale=0.5)
        self.encoder = encoder
        self.embed = nn.Embedding(vocab, d_model)
        self.decoder = nn.GRUCell(d_model, d_model)
        self.head = nn.Linear(d_model, vocab)

    def states(self, histories: Histories) -> States:
        return self.encoder(self.inputs.of(histories))

    def loss(
        self, sequences: Histories, allowed: Bool[Tensor, "items levels vocab"]
    ) -> Float[Tensor, ""]:
        """Cross-entropy of each next code; each token among those that are allowed.

        Raises
        ------
        ValueError
            If a token of a next item is not allowed.
        """
        items = sequences[:, 1:].flatten()
        codes, state = self.inputs.codes[items], self.states(sequences[:, :-1])
        state, total = state.flatten(0, 1), torch.zeros(())
        for level, token in enumerate(codes.unbind(dim=1)):
            if level:
                state = self.decoder(self.embed(codes[:, level - 1]), state)
            log_probs = allowed_log_probs(self.head(state), allowed[items, level])
            total = total - log_probs.gather(1, token[:, None]).mean()
        if total.isinf():
            raise ValueError("a next item has a token that is not allowed")
        return total

    def step(self, histories: Histories) -> Step:
        """For ``beam_search``: logits of the next token after the whole history."""
        last = self.states(histories)[:, -1:]

        def step(prefixes: Int[Tensor, "users beams length"]) -> Tensor:
            users, beams, _ = prefixes.shape
            state = last.expand(-1, beams, -1).flatten(0, 1)
            for token in prefixes.flatten(0, 1).unbind(dim=1):
                state = self.decoder(self.embed(token), state)
            return self.head(state).view(users, beams, -1)

        return step


def train(
    model: nn.Module,
    loss: Callable[[Histories], Float[Tensor, ""]],
    sequences: Histories,
    generator: torch.Generator,
    epochs: int = 6,
    batch: int = 150,
    rate: float = 0.03,
) -> None:
    """Adam with a learning rate that rises and falls (one cycle)."""
    adam = torch.optim.Adam(model.parameters(), fused=True)
    updates = epochs * -(-len(sequences) // batch)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, rate, updates)
    for _ in range(epochs):
        order = torch.randperm(len(sequences), generator=generator)
        for rows in order.split(batch):
            adam.zero_grad()
            loss(sequences[rows]).backward()
            adam.step()
            cycle.step()

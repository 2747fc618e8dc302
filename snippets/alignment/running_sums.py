"""A network that adds digits modulo 10 with a scratch-pad, in long or in short steps.

A question is eight digits. An answer is a row of running sums modulo 10, and its last
token counts. For each token the network sees the sum that it wrote before and the next
``stride`` digits. A stride of 1 takes eight tokens; a stride of 8 is a direct answer.

Axes::

    runs       networks that are trained side by side, from different random weights
    questions
    samples    answers to the same question
    digits     of a question
    batch      steps to train on
    width      of both hidden layers
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

DIGITS = 8
STRIDES = (1, 2, 4, 8)
EMPTY = 10  # fills the places of a chunk that is shorter than eight digits


class RunningSums(nn.Module):
    """Three layers: the last sum and up to eight digits in, the next sum out."""

    def __init__(self, runs: int, width: int) -> None:
        super().__init__()
        sizes = (10 + DIGITS * (EMPTY + 1), width, width, 10)
        active = (DIGITS + 1, width, width)  # inputs that are not zero
        self.weights = nn.ParameterList(
            (2 * torch.rand(runs, n, m) - 1) / a**0.5
            for n, m, a in zip(sizes[:-1], sizes[1:], active, strict=True)
        )
        self.biases = nn.ParameterList(torch.zeros(runs, 1, m) for m in sizes[1:])

    def forward(
        self, last: Int[Tensor, "runs batch"], chunk: Int[Tensor, "runs batch digits"]
    ) -> Float[Tensor, "runs batch 10"]:
        """Logits of the next running sum."""
        parts = one_hot(last, 10), one_hot(chunk, EMPTY + 1).flatten(2)
        x = torch.cat(parts, 2).float()
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = torch.baddbmm(bias, x, weight).relu()
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])


def single_tokens(
    runs: int, stride: Int[Tensor, "batch 1"], generator: torch.Generator | None = None
) -> tuple[
    Int[Tensor, "runs batch"],
    Int[Tensor, "runs batch digits"],
    Int[Tensor, "runs batch"],
]:
    """Random steps: the last sum, the next ``stride`` digits, the right next sum."""
    last = torch.randint(10, (runs, len(stride)), generator=generator)
    chunk = torch.randint(10, (runs, len(stride), DIGITS), generator=generator)
    chunk = chunk.where(torch.arange(DIGITS) < stride, EMPTY)
    return last, chunk, (last + (chunk * (chunk < EMPTY)).sum(2)) % 10


def train(
    network: RunningSums,
    steps: int,
    batch: int = 128,
    learning_rate: float = 0.01,
    generator: torch.Generator | None = None,
) -> None:
    """Fit the network in place to single tokens, as many of each stride."""
    runs = len(network.weights[0])
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    stride = torch.tensor(STRIDES).repeat(-(-batch // len(STRIDES)))[:batch, None]
    for _ in range(steps):
        last, chunk, target = single_tokens(runs, stride, generator)
        loss = cross_entropy(network(last, chunk).flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        (runs * loss).backward()  # each run gets the gradient of its own mean
        optimizer.step()
        schedule.step()


@torch.no_grad()
def answer(
    network: RunningSums,
    questions: Int[Tensor, "questions digits"],
    stride: int,
    samples: int,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "runs questions samples"]:
    """The last running sum of each answer; an answer takes ``8 / stride`` tokens.

    Raises
    ------
    ValueError
        If the network was not trained for the stride, or a question is not made of
        eight digits.

    Examples
    --------
    >>> network = RunningSums(runs=2, width=16)
    >>> answer(network, torch.randint(10, (5, 8)), stride=2, samples=3).shape
    torch.Size([2, 5, 3])
    """
    if stride not in STRIDES:
        raise ValueError(f"stride {stride} is not one of {STRIDES}")
    if questions.shape[1] != DIGITS or ((questions < 0) | (questions > 9)).any():
        raise ValueError(f"questions of shape {tuple(questions.shape)}, or no digits")
    runs = len(network.weights[0])
    asked = questions.repeat_interleave(samples, 0).expand(runs, -1, -1)
    last = torch.zeros(asked.shape[:2], dtype=torch.long)
    for digits in asked.split(stride, 2):
        chunk = torch.full_like(asked, EMPTY)
        chunk[..., :stride] = digits
        chances = network(last, chunk).softmax(2)
        drawn = torch.multinomial(chances.flatten(0, 1), 1, generator=generator)
        last = drawn.view_as(last)
    return last.view(runs, len(questions), samples)

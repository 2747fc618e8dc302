"""
Vector geometry: angles, sums and matrices
==========================================

Figures for :doc:`/foundations/vector_geometry`: how close to a right angle random
directions are, what can be read from a sum, where a difference of words points, and
what a matrix does to a circle.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch.nn.functional import normalize

from snippets.foundations.vector_geometry import (
    complete,
    concept,
    cosine,
    factorize,
    log_pmi,
    offset_scores,
    split,
)

torch.manual_seed(0)

# %%
# Two random directions
# ---------------------
# Cosines of 50,000 pairs. With four times as many features they are half as wide.

spread = {}
fig, ax = plt.subplots()
for color, features in enumerate([16, 64, 256, 1024]):
    found = torch.cat(
        [cosine(*torch.randn(2, 5_000, features)) for _ in range(10)]
    ).numpy()
    spread[features] = float(found.std())
    assert abs(spread[features] * math.sqrt(features) - 1) < 0.02
    heights, edges = np.histogram(found, bins=81, range=(-1, 1), density=True)
    middle = (edges[:-1] + edges[1:]) / 2
    ax.plot(middle, heights, color=f"C{color}", label=str(features))
ax.legend(title="features")
ax.set(xlabel="cosine of two random directions", ylabel="density", xlim=(-1, 1))
fig.set_label(
    "Four bell curves of cosines around zero. With 16 features most lie between -0.5 "
    "and 0.5; with 64 the bell is half as wide, with 256 a quarter, with 1024 an "
    "eighth."
)

directions = normalize(torch.randn(4096, 512), dim=-1)
largest = (directions @ directions.T).fill_diagonal_(0).abs().max().item()
assert 0.2 < largest < 0.3

# %%
# Reading a sum
# -------------
# A few of 2048 directions are added up. Each direction then asks the sum for itself.

fig, axes = plt.subplots(1, 2, sharey=True)
labels = normalize(torch.randn(2048, 256), dim=-1)
noise = {}
for ax, count in zip(axes, (8, 32), strict=True):
    inside, outside = [], []
    for _ in range(40):
        order = torch.randperm(2048)
        answers = labels @ labels[order[:count]].sum(dim=0)
        inside.append(answers[order[:count]])
        outside.append(answers[order[count:]])
    inside, outside = torch.cat(inside).numpy(), torch.cat(outside).numpy()
    noise[count] = float(inside.std())
    assert abs(inside.mean() - 1) < 0.08
    assert abs(noise[count] / math.sqrt((count - 1) / 256) - 1) < 0.1
    bins = np.linspace(-1, 2, 46)
    ax.hist(outside, bins, density=True, color="C0", alpha=0.7, label="not in it")
    ax.hist(inside, bins, density=True, color="C1", alpha=0.7, label="in the sum")
    ax.set(xlabel="answer", title=f"sum of {count}", ylim=(0, 3.8))
    missed = (outside > 0.5).mean()
axes[0].set(ylabel="density")
axes[0].legend(loc="upper right")
assert 0.04 < missed < 0.12
fig.set_label(
    "Two panels with two histograms each. In a sum of 8 directions, answers of those "
    "inside stand around 1, the others around 0, well apart. In a sum of 32 both are "
    "twice as wide and overlap around one half."
)

# %%
# Twelve words
# ------------
# Six nouns, male and female. Their counts in 40 contexts are drawn; the vectors are
# made from the counts. Across: the mean step from male to female. Up: what else
# differs most.

PAIRS = ["man woman", "king queen", "uncle aunt", "actor actress", "heir heiress"]
NAMES = " ".join([*PAIRS, "host hostess"]).split()


def draw_counts(seed: int) -> torch.Tensor:
    random = np.random.default_rng(seed)
    noun = random.normal(size=(6, 40)).repeat(2, axis=0)
    gender = np.tile([[-0.4], [0.4]], (6, 1)) * random.normal(size=40)
    return torch.tensor(random.poisson(np.exp(2 + noun + gender))).double()


words = factorize(log_pmi(draw_counts(29)), features=8)  # a draw that leaves room
step = concept(words[1::2], words[0::2])
along, rest = split(words, step)
across = (along @ step / step.norm()).numpy()
up = (torch.linalg.svd(rest - rest.mean(dim=0)).U[:, 0] * 4).numpy()

fig, ax = plt.subplots()
for noun in range(6):
    pair = slice(2 * noun, 2 * noun + 2)
    ax.plot(across[pair], up[pair], "o", color=f"C{noun}", ms=4)
    start, end = zip(across[pair], up[pair], strict=True)
    arrow = {"arrowstyle": "->", "color": f"C{noun}", "lw": 1.5}
    ax.annotate("", end, start, arrowprops=arrow)
    for (x, y), word, side in zip(
        (start, end), NAMES[pair], ("right", "left"), strict=True
    ):
        ax.text(x, y, f"  {word}  ", ha=side, va="center")
ax.set(
    xlabel="along the mean step from male to female", ylabel="largest difference else"
)
ax.set(xlim=(across.min() - 0.8, across.max() + 0.8))
fig.set_label(
    "Six arrows from the male to the female word of a pair, man to woman, king to "
    "queen and four more. All point to the right and are about equally long; up and "
    "down, the pairs lie apart."
)

# %%
# Does the offset answer?
# -----------------------
# Sixty questions for each of 30 draws. "Left in" lets the words of the question win.
# The last way never looks at the offset: it takes the word nearest to the third one.


def left_in(words: torch.Tensor, a: int, a_star: int, b: int) -> int:
    return int(offset_scores(words, a, a_star, b).argmax())


def neighbor(words: torch.Tensor, a: int, a_star: int, b: int) -> int:
    scores = cosine(words, words[b].expand_as(words))
    scores[[a, a_star, b]] = -math.inf
    return int(scores.argmax())


QUESTIONS = [
    (2 * first + x, 2 * first + 1 - x, 2 * second + x)
    for first in range(6)
    for second in range(6)
    for x in (0, 1)
    if first != second
]


def right(words: torch.Tensor, answer) -> float:
    answers = [(answer(words, *question), question[2] ^ 1) for question in QUESTIONS]
    return np.mean([given == wanted for given, wanted in answers])


ways = {
    "words of the question excluded": complete,
    "left in": left_in,
    "excluded, and no offset": neighbor,
}
shares, held_out = np.zeros((30, 3, 3)), []
for seed in range(30):
    pmi = log_pmi(draw_counts(seed))
    clipped = pmi.clamp(min=0)
    kinds = [factorize(pmi, 8), factorize(clipped, 8), clipped]
    for kind, words in enumerate(kinds):
        shares[seed, kind] = [right(words, answer) for answer in ways.values()]
    steps = kinds[0][1::2] - kinds[0][0::2]
    held_out.append(cosine(steps, (steps.sum(dim=0) - steps) / 5).mean().item())
share = shares.mean(axis=0)

fig, ax = plt.subplots(figsize=(6.2, 3.8))
for position, name in enumerate(ways):
    places = np.arange(3) + 0.27 * (position - 1)
    bars = ax.bar(places, share[:, position], 0.25, label=name)
    ax.bar_label(bars, [f"{value:.0%}" for value in share[:, position]])
kinds = ["logarithms,\n8 features", "clipped,\n8 features", "clipped,\n40 contexts"]
ax.set_xticks(range(3), kinds)
ax.set(ylabel="share answered right", ylim=(0, 1.6), yticks=[0, 0.5, 1])
ax.legend(loc="upper right")
fig.set_label(
    "Three groups of three bars. With the words of the question excluded, at least 90 "
    "percent are right in each group. Left in, it is about three quarters with "
    "logarithms, half when negatives are clipped, a tenth without factors. Without any "
    "offset it is as good as with it, or nearly."
)
assert share[0, 0] > 0.95
assert share[0, 0] - share[0, 1] > 0.15
assert share[:, 2].min() > 0.8
assert share[0, 1] - share[1, 1] > 0.15
assert share[2, 1] < 0.2

# %%
# Steering
# --------
# Each word is moved along the mean step of the other five pairs, a little or a lot.
# Which word is nearest then?

amounts = np.linspace(0, 5, 11)
landed, sides = np.zeros((3, 11)), []
for seed in range(30):
    words = factorize(log_pmi(draw_counts(seed)), 8)
    for word in range(12):
        others = torch.arange(12) // 2 != word // 2
        male, female = words[0::2][others[0::2]], words[1::2][others[1::2]]
        step = concept(female, male)
        middle = (female.mean(dim=0) + male.mean(dim=0)) / 2
        sides.append(((words[word] - middle) @ step > 0).item() == word % 2)
        toward = -step if word % 2 else step
        for position, amount in enumerate(amounts):
            target = words[word] + amount * toward
            found = int(cosine(words, target.expand_as(words)).argmax())
            place = {word: 0, word ^ 1: 1}.get(found, 2)
            landed[place, position] += 1 / 360

fig, ax = plt.subplots()
names = ["the word itself", "its partner", "another word"]
for name, curve in zip(names, landed, strict=True):
    ax.plot(amounts, curve, "o-", ms=4, label=name)
ax.set(xlabel="length of the step (mean steps)", ylabel="share of words")
ax.legend(title="nearest after the step", loc="center right", bbox_to_anchor=(1, 0.52))
fig.set_label(
    "Three lines over the length of the step. The word itself stays nearest up to half "
    "a step and gives way by two; its partner is nearest for most words at one step, "
    "nearly all at two, and fewer beyond; other words rise slowly from two on."
)
assert landed[1, 2] > 0.6
assert landed[1, 4] > 0.93
assert landed[1, 10] < 0.85
assert np.mean(sides) > 0.97

# %%
# What a matrix does to a circle
# ------------------------------
# The three factors act one after the other: turn, stretch along the axes, turn again.

matrix = torch.tensor([[1.4, -0.3], [0.6, 0.6]])
left, stretch, right_turn = torch.linalg.svd(matrix)
flip = torch.diag(torch.stack([left[0, 0].sign(), left[1, 1].sign()]))
left, right_turn = left @ flip, flip @ right_turn  # turns, without a reflection
assert torch.linalg.det(right_turn) > 0


def part(turn: torch.Tensor, share: float) -> torch.Tensor:
    """A turn by a share of its angle."""
    angle = share * math.atan2(turn[1, 0], turn[0, 0])
    rows = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return torch.tensor(rows)


around = torch.linspace(0, 2 * math.pi, 101)
circle = torch.stack([around.cos(), around.sin()])
spokes = right_turn.T  # the two directions that end up on the axes
fig, ax = plt.subplots(figsize=(6.2, 4.2))
ax.plot(*circle, color="0.5", ls=":")
(line,) = ax.plot(*circle, color="C0")
arms = [ax.plot([], [], "o-", color=f"C{k}", ms=5)[0] for k in (1, 2)]
ax.set(xlim=(-2.1, 2.1), ylim=(-1.4, 1.4), aspect="equal")
ax.set(xlabel="first feature", ylabel="second feature")


def frame(at: int) -> None:
    first, second, third = (min(max(at / 6 - k, 0), 1) for k in range(3))
    lengths = torch.diag(1 + second * (stretch - 1))
    done = part(left, third) @ lengths @ part(right_turn, first)
    line.set_data(*(done @ circle))
    for arm, spoke in zip(arms, (done @ spokes).T, strict=True):
        arm.set_data([0, spoke[0]], [0, spoke[1]])
    names = ["a circle", "turned", "stretched along the axes", "turned again"]
    ax.set_title(names[math.ceil(at / 6)])


frame(18)
assert torch.allclose(
    torch.tensor(np.array(line.get_data())), matrix @ circle, atol=1e-5
)
animation = FuncAnimation(fig, frame, frames=19, interval=200)
fig.set_label(
    "A circle turns, becomes an ellipse lying along the axes, and turns again. Two "
    "spokes at a right angle stay at a right angle: they become the long and the short "
    "half-axis of the ellipse."
)

measured = {
    "spread_1024": spread[1024],
    "largest": largest,
    "noise_8": noise[8],
    "noise_32": noise[32],
    "missed": float(missed),
    "held_out": float(np.mean(held_out)),
    "excluded": float(share[0, 0]),
    "left_in": share[0, 1],
    "neighbor": share[0, 2],
    "clipped_left_in": share[1, 1],
    "explicit": share[2, 0],
    "explicit_left_in": share[2, 1],
    "explicit_neighbor": share[2, 2],
    "sides": float(np.mean(sides)),
    "one_step": landed[1, 2],
    "two_steps": landed[1, 4],
    "five_steps": landed[1, 10],
}

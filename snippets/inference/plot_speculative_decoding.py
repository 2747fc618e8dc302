"""
Speculative decoding: tokens drafted, checked, kept
===================================================

Figures for :doc:`/inference/speculative_decoding`: a draft at work, why the text stays
as it was, how many tokens a pass yields, and at what load guessing stops paying.
"""

from pydoc_data.topics import topics
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from scipy.stats import chisquare

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.draft_trees import sibling_acceptance
from snippets.inference.server_costs import A100, Server
from snippets.inference.speculative_decoding import (
    acceptance,
    checking_cost,
    expected_tokens,
    speculate,
    speedup,
    verify,
)
from snippets.inference.word_models import WordModel, count_followers, split_words

torch.set_num_threads(1)
random = torch.Generator().manual_seed(10)

# %%
# A draft at work
# ---------------
# Both models have counted the help texts of Python. The target looks three words back,
# the draft two. Four guesses a round: green are kept, orange are not, and a blue word
# comes from the target.

words = split_words(" ".join(topics[name] for name in sorted(topics)))[:50000]
vocab = sorted(set(words))
number = {word: index for index, word in enumerate(vocab)}
followers = count_followers([number[word] for word in words], order=3)
target, good, poor = (
    WordModel(followers, order=order, vocab=len(vocab)) for order in (3, 2, 1)
)


def spy(seen: torch.Tensor, last: int) -> torch.Tensor:
    checked.append(seen.tolist())
    return target(seen, last)


text, checked, frames, tape = torch.tensor([number["the"]]), [], [], [("the", "0.5")]
for passes in range(8):
    before = len(text)
    text, kept = speculate(spy, good, text, 4, random)
    guesses = [vocab[token] for token in checked[-1][before:]]
    frames.append((passes, tape + [(word, "0.5") for word in guesses]))
    green = [(word, "C2") for word in guesses[:kept]]
    orange = [(word, "C1") for word in guesses[kept:]]
    blue = (vocab[text[-1]], "C0")
    frames.append((passes + 1, [*tape, *green, *orange, blue]))
    tape = [*tape, *green, blue]
frames.append((passes + 1, tape))

fig, stage = plt.subplots(figsize=(6.2, 1.8))
fig.set_label(
    "Animation of a text that grows by rounds: four gray guesses appear, some turn "
    "green and stay, the rest turn orange, are crossed out and vanish, and a blue word "
    "of the target follows. At the end most words are green, eight are blue."
)


WIDTH = 49  # characters


def draw(frame: tuple) -> None:
    passes, shown = frame
    stage.clear()
    stage.axis("off")
    stage.set(xlim=(0, WIDTH), ylim=(3.4, -0.7))
    x, y = 0, 0
    for word, color in shown:
        if x + len(word) > WIDTH:
            x, y = 0, y + 1
        stage.text(
            x, y, word, color=color, family="monospace", fontsize=13, va="center"
        )
        if color == "C1":
            stage.plot([x, x + len(word)], [y, y], color=color)
        x += len(word) + 1
    written = sum(color in ("C0", "C2") for _, color in shown)
    stage.set_title(f"passes of the target: {passes}     words: {written}", loc="left")


animation = FuncAnimation(fig, draw, frames, interval=900)

# %%
# Why the text stays as it was
# ----------------------------
# One token of eight. What both models have in common is kept when the draft proposes
# it; a rejected guess is replaced by what the target has more.

random.manual_seed(0)
p, q = torch.randn(2, 8, generator=random).mul(1.2).softmax(dim=1)
common = torch.minimum(p, q)

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.4, 2.9))
fig.set_label(
    "Two bar charts over eight tokens. Left: the draft's bars, split into a lower part "
    "that is kept and an upper one that is rejected. Right: the target's bars, the "
    "same lower parts and other upper parts, of the same total area."
)
for ax, whole, name in [(axes[0], q, "draft q"), (axes[1], p, "target p")]:
    ax.bar(range(8), common, color="C2", label="in common")
    rest = "rejected" if ax is axes[0] else "residual"
    color = "C1" if ax is axes[0] else "C0"
    ax.bar(range(8), whole - common, bottom=common, color=color, label=rest)
    ax.set(title=name, xlabel="token", xticks=range(8))
    ax.legend()
axes[0].set(ylabel="probability", ylim=(0, 1.5 * max(p.max(), q.max())))

# %%
# The test, and its power
# -----------------------
# Three tokens of a Markov chain, written 40 000 times by draft and target together,
# then by a version that replaces a rejected guess by a token of the whole target.


def markov_round(target, draft, last, guesses):
    guess, q = [last], []
    for _ in range(guesses):
        q.append(draft[guess[-1]])
        guess.append(q[-1].multinomial(1, generator=random)[:, 0])
    guess, p = torch.stack(guess[1:], dim=1), target[torch.stack(guess, dim=1)]
    kept, token = verify(guess, torch.stack(q, dim=1), p, random)
    return guess, kept, token, p


def three_tokens(target, draft, texts: int, resample: bool) -> torch.Tensor:
    rows, written = torch.arange(texts), torch.ones(texts, dtype=torch.long)
    tape = torch.zeros(texts, 10, dtype=torch.long)
    for _ in range(3):
        last = tape[rows, written - 1]
        guess, kept, token, p = markov_round(target, draft, last, guesses=2)
        if resample:
            whole = p[rows, kept].multinomial(1, generator=random)[:, 0]
            token = torch.where(kept < 2, whole, token)
        for offset in range(2):
            tape[rows, written + offset] = guess[:, offset]
        tape[rows, written + kept] = token
        written += kept + 1
    return tape[:, 1:4]


logits = 1.5 * torch.randn(8, 8, generator=random, dtype=torch.float64)
chain = logits.softmax(dim=1)
guesser = (logits + 0.9 * torch.randn(8, 8, generator=random)).softmax(dim=1)
expected = 40000 * chain[0][:, None, None] * chain[:, :, None] * chain[None]
common_triples = expected > 5
chances = []
for resample in (False, True):
    triples = three_tokens(chain, guesser, 40000, resample)
    counts = torch.bincount(triples @ torch.tensor([64, 8, 1]), minlength=512)
    seen, due = counts.view(8, 8, 8)[common_triples], expected[common_triples]
    seen = np.append(seen, 40000 - seen.sum())
    chances.append(chisquare(seen, np.append(due, 40000 - due.sum())).pvalue)
assert chances[0] > 0.001
assert chances[1] < 1e-6

# %%
# How many tokens a pass yields
# -----------------------------
# Left: two pairs of chains with the same acceptance; in one it lasts, so that easy and
# hard stretches alternate. Right: two drafts of the help texts, and several guesses for
# one word.


def draft_for(target: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """What to move from each row to its least likely token for an acceptance."""
    least = target.argmin(dim=1, keepdim=True)
    moved = (1 - alpha[:, None]) / (1 - target.gather(1, least))
    return (1 - moved) * target + moved * torch.zeros_like(target).scatter(1, least, 1)


def tokens_per_pass(draft: torch.Tensor, guesses: int) -> float:
    last, tokens = torch.randint(8, (500,), generator=random), []
    for _ in range(120):
        _, kept, last, _ = markov_round(halves, draft, last, guesses)
        tokens.append(kept.double().mean() + 1)
    return float(torch.stack(tokens[70:]).mean())


stays = (
    torch.eye(2, dtype=torch.float64).repeat_interleave(4, 0).repeat_interleave(4, 1)
)
halves = (logits + (stays - 0.5) * 12).softmax(dim=1)
halves = 0.98 * halves * stays / (halves * stays).sum(1, keepdim=True)
halves = halves + 0.02 * (1 - stays) / 4
alphas = torch.tensor([0.95] * 4 + [0.35] * 4, dtype=torch.float64)
even, uneven = draft_for(halves, alphas.mean().expand(8)), draft_for(halves, alphas)
assert torch.allclose(acceptance(halves, uneven), alphas)

counts = [1, 2, 4, 8]
formula = np.array([expected_tokens(0.65, guesses) for guesses in counts])
steady = np.array([tokens_per_pass(even, guesses) for guesses in counts])
varied = np.array([tokens_per_pass(uneven, guesses) for guesses in counts])
harmonic = [
    2 / sum(1 / expected_tokens(alpha, guesses) for alpha in (0.95, 0.35))
    for guesses in counts
]
assert np.abs(steady / formula - 1).max() < 0.02
assert np.abs(varied / harmonic - 1).max() < 0.06
assert varied[2] < 0.95 * formula[2]

kept = []
while len(text) < 500:
    text, count = speculate(target, good, text, 4, random)
    kept.append(count)
p = target(text, len(text))
several = {
    name: [
        float(sibling_acceptance(p, draft(text, len(text)), n).mean())
        for n in (1, 2, 3, 4)
    ]
    for name, draft in {"two words back": good, "one word back": poor}.items()
}

six = {  # guesses checked: a chain of six, or two and two after each
    name: (expected_tokens(one, 6), expected_tokens(two, 2))
    for name, (one, two, *_) in several.items()
}

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
fig.set_label(
    "Left: tokens per pass over the number of guesses. Points of an even draft lie on "
    "the curve of the formula; those of an uneven draft with the same mean lie below. "
    "Right: the chance that one of one to four guesses is kept, rising for both drafts."
)
curve = range(1, 9)
ax.plot(curve, [expected_tokens(0.65, n) for n in curve], color="0.5", label="formula")
ax.plot(counts, steady, "o", label="even draft")
ax.plot(counts, varied, "s", label="uneven draft")
ax.set(xlabel="guesses", ylabel="tokens per pass", ylim=(1, 3.2))
ax.legend(loc="lower right")
for marker, (name, values) in zip("os", several.items(), strict=True):
    right.plot([1, 2, 3, 4], values, marker + "-", label=name)
right.set(xlabel="guesses for one word", ylabel="one of them is kept", ylim=(0, 1))
right.set(xticks=[1, 2, 3, 4])
right.legend(loc="lower right")

# %%
# When guessing stops paying
# --------------------------
# Left: time of a matrix product for one to 32 tokens, relative to one token: what this
# computer took (points: the least of 25 rounds; bars reach to the median), and Llama 3
# 8B on an A100 by the clock. Right: the speed-up of four guesses by the same clock as
# requests join the batch, with little and with much in their caches.

weights = [torch.randn(1024, 1024) for _ in range(6)]
sizes, times = [1, 2, 3, 5, 9, 16, 32], []
for _ in range(25):
    row = []
    for size in sizes:
        x = torch.randn(size, 1024)
        start = perf_counter()
        for weight in weights:
            x = torch.tanh(x @ weight)
        row.append(perf_counter() - start)
    times.append(row)
ratios = np.array(times) / np.min(times, axis=0)[0]
least, usual = ratios.min(axis=0), np.median(ratios, axis=0)

requests = np.unique(np.geomspace(1, 1024, 60).round()).astype(int)
DRAFT_COST, CONTEXTS = 0.02, (100, 1000, 4000)
llama = Server(
    model=Decoder(
        layers=32,
        d_model=4096,
        heads=32,
        kv_heads=8,
        head_dim=128,
        d_ff=14336,
        vocab=128256,
    ),
    device=A100,
)


def gain(alpha: float, guesses: int, load: int, context: int) -> float:
    checking = checking_cost(llama, guesses + 1, load, context)
    return speedup(alpha, guesses, DRAFT_COST, checking)


assert gain(0.9, 7, 1, 1000) > 4
assert all(gain(0.9, guesses, 1024, 100) < 1 for guesses in range(1, 9))
assert gain(0.7, 4, 1024, 4000) > 1.4

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
fig.set_label(
    "Left: time of a pass over the tokens checked, level on the A100, and "
    "measured points of this computer. Right: speed-up over requests for contexts of "
    "100, 1000 and 4000 tokens; level up to some 20 requests, then falling below one "
    "for the two shorter contexts and staying above it for the longest."
)
spread = [np.zeros(len(sizes)), usual - least]
ax.errorbar(sizes, least, spread, fmt="o", capsize=3, label="this computer")
clock = [checking_cost(llama, size, 1, context=1000) for size in sizes]
ax.plot(sizes, clock, "C1", label="Llama 3 8B, A100")
ax.set(xlabel="tokens in a pass", ylabel="time (one token = 1)", ylim=(0, None))
ax.legend()
for context in CONTEXTS:
    gains = [gain(0.7, 4, load, context) for load in requests.tolist()]
    right.plot(requests, gains, label=f"context {context}")
right.axhline(1, color="0.5", ls=":")
right.set(xscale="log", xlabel="requests in the batch")
right.set(ylabel="speed-up", ylim=(0, None))
right.legend(loc="lower left")

measured = {
    "p_value": float(chances[0]),
    "p_value_wrong": float(chances[1]),
    "steady_4": float(steady[2]),
    "steady_worst": float(np.abs(steady / formula - 1).max()),
    "uneven_4": float(varied[2]),
    "uneven_4_share": float(varied[2] / formula[2]),
    "words_per_pass": float(np.mean(kept) + 1),
    "words_formula": expected_tokens(several["two words back"][0], 4),
    "good_1": several["two words back"][0],
    "good_4": several["two words back"][3],
    "poor_1": several["one word back"][0],
    "poor_4": several["one word back"][3],
    "good_chain": six["two words back"][0],
    "good_tree": six["two words back"][1],
    "poor_chain": six["one word back"][0],
    "poor_tree": six["one word back"][1],
    "t5_fastest": speedup(0.75, 7, draft_cost=0.02),
    "t5_slowest": speedup(0.53, 5, draft_cost=0.02),
    "alone": gain(0.7, 4, 1, 1000),
    "crowded": gain(0.7, 4, 1024, 1000),
    "crowded_long": gain(0.7, 4, 1024, 4000),
}

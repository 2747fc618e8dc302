"""
Speculative decoding: eight rounds of four guesses
==================================================

Both models have counted the words of Python's help texts. The target looks three words
back, the draft two. The title counts the passes of the target.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.inference.help_texts import help_words
from snippets.inference.speculative_decoding import speculate
from snippets.inference.word_models import WordModel, count_followers

random = torch.Generator().manual_seed(10)
ROUNDS, GUESSES, WIDTH = 8, 4, 49  # the width of a line in characters
words = help_words(50_000)
vocab = sorted(set(words))
number = {word: index for index, word in enumerate(vocab)}
followers = count_followers([number[word] for word in words], order=3)
target, draft = (WordModel(followers, order=n, vocab=len(vocab)) for n in (3, 2))
checked = []


def observed(text: torch.Tensor, last: int) -> torch.Tensor:
    checked.append(text.tolist())
    return target(text, last)


text, frames, tape = torch.tensor([number["the"]]), [], [("the", "0.5")]
for passes in range(ROUNDS):
    before = len(text)
    text, kept = speculate(observed, draft, text, GUESSES, random)
    guesses = [vocab[token] for token in checked[-1][before:]]
    frames.append((passes, tape + [(word, "0.5") for word in guesses]))
    green = [(word, "C2") for word in guesses[:kept]]
    orange = [(word, "C1") for word in guesses[kept:]]
    blue = (vocab[text[-1]], "C0")
    frames.append((passes + 1, [*tape, *green, *orange, blue]))
    tape = [*tape, *green, blue]
frames.append((ROUNDS, tape))
written, kept = len(text) - 1, len(text) - 1 - ROUNDS
assert len(checked) == ROUNDS
assert written > 2 * ROUNDS

fig, stage = plt.subplots(figsize=(6.2, 1.8))
fig.set_label(
    f"Animation of a text that grows in rounds: {GUESSES} gray guesses appear, some "
    "turn green and stay, the rest turn orange, are crossed out and vanish, and a blue "
    f"word of the target follows. At the end {kept} words are green and {ROUNDS} blue."
)


def draw(frame: tuple) -> None:
    passes, shown = frame
    stage.clear()
    stage.axis("off")
    stage.set(xlim=(0, WIDTH), ylim=(3.4, -0.7))
    looks = {"family": "monospace", "fontsize": 13, "va": "center"}
    x, y = 0, 0
    for word, color in shown:
        if x + len(word) > WIDTH:
            x, y = 0, y + 1
        stage.text(x, y, word, color=color, **looks)
        if color == "C1":
            stage.plot([x, x + len(word)], [y, y], color=color)
        x += len(word) + 1
    words = sum(color in ("C0", "C2") for _, color in shown)
    stage.set_title(f"passes of the target: {passes}     words: {words}", loc="left")


animation = FuncAnimation(fig, draw, frames, interval=900)

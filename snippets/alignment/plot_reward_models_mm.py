"""
Scores from comparisons by MM
=============================

A figure of :doc:`/alignment/reward_models`: five answers, seven pairs of them compared
20 times each, and the scores after each step of the MM algorithm.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.alignment.reward_models import fit_scores, mm_step

NAMES, STEPS = "ABCDE", 16
COUNTS = {"AB": 15, "AC": 16, "BC": 12, "BD": 15, "CD": 14, "CE": 16, "DE": 13}
wins = torch.zeros(5, 5)
for (first, second), count in COUNTS.items():
    wins[NAMES.index(first), NAMES.index(second)] = count
    wins[NAMES.index(second), NAMES.index(first)] = 20 - count
fitted, scores = fit_scores(wins), [torch.zeros(5, dtype=torch.float64)]
for _ in range(STEPS):
    scores.append(mm_step(scores[-1], wins))
off = torch.stack(scores).sub(fitted).abs().amax(dim=1)
needed = int((off < 0.02).nonzero()[0])
assert off[-1] < 0.02 < off[8]
assert (fitted.argsort(descending=True) == torch.arange(5)).all()

fig, (ax, side) = plt.subplots(
    1, 2, figsize=(6.8, 3.6), layout="constrained", width_ratios=[3, 2]
)
places = torch.tensor([0.0, 1.3, -1.1, 1.1, -0.3])
lines = {pair: ax.plot([], [], color="0.6", lw=1, zorder=1)[0] for pair in COUNTS}
notes = {pair: ax.text(0, 0, f"{n}:{20 - n}") for pair, n in COUNTS.items()}
for note in notes.values():
    note.set(fontsize="small", ha="left", va="bottom")
(dots,) = ax.plot(places, places, "o", ms=9, color="C0", zorder=2)
letters = [ax.text(0, 0, name, ha="center", va="bottom") for name in NAMES]
ax.set(xlim=(-1.6, 1.8), ylim=(-1.8, 1.9), xticks=[], ylabel="score")
side.barh(range(5), wins.sum(dim=1), color="0.5", alpha=0.35, label="won")
(marks,) = side.plot(range(5), range(5), "D", color="C1", label="expected")
side.set(yticks=range(5), yticklabels=NAMES, xlabel="comparisons", xlim=(0, 55))
side.invert_yaxis()
fig.legend(loc="outside lower right", ncols=2)


def update(step: int) -> None:
    now = scores[step]
    dots.set_ydata(now)
    for letter, place, score in zip(letters, places, now, strict=True):
        letter.set_position((place - 0.18, score))
    for (first, second), line in lines.items():
        ends = [NAMES.index(first), NAMES.index(second)]
        line.set_data(places[ends], now[ends])
        notes[first + second].set_position((places[ends].mean(), now[ends].mean()))
    games = (wins + wins.T) * (now[:, None] - now).sigmoid()
    marks.set_xdata(games.sum(dim=1))
    ax.set_title(f"after {step} steps")


animation = FuncAnimation(fig, update, range(STEPS + 1), interval=500)
update(STEPS)
told = ", ".join(f"{n} {s:.2f}" for n, s in zip(NAMES, fitted, strict=True))
fig.set_label(
    "Left: five answers as dots at the height of their scores, lines between those "
    f"that were compared. The scores start at 0 and end at {told}. Right: bars of "
    "wins, and marks for the expected wins, which end at the tips of the bars."
)
gap = fitted[0] - fitted[4]
measured = {"steps": needed, "gap": gap, "unseen": gap.sigmoid()}

"""
What the policy believes about four ads in two segments
=======================================================

Animation for :doc:`/recommenders/generative_advertising`: posterior densities of click
rates while Thompson sampling shows 6400 ads.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from scipy.stats import beta

from snippets.recommenders.ad_policies import FLAT, sampling
from snippets.recommenders.ad_worlds import simulate

RATES = np.array([[[0.02, 0.03, 0.05, 0.08], [0.06, 0.04, 0.03, 0.02]]])
SHOWN = (0, 100, 400, 1600, 6400)
GRID = np.linspace(0, 0.15, 151)


def counts(shown):
    """Clicks and misses; a longer run begins like a shorter one."""
    if not shown:
        return np.zeros((2, *RATES[0].shape))
    run = simulate(RATES, sampling(FLAT), impressions=shown, batch=50, seed=3)
    return np.stack([run.clicks[0], run.shows[0] - run.clicks[0]])


history = [counts(shown) for shown in SHOWN]
fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.5), layout="constrained", sharey=True)
lines = []
for segment, ax in enumerate(axes):
    for ad, style in enumerate(("-", "--", "-.", ":")):
        (line,) = ax.plot(
            GRID, 0 * GRID, f"C{ad}", linestyle=style, label=f"ad {ad + 1}"
        )
        ax.plot(RATES[0, segment, ad], 1.06, f"C{ad}v", markersize=5)
        lines.append(line)
    ax.set(xlabel="click rate", ylim=(0, 1.15), yticks=[0, 1])
    ax.set_title(f"segment {segment + 1}")
axes[0].set_ylabel("density, largest = 1")
axes[1].legend(loc="center right")
text = axes[0].text(0.98, 0.5, "", transform=axes[0].transAxes, ha="right")


def draw(frame):
    clicks, misses = history[frame].reshape(2, -1)
    for line, hits, fails in zip(lines, clicks, misses, strict=True):
        density = beta.pdf(GRID, 1 + hits, 1 + fails)
        line.set_ydata(density / density.max())
    text.set_text(f"{SHOWN[frame]} shown")
    return [*lines, text]


draw(len(SHOWN) - 1)
frames = [*range(len(SHOWN)), len(SHOWN) - 1]  # the last one stays longer
animation = FuncAnimation(fig, draw, frames=frames, interval=1200)
shows = history[-1].sum(axis=0).astype(int)
best = RATES[0].argmax(axis=1)
share = shows[[0, 1], best] / shows.sum(axis=1)
fig.set_label(
    "All densities of the click rates begin flat. After 6400 impressions, the four ads "
    f"were shown {', '.join(map(str, shows[0]))} times in segment 1, where ad 4 is "
    f"best, and {', '.join(map(str, shows[1]))} times in segment 2, where ad 1 is. Ads "
    "that were shown often have narrow densities near their true rates."
)
measured = {"share_1": share[0], "share_2": share[1]}
assert (shows.argmax(axis=1) == best).all()

"""
Attention residuals bound the layer inputs; the error falls by a percent
========================================================================

Networks with twelve feed-forward layers, connected in four ways and trained alike: the
length of each layer's input, and the test error relative to the residual network with
the same seed and task (:doc:`/attention/attention_residuals`).
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.depth_regression import (
    CONNECTIONS,
    LAYERS,
    new_weights,
    test,
    train,
)

STEPS = 128

results = {name: test(name, train(name, STEPS)) for name in CONNECTIONS}
untrained = {name: test(name, new_weights())[1] for name in CONNECTIONS}
growth = {name: lengths[-1] / lengths[0] for name, (_, lengths) in results.items()}
assert growth["residual"] > 5 > 3 > growth["block"] > 1.2 > growth["full"]

fig, ax = plt.subplots()
for color, name in enumerate(("residual", "full", "block")):
    style = {"color": f"C{color}"}
    ax.plot(range(1, LAYERS + 1), results[name][1], "o-", label=name, **style)
    ax.plot(range(1, LAYERS + 1), untrained[name], "--", **style)
ax.set(xlabel="layer", ylabel="length of its input", ylim=(0, None))
ax.legend()
ends = [f"{results[name][1][-1]:.0f}" for name in ("residual", "block", "full")]
fig.set_label(
    "Length of the input of each of twelve layers, means of nine runs. After training "
    f"(solid) it is {ends[0]} at the last layer of the residual network, {ends[1]} "
    f"with blocks and {ends[2]} in the full form. Before training (dashed) the "
    "residual line rises, too, and the two others fall."
)

errors = {name: error for name, (error, _) in results.items()}
base = errors.pop("residual")
longer = train("residual", STEPS * 5 // 4)
errors["residual, 1.25 x steps"] = test("residual", longer)[0]
ratio = {name: np.array(error / base).ravel() for name, error in errors.items()}
mean = {name: values.mean() for name, values in ratio.items()}
assert mean["block"] < mean["full"] < mean["static"] < 1
assert mean["residual, 1.25 x steps"] < mean["block"]
assert max(values.max() for values in ratio.values()) < 1

fig, ax = plt.subplots(figsize=(6.4, 2.8))
for at, (name, values) in enumerate(ratio.items()):
    ax.plot(100 * (values - 1), np.full(len(values), at), "o", alpha=0.4, ms=8)
    ax.plot(100 * (mean[name] - 1), at, "|", color="0.5", ms=22)
ax.axvline(0, color="0.5", ls=":")
ax.set_yticks(range(len(ratio)), labels=ratio)
ax.set(ylim=(len(ratio) - 0.5, -0.5))
ax.set_xlabel("test error, relative to the residual network (%)")
shown = ", ".join(f"{name} {100 * (value - 1):.1f} %" for name, value in mean.items())
fig.set_label(
    "Nine points for each of four networks: the change of the test error relative to "
    f"the residual network after {STEPS} steps. Means: {shown}."
)

measured = {f"growth_{name}": growth[name] for name in ("residual", "full", "block")}
measured |= {f"gain_{name}": 1 - mean[name] for name in ("full", "block", "static")}
measured["gain_longer"] = 1 - mean["residual, 1.25 x steps"]
measured["block_wins"] = (ratio["block"] < ratio["full"]).sum()
measured["before_full"] = untrained["full"][-1] / untrained["full"][0]

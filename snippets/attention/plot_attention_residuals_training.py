"""
The sums to which layers add, with and without blocks
=====================================================

Networks with twelve feed-forward layers, connected in two ways and trained alike:
lengths of layer inputs, and of the running sums to which layers add their outputs
(:doc:`/attention/attention_residuals`).
"""

import matplotlib.pyplot as plt
import torch

from snippets.attention import depth_regression as task

STEPS, BLOCK = 448, 4

trained = {name: task.train(name, STEPS) for name in ("residual", "block")}
inputs = {name: task.test(name, weights)[1] for name, weights in trained.items()}
kinds = ("residual", "block", "full")
untrained = {name: task.test(name, task.new_weights())[1] for name in kinds}
growth = {name: lengths[-1] / lengths[0] for name, lengths in inputs.items()}
assert growth["residual"] > 5 > 3 > growth["block"]

# %%
# A layer adds to the residual stream, or to the sum of its block
# ---------------------------------------------------------------


@torch.no_grad()
def sum_lengths(name: str) -> torch.Tensor:
    """Mean length of the running sum after each layer."""
    x, _ = task.examples(500, torch.Generator().manual_seed(2))
    sources = torch.stack(task.run(name, trained[name], x).sources)
    if name == "block":
        blocks = sources[1:].unflatten(0, (-1, BLOCK))
        return blocks.cumsum(dim=1).flatten(0, 1).norm(dim=-1).mean(dim=(1, 2))
    return sources.cumsum(dim=0)[1:].norm(dim=-1).mean(dim=(1, 2))


sums = {name: sum_lengths(name) for name in trained}
rounds = sums["block"].view(-1, BLOCK)
assert (rounds.diff(dim=1) > 0).all()
assert (rounds[:-1, -1] > 2 * rounds[1:, 0]).all()
assert rounds[:, -1].max() < 1.5 * rounds[:, -1].min()
assert (sums["residual"].diff() > 0).all()

at = range(1, task.LAYERS + 1)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 4))
for color, name in enumerate(kinds):
    style = {"color": f"C{color}"}
    left.plot(at, untrained[name], "--", label=f"{name}, before", **style)
    if name in trained:
        left.plot(at, inputs[name], "o-", label=f"{name}, after", **style)
        right.plot(at, sums[name], "o-", **style)
left.set(xlabel="layer", ylabel="length of its input", ylim=(0, None))
right.set(xlabel="layer", ylabel="length of the sum after it", ylim=(0, None))
for ax in (left, right):
    ax.set_xticks([1, 4, 8, 12])
fig.legend(loc="outside upper center", ncols=3)
ends = [f"{inputs[name][-1]:.0f}" for name in trained]
peaks = ", ".join(f"{length:.0f}" for length in rounds[:, -1])
fig.set_label(
    "Left: length of the input of each of twelve layers. At the last layer it is "
    f"{ends[0]} in the residual network and {ends[1]} with blocks. Before training "
    "(dashed), the lines of blocks and of the full form fall. Right: length of the "
    "sum that layers add to. The residual stream grows from "
    f"{sums['residual'][0]:.0f} to {sums['residual'][-1]:.0f}. The sums of blocks rise "
    f"to {peaks} and fall back where the next block begins."
)
measured = {f"growth_{name}": ratio for name, ratio in growth.items()}
measured |= {f"peak_{i}": rounds[i - 1, -1] for i in (1, 2, 3)}
measured |= {"valley_2": rounds[1, 0], "valley_3": rounds[2, 0]}
measured |= {"stream_1": sums["residual"][0], "stream_12": sums["residual"][-1]}
measured["before_full"] = untrained["full"][-1] / untrained["full"][0]

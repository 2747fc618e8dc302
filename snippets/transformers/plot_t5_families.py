"""
Which tokens an encoder, a decoder, and an encoder-decoder may read
===================================================================

Figure for :doc:`/transformers/index`: which outputs of three models with random weights
change with which inputs.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import ListedColormap
from torch import Tensor, nn

from snippets.transformers.bert import Bert
from snippets.transformers.t5 import T5, initialize
from snippets.transformers.transformer_block import GPT2Block

torch.manual_seed(0)
WIDTH, SEQ, INPUT = 16, 6, 5


def depends(outputs: Tensor, *read: Tensor) -> Tensor:
    """True where an output changes with an input; one row for each output.

    The sine is there because the plain sum of a normalized vector is constant.
    """
    rows = []
    for output in outputs[0]:
        found = torch.autograd.grad(output.sin().sum(), read, retain_graph=True)
        rows.append(torch.cat([grad[0].abs().sum(-1) > 0 for grad in found]))
    return torch.stack(rows)


def inputs(seq: int) -> Tensor:
    return torch.randn(1, seq, WIDTH, requires_grad=True)


x = inputs(SEQ)
bert = Bert(vocab=9, positions=SEQ, d_model=WIDTH, heads=2, d_ff=32, layers=2)
blocks = nn.Sequential(*[GPT2Block(d_model=WIDTH, heads=2) for _ in range(2)])
sizes = {"d_model": WIDTH, "heads": 2, "head_dim": 8, "d_ff": 32, "layers": 2}
t5 = initialize(T5(vocab=9, **sizes))
state = x
for block in bert.blocks:
    state = block(state)
source, target = inputs(INPUT), inputs(SEQ)
memory = t5.encoder(source)
maps = {
    "encoder (BERT)": depends(state, x),
    "decoder (GPT-2)": depends(blocks(x), x),
    "encoder-decoder (T5)": depends(t5.decoder(target, memory=memory), source, target),
}
encoder, decoder, both = maps.values()
assert encoder.all()
assert (decoder == torch.ones(SEQ, SEQ).tril().bool()).all()
assert both[:, :INPUT].all()
assert (both[:, INPUT:] == decoder).all()

ratios = [SEQ, SEQ, INPUT + SEQ]
fig, axes = plt.subplots(
    1, 3, figsize=(6.6, 2.3), layout="constrained", width_ratios=ratios
)
for ax, (name, cells) in zip(axes, maps.items(), strict=True):
    image = torch.where(cells, 1.0, torch.nan)
    ax.pcolormesh(image, cmap=ListedColormap(["C0"]), edgecolors="0.6", lw=0.5)
    ax.set(aspect="equal", xticks=[], yticks=[], xlabel="reads", ylim=(SEQ, 0))
    ax.set_title(name, fontsize=10)
axes[0].set_ylabel("output at")
axes[2].axvline(INPUT, color="C1", lw=2)
fig.set_label(
    "Three tables of outputs and inputs, a filled cell where an output depends on an "
    f"input. Encoder: all {SEQ} by {SEQ} cells. Decoder: the lower triangle. "
    f"Encoder-decoder: all {INPUT} inputs at the left of a line, and at its right the "
    "lower triangle of what the decoder reads, a start token and the outputs before."
)

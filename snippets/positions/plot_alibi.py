"""
ALiBi: how far each head looks, and texts longer than in training
=================================================================

Figures for :doc:`/positions/alibi`: the weights that the slopes leave, and two readers
that were trained on short texts and read long ones.
"""

import matplotlib.pyplot as plt
import torch
from torch.distributions import Dirichlet
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from snippets.positions.alibi import alibi_bias, mean_distance, slopes
from snippets.positions.positional_encodings import Alibi, Reader, Sinusoidal

torch.manual_seed(1)

# %%
# How far a head looks
# --------------------
# Weights of eight heads where all scores are equal, in a long text. The dot is the
# mean distance; its number is the head's.

weights = alibi_bias(slopes(8), 1, 4000)[:, 0].softmax(dim=-1).flip(-1)
reach = mean_distance(slopes(8))

fig, ax = plt.subplots()
for head, (weight, mean) in enumerate(zip(weights, reach, strict=True)):
    color = f"C{head % 6}"
    ax.loglog(range(1, 2001), weight[1:2001], color=color)
    height = weight[round(mean.item())].item()
    ax.plot(mean, height, "o", color=color)
    ax.text(mean * 1.25, height * 1.1, head + 1, color=color)
ax.set(xlabel="distance (positions)", ylabel="weight", ylim=(3e-5, 0.6))
fig.set_label(
    "Eight falling lines of weight over distance, both logarithmic. Head 1 has most "
    "weight next to the query and is gone after ten positions; each further head "
    "starts at about half and reaches twice as far, the last one hundreds."
)

# %%
# Short texts, long texts
# -----------------------
# In a language of eight symbols the next one depends on the two before. Readers learn
# it from texts of 16 or 32 symbols and read texts of 64. What they lose is the
# divergence from the true probabilities: zero is perfect.

SHORT, LONG = 16, 64
language = Dirichlet(torch.full((8,), 0.1)).sample((8, 8))


def texts(count: int, length: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    text = torch.randint(8, (count, length), generator=random)
    thresholds = language.cumsum(-1)[..., :-1]
    for t in range(2, length):
        dice = torch.rand(count, 1, generator=random)
        text[:, t] = (dice > thresholds[text[:, t - 2], text[:, t - 1]]).sum(1)
    return text


def trained(scheme, length: int) -> Reader:
    torch.manual_seed(0)
    reader = Reader(scheme, tokens=8, outputs=8, d_model=32, heads=4)
    optimizer = torch.optim.Adam(reader.parameters(), lr=1.5e-2, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-2, total_steps=300)
    size = 16 * SHORT // length  # as many symbols in a step, whatever their length
    for batch in texts(300 * size, length + 1, seed=0).split(size):
        optimizer.zero_grad()
        guess = reader(batch[:, :-1]).transpose(1, 2)
        cross_entropy(guess, batch[:, 1:]).backward()
        optimizer.step()
        schedule.step()
    return reader


held_out = texts(256, LONG, seed=1)
truth = language[held_out[:, :-1], held_out[:, 1:]]  # (samples, seq - 1, symbols)


@torch.no_grad()
def lost(reader: Reader) -> torch.Tensor:
    guess = reader(held_out).log_softmax(-1)[:, 1:]
    return (torch.xlogy(truth, truth) - truth * guess).sum(-1).mean(0)


class NearAlibi(Alibi):
    """The same, but no key is seen from farther than the trained length."""

    def attend(self, query, key, value):
        _, heads, seq, _ = query.shape
        bias = alibi_bias(slopes(heads), seq, seq)
        far = torch.ones(seq, seq, dtype=torch.bool).tril(-SHORT)
        bias = bias.masked_fill(far, -torch.inf).expand(len(query), -1, -1, -1)
        return scaled_dot_product_attention(query, key, value, attn_mask=bias)


alibi = trained(Alibi(), SHORT)
readers = {
    "sinusoidal, from 16": lost(trained(Sinusoidal(), SHORT)),
    "sinusoidal, from 32": lost(trained(Sinusoidal(), 2 * SHORT)),
    "ALiBi, from 16": lost(alibi),
}
alibi.scheme = NearAlibi()
near = lost(alibi)

seen, double = slice(SHORT // 2, SHORT - 1), slice(SHORT, 2 * SHORT - 1)
beyond = slice(3 * SHORT, None)
sinus, sinus_double, straight = readers.values()
assert sinus[seen].mean() < 0.5
assert sinus[beyond].mean() > sinus[seen].mean() + 1
assert straight[beyond].mean() < straight[seen].mean() + 0.15
assert sinus_double[beyond].mean() > sinus_double[double].mean() + 1
assert sinus_double[double].mean() < straight[double].mean() - 0.03
assert abs(near[beyond].mean() - straight[seen].mean()) < 0.1

fig, ax = plt.subplots()
for color, (name, losses) in zip(("C1", "C2", "C0"), readers.items(), strict=True):
    ax.plot(range(2, LONG + 1), losses, color=color, label=name)
for length in (SHORT, 2 * SHORT):
    ax.axvline(length, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="lost (nats)", ylim=(0, None))
ax.legend(loc="center right", bbox_to_anchor=(1, 0.42))
fig.set_label(
    "Lost nats over positions to 64. Sinusoidal readers are near "
    f"{sinus[seen].mean():.1f} up to the length they were trained at, 16 or 32, and "
    f"jump there, to {sinus[beyond].mean():.1f} beyond 48 for the shorter. ALiBi, "
    f"trained at 16, has {straight[seen].mean():.2f} before 16 and "
    f"{straight[beyond].mean():.2f} beyond 48."
)

measured = {
    "seen": straight[seen].mean().item(),
    "beyond": straight[beyond].mean().item(),
    "change": (straight[beyond].mean() - straight[seen].mean()).item(),
    "near": near[beyond].mean().item(),
    "double": straight[double].mean().item(),
    "sinusoidal_seen": sinus[seen].mean().item(),
    "sinusoidal_beyond": sinus[beyond].mean().item(),
    "sinusoidal_change": (sinus[beyond].mean() - sinus[seen].mean()).item(),
    "sinusoidal_double": sinus_double[double].mean().item(),
}

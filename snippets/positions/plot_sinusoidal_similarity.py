"""
The dot product depends on the offset, and one matrix moves its peak
====================================================================

Dot products of the encoding of position 100 with those around it. See
:doc:`/positions/sinusoidal`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.sinusoidal import shift_matrix, similarity, sinusoidal

D_MODEL, BACK = 64, 3
encoding = sinusoidal(torch.arange(200.0).double(), D_MODEL)
moved = encoding @ shift_matrix(-BACK, D_MODEL).mT
offset = torch.arange(-40, 41)
plain, shifted = (query[100] @ encoding.mT for query in (encoding, moved))
assert torch.allclose(plain[100 + offset], similarity(offset, D_MODEL))
best = (moved @ encoding.mT).argmax(1)
assert (best[BACK:] == torch.arange(200 - BACK)).all()
measured = {"gap": plain[100] - plain[101]}
measured["gap_100"] = 100 * measured["gap"] / D_MODEL**0.5  # of scores, query times 100

fig, ax = plt.subplots()
ax.plot(offset, plain[100 + offset], label="query: PE(p)")
ax.plot(offset, shifted[100 + offset], "--", label=f"query: PE(p - {BACK})")
ax.set(xlabel="key position minus query position", ylabel="dot product")
ax.legend()
fig.set_label(
    f"Two equal curves of dot product over offset, one shifted by {BACK}: a peak of "
    f"{plain[100]:.0f} at offset 0 for the encoding itself and at minus {BACK} for the "
    f"moved one, falling with small waves to {plain[140]:.0f} at offset 40."
)

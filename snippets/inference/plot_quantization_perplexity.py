"""
Quantization: perplexity of a small language model over bits
============================================================

A decoder with four layers of width 64 predicts letters of Python's help texts. All of
its linear layers but the head are rounded in groups of 32. One trained model; guessing
has a perplexity of 30. GPTQ records 64 passages of 48 letters.
"""

from io import BytesIO

import matplotlib.pyplot as plt
import torch

from snippets.inference.letter_models import trained_decoder, training_letters
from snippets.inference.quantization import dequantize, gptq, round_to_nearest
from snippets.inference.quantized_model import (
    dynamic_int8,
    perplexity,
    quantized,
    record_inputs,
)
from snippets.inference.tiny_decoder import TinyDecoder

torch.manual_seed(0)
torch.set_num_threads(1)

letters = training_letters()
model = trained_decoder(letters[:180_000])
unseen = letters[180_000 : 180_000 + 49 * 300].view(300, 49)
recorded = record_inputs(model, letters[: 64 * 48].view(64, 48))
full, found = perplexity(model, unseen), {"RTN": {}, "GPTQ": {}}
for bits in (4, 3, 2):
    sizes = {"group": 32, "bits": bits}
    for name, rounding in {
        "RTN": lambda w, _, s=sizes: dequantize(round_to_nearest(w, **s)),
        "GPTQ": lambda w, inputs, s=sizes: dequantize(gptq(w, inputs, **s)),
    }.items():
        found[name][bits] = perplexity(quantized(model, recorded, rounding), unseen)

# %%
# PyTorch's 8 bits, saved and loaded again:

file = BytesIO()
torch.save(dynamic_int8(model).state_dict(), file)
small = file.tell()
file.seek(0)
loaded = dynamic_int8(TinyDecoder(model.sizes))
loaded.load_state_dict(torch.load(file))
eight = perplexity(loaded, unseen)
torch.save(model.state_dict(), file := BytesIO())
assert found["GPTQ"][3] - full < 0.3 * (found["RTN"][3] - full)
assert found["GPTQ"][2] - full < 0.7 * (found["RTN"][2] - full)
assert abs(eight / full - 1) < 0.01

fig, ax = plt.subplots(figsize=(6.2, 3))
for marker, (name, row) in zip("os", found.items(), strict=True):
    ax.plot(row.keys(), row.values(), marker + "-", label=name)
ax.plot(8, eight, "D", color="C2", label="torch.ao, 8 bits")
ax.axhline(full, color="0.5", ls=":")
ax.set(xlabel="bits", ylabel="perplexity", xticks=(2, 3, 4, 8))
ax.legend()
fig.set_label(
    f"Perplexity over bits; a dotted line at {full:.2f} is the model before rounding. "
    + " ".join(
        f"{name}: " + ", ".join(f"{b} bits {v:.2f}" for b, v in row.items()) + "."
        for name, row in found.items()
    )
    + f" PyTorch with 8 bits: {eight:.2f}."
)
measured = {"full": full, "eight": eight, "file": small / file.tell()}
measured |= {f"GPTQ_{bits}": found["GPTQ"][bits] for bits in (4, 3, 2)}
measured |= {f"RTN_{bits}": found["RTN"][bits] for bits in (3, 2)}

"""
Quantization: a checkpoint quantized, saved, loaded and measured
================================================================

torchao rounds the six linear layers of a small language model to 8 bits and to 4, and
saves it; the file is loaded into a new model. Perplexity on unseen text, one model.
"""

from io import BytesIO

import matplotlib.pyplot as plt
import torch
from torchao.quantization import Int8WeightOnlyConfig, IntxWeightOnlyConfig
from torchao.quantization.granularity import PerGroup

from snippets.inference.quantized_checkpoint import load_quantized, save_quantized
from snippets.inference.quantized_model import perplexity
from snippets.inference.spelled_words import draw_texts, help_language, trained_speller
from snippets.inference.tiny_decoder import TinyDecoder

torch.manual_seed(0)
torch.set_num_threads(1)

language = help_language(100)
texts, unseen = (draw_texts(language, count, 33) for count in (6000, 500))
model = trained_speller(texts, steps=360)
torch.save(model.state_dict(), plain := BytesIO())
found = {"32 bits": (plain.tell() / 1000, perplexity(model, unseen))}
four = IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(32))
for name, config in {"8 bits": Int8WeightOnlyConfig(), "4 bits": four}.items():
    save_quantized(model, config, file := BytesIO())
    size = file.tell() / 1000
    file.seek(0)
    loaded = load_quantized(TinyDecoder(model.sizes), file)
    found[name] = size, perplexity(loaded, unseen)
(size_32, full), (size_8, eight), (size_4, small) = found.values()
assert size_8 < size_4 < 0.5 * size_32  # torchao keeps a 4-bit code in a byte here
assert abs(eight / full - 1) < 0.002
assert abs(small / full - 1) < 0.03

fig, ax = plt.subplots(figsize=(6.2, 2.4))
ax.barh(list(found), [size for size, _ in found.values()], color="C0")
for row, (size, value) in enumerate(found.values()):
    ax.text(size + 3, row, f"perplexity {value:.3f}", va="center")
ax.set(xlabel="file (kB)", xlim=(0, 1.4 * size_32))
ax.invert_yaxis()
fig.set_label(
    "Sizes of three files, and the perplexity of the model loaded from each: "
    + "; ".join(
        f"{name} {size:.0f} kB and {value:.3f}" for name, (size, value) in found.items()
    )
    + "."
)
measured = {"file_8": size_8 / size_32, "file_4": size_4 / size_32}
measured |= {"saved_32": full, "saved_8": eight, "saved_4": small}

"""
An image and a text as one sequence
===================================

A figure of :doc:`/generative/vision_language_models`: the tokens of one example, its
labels, and which position predicts which label.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative import captioned_shapes as task
from snippets.generative.image_placeholders import answer_labels, expand_placeholders
from snippets.generative.shapes import caption
from snippets.generative.visual_tokens import visual_tokens

images, kind = task.draw_images("test", torch.Generator().manual_seed(0))
image, text = images[1], task.TEXTS[kind[1]]
short = torch.cat([torch.tensor([task.IMAGE]), text])
answered = torch.arange(len(short)) > task.PROMPT
labels = answer_labels(short, answered)
ids, labels = expand_placeholders(short, labels, [task.VISUAL], task.IMAGE)

fig = plt.figure(figsize=(7, 3.9), layout="constrained")
above, below = fig.subfigures(2, height_ratios=[1, 1.7])
ax = above.subplots()
ax.imshow(image.clamp(0, 1).permute(1, 2, 0), extent=(0, 4, 4, 0))
for line in (1, 2, 3):
    width = 2 if line == 2 else 0.5
    ax.axhline(line, color="w", linewidth=width)
    ax.axvline(line, color="w", linewidth=width)
for number in range(task.VISUAL):
    place = (2 * (number % 2) + 0.15, 2 * (number // 2) + 0.2)
    ax.text(*place, str(number), color="w", va="top")
ax.set(xticks=[], yticks=[])
ax = below.subplots()
for t, (token, label) in enumerate(zip(ids.tolist(), labels.tolist(), strict=True)):
    seen = token == task.IMAGE
    name = str(t) if seen else task.WORDS[token]
    shade = (0.5, 0.5, 0.5, 0.4 if seen else 0)
    box = {"boxstyle": "square", "facecolor": shade, "edgecolor": "0.5"}
    style = {"ha": "center", "va": "bottom", "rotation": 90}
    ax.text(t, 1.55, name, bbox=box, **style)
    has_label = label >= 0
    shown = task.WORDS[label] if has_label else "-100"
    ax.text(t, 0, shown, color="C0" if has_label else "0.5", **style)
    if has_label:
        arrow = {"arrowstyle": "->", "color": "C0"}
        ax.annotate("", (t, 1), (t - 1, 1.42), arrowprops=arrow)
ax.text(-1, 1.55, "token", ha="right")
ax.text(-1, 0, "label", ha="right")
ax.set(xlim=(-2.5, len(ids) - 0.5), ylim=(0, 2.6))
ax.axis("off")
words = [task.WORDS[label] for label in labels if label >= 0]
fig.set_label(
    f"An image of a {caption(task.KINDS[kind[1]]).split(',')[0]}, with thin lines "
    f"around 16 patches and thick lines around the four visual tokens 0 to 3. Below, "
    f"{len(ids)} tokens: the visual tokens, the prompt, the caption. Image and prompt "
    f"have the label -100; the words {' '.join(words)} are their own labels. An arrow "
    "leads to each label from the token before."
)
measured = {"tile": visual_tokens(448, 448, 14, factor=2)}
assert len(words) == len(text) - task.PROMPT

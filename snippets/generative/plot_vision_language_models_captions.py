"""
What stage 1 needs from the language model
==========================================

Two figures of :doc:`/generative/vision_language_models`: exact captions of new images
with two kinds of language models, and four captions.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative import captioned_shapes as task
from snippets.generative import captioner_training as training
from snippets.generative.caption_encoder import make_pool, train_encoders
from snippets.generative.vision_language_models import answer

SEEDS, TEXT, ALIGN, TUNE, EVERY = 3, 220, 200, 160, 20
HINTS, REST = slice(0, SEEDS), slice(SEEDS, None)
encoders = train_encoders(SEEDS, 500)
groups = [training.untrained(range(s, s + SEEDS)) for s in (0, 10)]
text_loss = [
    torch.stack([*training.learn_text(group.lm, hinted, TEXT)])[-20:].mean()
    for group, hinted in zip(groups, (True, False), strict=True)
]
both = training.together(*groups)
known, new = (make_pool(encoders * 2, new=n, seed=n) for n in (0, 1))
images = task.draw_images(True, torch.Generator().manual_seed(1)).images[:4]
prompt = torch.tensor([[task.IMAGE] * task.VISUAL + task.tokens("describe :")] * 4)


def captions():  # by the first model
    rows = answer(training.assemble(encoders[0], both, 0), images, prompt, 5).tolist()
    return [" ".join(task.WORDS[i] for i in row).replace(" , ", ",\n") for row in rows]


scores, written = [training.exact(both, new)], [captions()]
for steps, rate, train_lm in ((ALIGN, 1e-2, False), (TUNE, 2e-3, True)):
    stage = training.learn_captions(both, known, steps, rate, train_lm=train_lm)
    for step, _ in enumerate(stage, 1):
        if step % EVERY == 0:
            scores.append(training.exact(both, new))
    written.append(captions())
scores = torch.stack(scores)
before, aligned, tuned = scores[0], scores[ALIGN // EVERY], scores[-1]
other = new.features.unflatten(-1, (4, -1)).transpose(-1, -2).flatten(-2)
permuted = training.exact(both, new._replace(features=other))[HINTS]

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
marks = range(0, ALIGN + TUNE + 1, EVERY)
ax.plot(marks, scores[:, HINTS], "C0")[0].set_label("learned with hints")
ax.plot(marks, scores[:, REST], "C1--")[0].set_label("learned without hints")
ax.axvline(ALIGN, color="0.5", linestyle=":")
ax.text(0, 1.04, "stage 1: projector")
ax.text(ALIGN, 1.04, " stage 2: both trained")
ax.set(xlabel="updates", ylabel="exact captions", ylim=(0, 1.14))
ax.legend(loc="center right")
learned, rest = (
    ", ".join(f"{x[part].mean():.2f}" for x in (before, aligned, tuned))
    for part in (HINTS, REST)
)
when = "mean of three runs before stage 1, after it, and after stage 2"
fig.set_label(f"Exact captions, {when}. With hints: {learned}; without: {rest}.")
# %% Four captions
fig, axes = plt.subplots(1, 4, figsize=(7.2, 3), layout="constrained")
for ax, image, first, second in zip(axes, images, *written[:2], strict=True):
    ax.imshow(image.clamp(0, 1).permute(1, 2, 0))
    ax.set(xticks=[], yticks=[], title=first, xlabel=second)
pairs = "; ".join(f"{a}, then {b}" for a, b in zip(*written[:2], strict=True))
pairs = pairs.replace("\n", " ")
fig.set_label(f"Four images, a caption above and one below: {pairs}.")
measured = {"before": before[HINTS].max(), "permuted": permuted.max()}
measured |= {"aligned": aligned[HINTS].mean(), "aligned_low": aligned[HINTS].min()}
measured |= {"tuned": tuned[HINTS].mean(), "tuned_low": tuned[HINTS].min()}
measured |= {"stalled": aligned[REST].max(), "late": tuned[REST].max()}
measured |= dict(zip(("text_hints", "text_alone"), text_loss, strict=True))
sizes = [sum(w[0].numel() for w in part.values()) for part in both]
measured |= dict(zip(("projector_weights", "lm_weights"), sizes, strict=True))
assert min(measured["aligned_low"] - 0.85, measured["tuned_low"] - 0.93) > 0
assert max(before[HINTS].max(), *permuted, *aligned[REST]) < 0.15
assert (scores[5:10, REST] - aligned[REST]).abs().max() < 0.05  # level

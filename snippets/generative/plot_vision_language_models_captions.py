"""
What stage 1 needs from the language model
==========================================

Two figures of :doc:`/generative/vision_language_models`: exact captions of new images,
for language models that learned to read hints and for others; and captions of four
new images, before and after stage 1.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative import captioned_shapes as task
from snippets.generative import captioner_training as training
from snippets.generative.vision_language_models import answer

SEEDS, ENCODER, TEXT, ALIGN, TUNE, EVERY = 3, 500, 220, 240, 160, 20
SHOWN, HINTS = [0, 1, 2, 3], slice(0, SEEDS)
encoders = training.train_encoders(SEEDS, ENCODER)
groups = [training.untrained(range(s, s + SEEDS)) for s in (0, 10)]
text_loss = [
    torch.stack([*training.learn_text(group.lm, hinted, TEXT)])[-20:].mean()
    for group, hinted in zip(groups, (True, False), strict=True)
]
both = training.together(*groups)
known, new = (training.make_pool(encoders * 2, new=n, seed=n) for n in (0, 1))
images = task.draw_images(True, torch.Generator().manual_seed(1)).images[SHOWN]
prompt = torch.tensor([[task.IMAGE] * task.VISUAL + task.tokens("describe :")] * 4)


def captions():
    """What the first model writes, without the last word."""
    model = training.assemble(encoders[0], both, 0)
    rows = answer(model, images, prompt, 5).tolist()
    return [" ".join(task.WORDS[i] for i in row).replace(" ,", ",") for row in rows]


marks, scores, written = [0], [training.exact(both, new)], [captions()]
for steps, rate, train_lm in ((ALIGN, 1e-2, False), (TUNE, 2e-3, True)):
    stage = training.learn_captions(both, known, steps, rate, train_lm=train_lm)
    for step, _ in enumerate(stage, 1):
        if step % EVERY == 0:
            marks.append(marks[-1] + EVERY)
            scores.append(training.exact(both, new))
    written.append(captions())
scores = torch.stack(scores)
before, aligned, tuned = scores[0], scores[ALIGN // EVERY], scores[-1]
other = new.features.unflatten(-1, (4, -1)).transpose(-1, -2).flatten(-2)
permuted = training.exact(both, new._replace(features=other))[HINTS]

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
ax.plot(marks, scores[:, HINTS], "C0")[0].set_label("learned with hints")
ax.plot(marks, scores[:, SEEDS:], "C1--")[0].set_label("learned without hints")
ax.axvline(ALIGN, color="0.5", linestyle=":")
for x, name in ((0, "stage 1: projector"), (ALIGN, " stage 2: and language model")):
    ax.text(x, 1.04, name)
ax.set(xlabel="updates", ylabel="exact captions", ylim=(0, 1.14))
ax.legend(loc="center left", bbox_to_anchor=(0.02, 0.42))
rows = (before, aligned, tuned)
learned, not_learned = (
    ", ".join(f"{row[part].mean():.2f}" for row in rows)
    for part in (HINTS, slice(SEEDS, None))
)
fig.set_label(
    "Share of exact captions, mean of three runs before stage 1, after it, and after "
    f"stage 2. With hints: {learned}. Without: {not_learned}; these three stay near "
    "the bottom in stage 1 and rise, at different speed, in stage 2."
)

# %% Four captions
fig, axes = plt.subplots(1, 4, figsize=(7, 2.9), layout="constrained")
for ax, image, *texts in zip(axes, images, *written[:2], strict=True):
    ax.imshow(image.clamp(0, 1).permute(1, 2, 0))
    ax.set(xticks=[], yticks=[])
    ax.set_xlabel("\n".join(t.replace(", ", ",\n") for t in texts), fontsize="small")
pairs = "; ".join(f"“{a}”, then “{b}”" for a, b in zip(*written[:2], strict=True))
fig.set_label(f"Four images of a shape, with a caption before and after: {pairs}.")
rest = slice(SEEDS, None)
measured = {"before": before[HINTS].max(), "permuted": permuted.max()}
measured |= {"aligned": aligned[HINTS].mean(), "aligned_low": aligned[HINTS].min()}
measured |= {"tuned": tuned[HINTS].mean(), "tuned_low": tuned[HINTS].min()}
measured |= {"stalled": aligned[rest].max(), "late": tuned[rest].max()}
measured |= dict(zip(("text_hints", "text_alone"), text_loss, strict=True))
weights = [p.numel() // (2 * SEEDS) for part in both for p in part.values()]
measured |= {"projector_weights": sum(weights[:4]), "lm_weights": sum(weights[4:])}
assert measured["aligned_low"] > 0.85
assert measured["tuned_low"] > 0.95
assert max(measured["before"], measured["permuted"]) < 0.1
assert measured["stalled"] < 0.3
assert (scores[ALIGN // EVERY - 3, rest] - aligned[rest]).abs().max() < 0.05  # level

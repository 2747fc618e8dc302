"""
What stage 1 needs from the language model
==========================================

Two figures of :doc:`/generative/vision_language_models`: exact captions of new images
with two kinds of language models, and four captions.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative import captioned_shapes as task
from snippets.generative import captioner_models as models
from snippets.generative import captioner_training as training
from snippets.generative.caption_encoder import make_pool, train_encoders
from snippets.generative.vision_language_models import answer

SEEDS, TEXT, ALIGN, TUNE, EVERY = 3, 220, 160, 120, 20
HINTS, REST = slice(0, SEEDS), slice(SEEDS, None)
encoders = train_encoders(SEEDS, 500)
groups = [models.untrained(range(SEEDS)) for _ in range(2)]  # equal weights
related, unrelated = (
    torch.stack([*training.learn_text(groups[i].lm, i == 0, TEXT)])[-20:].mean()
    for i in (0, 1)
)
both = models.together(*groups)
known = make_pool(encoders * 2, "train", seed=0)
new = make_pool(encoders * 2, "test", seed=1)  # settings: chosen on "validation"
images = task.draw_images("test", torch.Generator().manual_seed(1)).images[:4]
prompt = torch.tensor([[task.IMAGE] * task.VISUAL + task.tokens("describe :")] * 4)


def captions():  # by the first model
    rows = answer(models.assemble(encoders[0], both, 0), images, prompt, 5).tolist()
    return [" ".join(task.WORDS[i] for i in row).replace(" , ", ",\n") for row in rows]


scores, written = [models.exact(both, new)], [captions()]
for steps, rate, train_lm in ((ALIGN, 1e-2, False), (TUNE, 2e-3, True)):
    stage = training.learn_captions(both, known, steps, rate, train_lm=train_lm)
    for step, _ in enumerate(stage, 1):
        if step % EVERY == 0:
            scores.append(models.exact(both, new))
    written.append(captions())
scores = torch.stack(scores)
before, aligned, tuned = scores[[0, ALIGN // EVERY, -1]]
other = new.features.unflatten(-1, (4, -1)).transpose(-1, -2).flatten(-2)
permuted = models.exact(both, new._replace(features=other))[HINTS]

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
x = range(0, ALIGN + TUNE + 1, EVERY)
for part, style, name in ((HINTS, "C0", "related"), (REST, "C1--", "unrelated")):
    ax.plot(x, scores[:, part], style)[0].set_label(f"{name} hints")
ax.axvline(ALIGN, color="0.5", linestyle=":")
ax.text(0, 1.04, "stage 1: projector")
ax.text(ALIGN, 1.04, " stage 2: both trained")
ax.set(xlabel="updates", ylabel="exact captions", ylim=(0, 1.14))
ax.legend(loc=(0.25, 0.22))
means = torch.stack([before, aligned, tuned]).view(3, 2, SEEDS).mean(2).T
learned, rest = (", ".join(f"{x:.2f}" for x in row) for row in means)
when = "before and after stage 1, and after stage 2, means of three"
fig.set_label(f"Exact captions {when}. Related hints: {learned}; unrelated: {rest}.")
# %% Four captions
fig, axes = plt.subplots(1, 4, figsize=(7.2, 3), layout="constrained")
for ax, image, first, second in zip(axes, images, *written[:2], strict=True):
    ax.imshow(image.clamp(0, 1).permute(1, 2, 0))
    ax.set(xticks=[], yticks=[], title=first, xlabel=second)
pairs = "; ".join(f"{a}, then {b}" for a, b in zip(*written[:2], strict=True))
fig.set_label(f"Captions of four images: {pairs}.".replace("\n", " "))
measured = {"before": before[HINTS].max(), "permuted": permuted.max()}
measured |= {"aligned": aligned[HINTS].mean(), "aligned_low": aligned[HINTS].min()}
measured |= {"tuned": tuned[HINTS].mean(), "tuned_low": tuned[HINTS].min()}
measured["stalled"] = aligned[REST].max()
measured["late_low"], measured["late"] = tuned[REST].aminmax()
measured |= {"text_hints": related, "text_unrelated": unrelated}
sizes = [sum(w[0].numel() for w in part.values()) for part in both]
measured |= dict(zip(("projector_weights", "lm_weights"), sizes, strict=True))
assert min(measured["aligned_low"] - 0.85, measured["tuned_low"] - 0.88) > 0
assert max(before[HINTS].max(), *permuted, *aligned[REST]) < 0.15
assert (scores[5:9] - aligned).abs().max() < 0.06  # level

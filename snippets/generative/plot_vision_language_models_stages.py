"""
Which part is trained in which stage
====================================

A figure of :doc:`/generative/vision_language_models`: three published recipes.
"""

import matplotlib.pyplot as plt

PARTS = ("encoder", "projector", "LM")
RECIPES = {  # for each stage, whether each part is trained
    "LLaVA": {"1": (0, 1, 0), "2": (0, 1, 1)},
    "Qwen-VL": {"1": (1, 1, 0), "2": (1, 1, 1), "3": (0, 1, 1)},
    "InternVL 2.5": {"1": (0, 1, 0), "1.5": (1, 1, 0), "2": (1, 1, 1)},
}

fig = plt.figure(figsize=(7, 2.7), layout="constrained")
for ax, (name, stages) in zip(fig.subplots(1, 3), RECIPES.items(), strict=True):
    for row, trained in enumerate(stages.values()):
        for column, on in enumerate(trained):
            style = {"facecolor": "C0" if on else "0.5", "alpha": 0.45 if on else 0.15}
            ax.add_patch(plt.Rectangle((column, row), 0.94, 0.9, **style))
            word = "train" if on else "keep"
            ax.text(column + 0.47, row + 0.45, word, ha="center", va="center")
    ax.set(xlim=(-0.05, 3), ylim=(3, -0.1), title=name)
    ax.set_xticks([0.47, 1.47, 2.47], PARTS, fontsize="small")
    ax.set_yticks([i + 0.45 for i in range(len(stages))], stages)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
fig.axes[0].set_ylabel("stage")
rows = (
    f"{name}, stage {stage}: "
    + ", ".join(p for p, on in zip(PARTS, row, strict=True) if on)
    for name, stages in RECIPES.items()
    for stage, row in stages.items()
)
fig.set_label(f"Which parts are trained. {'; '.join(rows)}. The others are kept.")
assert all(row[1] for stages in RECIPES.values() for row in stages.values())

"""
All claims of the portal, by book and by year
=============================================

How many claims were tested, and what came out.
"""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

from snippets.practice.reading_log import VERDICTS, load_log

# %%
# What to look for
# ----------------
# How wide the band of claims is that came out in part, with a condition that the page
# names, and how narrow that of the contradicted ones.

records = load_log()
tested = [record for record in records if record.verdict != "not tested"]
books = [record.page.split("/")[0] for record in records]
names = [book for book, _ in Counter(books).most_common()][::-1]
periods = {"to 1999": 0, "2000s": 2000, "2010 to 2016": 2010, "2017 to 2019": 2017}
periods |= {"2020 to 2022": 2020, "2023 to 2024": 2023, "since 2025": 2025}
starts = np.array(list(periods.values()))
when = [int(np.searchsorted(starts, r.year, "right")) - 1 for r in records]
colors = ["#1b7837", "#7fbf7b", "#b3a76a", "#9970ab", "#b2182b", "#999999"]

fig, axes = plt.subplots(1, 2, figsize=(7.4, 4.6), layout="constrained")
for ax, ticks, place in (
    (axes[0], names, [names.index(book) for book in books]),
    (axes[1], list(periods), when),
):
    left = np.zeros(len(ticks))
    for verdict, color in zip(VERDICTS, colors, strict=True):
        own = [p for p, r in zip(place, records, strict=True) if r.verdict == verdict]
        width = np.bincount(own, minlength=len(ticks))
        ax.barh(range(len(ticks)), width, left=left, color=color, label=verdict)
        left += width
    ax.set_yticks(range(len(ticks)), ticks)
    ax.set_xlabel("claims")
fig.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
counts = Counter(record.verdict for record in records)
fig.set_label(
    f"Bars for books and for years of publication. Of {len(records)} claims, "
    + ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    + f". The book with the most claims is {names[-1]}."
)

measured = {
    "claims": len(records),
    "tested": len(tested),
    "sources": len({record.source for record in records}),
    "in_part": counts["reproduced in part"] / len(tested),
    "contradicted": counts["contradicted"],
    "recent": np.mean([record.year >= 2017 for record in records]),
}

"""
Few images are support vectors, and fewer are misclassified when left out
=========================================================================

A figure of :doc:`/classical/support_vector_machines`: hard-margin SVMs that tell eights
from each other digit, about 355 images of 64 pixels. Pale: support vectors. In front:
images that are misclassified by the SVM that is trained on all other images.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from snippets.classical.support_vector_machines import (
    leave_one_out_errors,
    linear_svm,
)

digits, others, counts = load_digits(), [0, 1, 2, 3, 4, 5, 6, 7, 9], []
for other in others:
    kept = np.isin(digits.target, [8, other])
    points, labels = digits.data[kept], np.where(digits.target[kept] == 8, 1, -1)
    support = np.count_nonzero(linear_svm(points, labels).multipliers)
    counts.append([support, leave_one_out_errors(points, labels), len(points)])
support, errors, images = np.array(counts).T
assert np.all(errors <= support)
assert np.all(support < images / 10)

fig, ax = plt.subplots(figsize=(6.2, 3))
fig.set_label(
    f"Bars for eights against each other digit: {support.min()} to {support.max()} "
    "support vectors, and in front of them the images that are misclassified when left "
    f"out, {errors.min()} to {errors.max()}."
)
ax.bar(range(9), support, 0.7, color="C0", alpha=0.35, label="support vectors")
ax.bar_label(ax.bar(range(9), errors, 0.7, color="C1", label="wrong when left out"))
ax.set_xticks(range(9), others)
ax.set(xlabel="eights against", ylabel="images")
ax.legend(ncols=2, loc="upper right")

measured = {
    "support_share": (support / images).mean(),
    "left_out_share": (errors / images).mean(),
}

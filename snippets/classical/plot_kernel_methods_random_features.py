"""
The error of random features falls with the root of their number
================================================================

A figure of :doc:`/classical/kernel_methods`: dot products of random features stand in
for the 40,000 values of a Gaussian kernel (gamma = 1) between 200 points of two
moons. Root mean square errors, means of five draws of the features.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from snippets.classical.kernel_methods import gaussian, random_features

rng = np.random.default_rng(0)
points, _ = make_moons(200, noise=0.3, random_state=0)
K, counts, errors = gaussian(points, points, 1), 2 ** np.arange(3, 13), []
for n_components in counts:
    draws = [random_features(points, 1, int(n_components), rng) for _ in range(5)]
    errors.append(np.mean([np.sqrt(np.mean((Z @ Z.T - K) ** 2)) for Z in draws]))
exponent = np.polyfit(np.log(counts), np.log(errors), 1)[0]
assert -0.6 < exponent < -0.4

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
fig.set_label(
    "The error of the kernel values against the number of random features, on "
    f"logarithmic axes: it falls from {errors[0]:.2f} with {counts[0]} features to "
    f"{errors[-1]:.3f} with {counts[-1]}, along the dotted line of slope -1/2."
)
ax.loglog(counts, errors, "o-")
ax.loglog(counts, errors[0] * (counts / counts[0]) ** -0.5, ":", color="0.5")
ax.set(xlabel="number of random features", ylabel="error of the kernel values")
ax.set_yticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
ax.minorticks_off()

measured = {"features_exponent": exponent}

"""The four generators of two moons, with the settings of the page."""

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from snippets.classical.expectation_maximization import (
    Mixture,
    em_mixture,
    initial_mixture,
    kmeans_plusplus,
    mixture_m_step,
)
from snippets.generative.histogram_model import Histogram, fit_histogram
from snippets.generative.noise_networks import (
    NoiseNetwork,
    diffusion_example,
    flow_example,
    train,
)
from snippets.generative.noise_samplers import draw_diffusion, draw_flow

EDGES = np.linspace(-2.5, 2.5, 41)  # of the histogram: 40 x 40 bins
WIDTH, UPDATES, CALLS = 64, 900, 40
Points = Float[ndarray, "samples features"]


def moment_matched(points: Points) -> Mixture:
    """One normal density with the mean and the covariance of the points."""
    return mixture_m_step(points, np.ones((1, len(points))))


def fit_mixture(
    points: Points,
    rng: np.random.Generator,
    *,
    components: int = 12,
    iterations: int = 40,
    reg_covar: float = 1e-6,
) -> Mixture:
    """EM from a start by k-means++."""
    means = kmeans_plusplus(points, components, rng)
    start = initial_mixture(points, means, reg_covar)
    *_, mixture = em_mixture(points, start, iterations, reg_covar)
    return mixture


def fit_bins(points: Points) -> Histogram:
    """Counts in 40 x 40 bins, plus 0.01 in each."""
    return fit_histogram(points, EDGES)


def train_networks(points: Points, runs: int, seed: int) -> dict[str, NoiseNetwork]:
    """The same network for diffusion and for flow matching, ``runs`` of each."""
    single = torch.tensor(points, dtype=torch.float32)
    networks = {}
    for name, example in (("diffusion", diffusion_example), ("flow", flow_example)):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        networks[name] = NoiseNetwork(runs, WIDTH)
        settings = {"runs": runs, "updates": UPDATES, "generator": generator}
        train(networks[name], single, example, **settings)
    return networks


def drawn_by(
    networks: dict[str, NoiseNetwork], runs: int, count: int, calls: int, seed: int
) -> dict[str, Float[ndarray, "steps_and_1 runs samples features"]]:
    """Paths from the same noise to samples, for ``calls`` calls of each network."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(runs, count, 2, generator=generator)
    chain = draw_diffusion(networks["diffusion"], start, calls, generator)
    flow = draw_flow(networks["flow"], start, calls)
    return {"diffusion": chain.numpy(), "flow": flow.numpy()}

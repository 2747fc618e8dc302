"""Scores against scipy and sklearn, samplers against diffusers, the probe and the loss.

The flow's density and both samplers are also checked on normal data, whose best network
is a formula.
"""

import math

import jaxtyping
import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler
from scipy.stats import energy_distance as scipy_distance
from scipy.stats import multivariate_normal, rv_histogram
from sklearn.linear_model import RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from torch.testing import assert_close
from transformers.models.clip.modeling_clip import contrastive_loss

from snippets.classical.expectation_maximization import Mixture
from snippets.generative import generative_ai as scores
from snippets.generative import help_passages as passages
from snippets.generative import histogram_model as histograms
from snippets.generative import linear_probe as probes
from snippets.generative import moon_generators, text_pretexts
from snippets.generative import noise_networks as networks
from snippets.generative import noise_samplers as samplers
from snippets.generative.moons import two_moons

DOUBLE = torch.float64
EDGES = np.linspace(-3, 3, 6)
WRONG = (ValueError, jaxtyping.TypeCheckError)


def points(count=40, features=2, seed=0):
    return np.random.default_rng(seed).normal(size=(count, features)).clip(-3, 3)


def tensor(*shape, seed=0):
    return torch.randn(
        shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE
    )


# Energy distance


@pytest.mark.parametrize("sizes", [(30, 30), (7, 41), (1, 5)])
def test_the_square_root_is_that_of_scipy(agrees, sizes):
    first, second = points(sizes[0], 1), 2 * points(sizes[1], 1, seed=1) + 0.5
    ours = np.sqrt(scores.energy_distance(first, second))
    theirs = scipy_distance(first[:, 0], second[:, 0])
    agrees(ours, theirs, "scipy.stats.energy_distance")


def test_energy_distance_by_definition():
    first, second = points(5, 3), points(8, 3, seed=1)

    def mean(a, b):
        return sum(math.dist(x, y) for x in a for y in b) / (len(a) * len(b))

    expected = 2 * mean(first, second) - mean(first, first) - mean(second, second)
    assert_close(scores.energy_distance(first, second), expected)


def test_energy_distance_has_no_order_and_is_zero_for_equal_sets():
    first, second = points(9), points(12, seed=1) + 1
    there, back = (
        scores.energy_distance(*p) for p in ((first, second), (second, first))
    )
    assert there == pytest.approx(back)
    assert scores.energy_distance(first, first[::-1]) == pytest.approx(0)
    assert there > 0.1


@pytest.mark.parametrize("bad", [np.zeros((0, 2)), np.array([[np.nan, 0.0]])])
def test_a_set_without_finite_points_is_refused(bad):
    with pytest.raises(ValueError, match=r"empty or not finite"):
        scores.energy_distance(bad, points())
    with pytest.raises(ValueError, match=r"empty or not finite"):
        scores.energy_distance(points(), bad)


# Mixture


@pytest.fixture
def fitted():
    model = GaussianMixture(3, random_state=0, max_iter=20).fit(points(90))
    return model, Mixture(model.weights_, model.means_, model.covariances_)


def test_mixture_density_is_that_of_sklearn(agrees, fitted):
    model, mixture = fitted
    new = points(25, seed=1)
    ours = scores.mixture_log_density(mixture, new)
    agrees(ours, model.score_samples(new), "sklearn.mixture.GaussianMixture")


def test_draws_of_the_mixture_have_its_mean_and_covariance():
    covariances = np.array([[[1.0, 0.8], [0.8, 1.0]], [[0.1, 0.0], [0.0, 0.3]]])
    mixture = Mixture(
        np.array([0.2, 0.8]), np.array([[5.0, 0.0], [0.0, 1.0]]), covariances
    )
    drawn = scores.draw_mixture(mixture, 40_000, np.random.default_rng(0))
    first = drawn[drawn[:, 0] > 2.2]
    assert len(first) / len(drawn) == pytest.approx(0.2, abs=0.02)
    np.testing.assert_allclose(np.cov(first.T), covariances[0], atol=0.06)
    np.testing.assert_allclose(drawn.mean(0), [1, 0.8], atol=0.05)


def test_one_component_has_the_moments_of_the_points():
    mixture = moon_generators.moment_matched(points())
    expected = multivariate_normal(points().mean(0), np.cov(points().T, bias=True))
    np.testing.assert_allclose(
        scores.mixture_log_density(mixture, points(9, seed=1)),
        expected.logpdf(points(9, seed=1)),
    )


# Histogram


def test_histogram_is_that_of_numpy(agrees):
    histogram = histograms.fit_histogram(points(), EDGES, added=1e-12)
    x, y = points().T
    theirs = np.histogram2d(x, y, bins=[EDGES, EDGES], density=True)[0]
    ours = np.exp(histograms.histogram_log_density(histogram, points()))
    bins = np.digitize(points(), EDGES) - 1
    agrees(ours, theirs[tuple(bins.T)], "numpy.histogram2d")


def test_first_factor_is_the_density_of_scipy():
    histogram = histograms.fit_histogram(points(), EDGES, added=1e-12)
    theirs = rv_histogram(np.histogram(points()[:, 0], EDGES), density=True)
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    np.testing.assert_allclose(
        histogram.first / np.diff(EDGES), theirs.pdf(middles), atol=1e-9
    )


def test_histogram_integrates_to_one():
    histogram = histograms.fit_histogram(points(), EDGES, added=0.3)
    middles = np.linspace(-4, 4, 401)[1:] - 0.01
    grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    density = np.exp(histograms.histogram_log_density(histogram, grid))
    assert density.sum() * 0.02**2 == pytest.approx(1)
    np.testing.assert_allclose(histogram.second.sum(axis=1), 1)


def test_histogram_keeps_which_coordinate_comes_first():
    line = np.array([[-2.0, 2.0], [-2.0, 1.0], [2.0, 1.0]])
    histogram = histograms.fit_histogram(line, EDGES, added=1e-9)
    drawn = histograms.draw_histogram(histogram, 3000, np.random.default_rng(0))
    left = drawn[:, 0] < 0
    assert left.mean() == pytest.approx(2 / 3, abs=0.04)
    assert (drawn[~left, 1] < 1.8).all()
    assert (drawn[left, 1] > 1.8).mean() == pytest.approx(0.5, abs=0.05)


def test_draws_of_the_histogram_have_its_density():
    histogram = histograms.fit_histogram(points(), EDGES)
    drawn = histograms.draw_histogram(histogram, 60_000, np.random.default_rng(0))
    again = histograms.fit_histogram(drawn, EDGES)
    np.testing.assert_allclose(
        again.first[:, None] * again.second,
        histogram.first[:, None] * histogram.second,
        atol=0.004,
    )


def test_upper_edge_belongs_to_the_last_bin_and_outside_has_no_density():
    corner = np.array([[3.0, 3.0]])
    histogram = histograms.fit_histogram(corner, EDGES)
    assert histogram.first.argmax() == histogram.second[-1].argmax() == 4
    places = np.array([[3.0, 3.0], [3.1, 0.0], [0.0, -3.1]])
    found = histograms.histogram_log_density(histogram, places)
    assert np.isfinite(found[0])
    assert (found[1:] == -np.inf).all()


@pytest.mark.parametrize(
    ("bad", "edges", "added", "match"),
    [
        (points() + 9, EDGES, 0.1, "outside"),
        (points() * np.nan, EDGES, 0.1, "outside"),
        (points(), EDGES, 0.0, "added=0"),
        (points(), EDGES**3, 0.1, "widths"),
        (points(), EDGES[:1], 0.1, "widths"),
        (points(5, 3), EDGES, 0.1, "two coordinates"),
        (np.zeros((0, 2)), EDGES, 0.1, "two coordinates"),
    ],
)
def test_bad_histograms_are_refused(bad, edges, added, match):
    with pytest.raises(ValueError, match=match):
        histograms.fit_histogram(bad, edges, added)


# Likelihood and noise


def test_dilution_by_definition_and_bound():
    model, noise = points(9, 1)[:, 0], points(9, 1, seed=1)[:, 0]
    for share in (0.0, 0.3, 0.99):
        found = scores.diluted_log_density(model, noise, share)
        mixed = (1 - share) * np.exp(model) + share * np.exp(noise)
        np.testing.assert_allclose(found, np.log(mixed))
        assert (model - found <= -np.log1p(-share) + 1e-12).all()
    far = scores.diluted_log_density(np.array([-2000.0]), np.array([-np.inf]), 0.5)
    np.testing.assert_allclose(far, -2000 - np.log(2))


@pytest.mark.parametrize("share", [-0.1, 1.0, math.nan])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        scores.diluted_log_density(np.zeros(2), np.zeros(2), share)


# Moons


def test_truth_is_the_density_of_the_moons():
    train, held_out, truth = two_moons(3000, 1000, seed=3)
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-12)
    drawn = scores.draw_mixture(truth, 3000, np.random.default_rng(0))
    assert scores.energy_distance(drawn, held_out) < 0.006
    found = scores.mixture_log_density(truth, held_out).mean()
    again = scores.mixture_log_density(truth, drawn).mean()
    assert found == pytest.approx(again, abs=0.06)
    assert len(np.unique(np.concatenate([train, held_out]), axis=0)) == 4000


@pytest.mark.parametrize("sizes", [(1, 9), (9, 1), (0, 0)])
def test_too_few_points_are_refused(sizes):
    with pytest.raises(ValueError, match="few"):
        two_moons(*sizes, seed=0)


# Diffusion


def test_reverse_step_is_that_of_diffusers(agrees):
    theirs = DDPMScheduler(num_train_timesteps=50, clip_sample=False)
    x, noise, fresh = (tensor(3, 5, 2, seed=s) for s in range(3))
    alphas = theirs.alphas_cumprod.double()
    theirs.alphas_cumprod = alphas
    for step in (1, 20, 49):
        ours = samplers.reverse_step(x, noise, alphas[step], alphas[step - 1], fresh)
        theirs.set_timesteps(50)
        generator = torch.Generator().manual_seed(2)
        expected = theirs.step(noise, step, x, generator=generator).prev_sample
        agrees(ours, expected, "diffusers.DDPMScheduler")


def test_noised_points_are_those_of_diffusers(agrees):
    theirs = DDPMScheduler(num_train_timesteps=50)
    x, noise = tensor(4, 2), tensor(4, 2, seed=1)
    times = torch.tensor([0.1, 0.4, 0.6, 0.9], dtype=DOUBLE)
    theirs.alphas_cumprod = networks.signal(times)
    expected = theirs.add_noise(x, noise, torch.arange(4))
    ours = networks.diffusion_example(x, noise, times[:, None])
    agrees(ours.inputs, expected, "diffusers.DDPMScheduler")
    assert torch.equal(ours.target, noise)


def test_last_step_gives_the_data_that_the_noise_implies():
    data, noise = tensor(1, 6, 2), tensor(1, 6, 2, seed=1)
    now = torch.tensor(0.2, dtype=DOUBLE)
    x = networks.diffusion_example(data, noise, now).inputs
    one = torch.ones((), dtype=DOUBLE)
    assert_close(
        samplers.reverse_step(x, noise, networks.signal(now), one, 9 * noise), data
    )


MEAN, STD = torch.tensor([1.0, -2.0], dtype=DOUBLE), 0.3


def best_noise(x, times):
    """The expected noise, if the data are normal."""
    kept = networks.signal(times)
    variance = kept * STD**2 + 1 - kept
    return (1 - kept).sqrt() * (x - kept.sqrt() * MEAN) / variance


def best_velocity(x, times):
    """The expected velocity, if the data are normal."""
    variance = (1 - times) ** 2 * STD**2 + times**2
    slope = (times - (1 - times) * STD**2) / variance
    return slope * (x - (1 - times) * MEAN) - MEAN


def test_reverse_chain_draws_normal_data():
    start = tensor(2, 4000, 2)
    path = samplers.draw_diffusion(
        best_noise, start, 300, torch.Generator().manual_seed(1)
    )
    assert path.shape == (301, 2, 4000, 2)
    assert torch.equal(path[0], start)
    assert_close(path[-1].mean((0, 1)), MEAN, atol=0.03, rtol=0)
    assert_close(
        path[-1].std(1), torch.full((2, 2), STD, dtype=DOUBLE), atol=0.02, rtol=0
    )


@pytest.mark.parametrize(
    ("steps", "last"), [(0, 0.98), (-3, 0.98), (5, 0.7), (5, 1.0), (5, math.nan)]
)
def test_a_chain_that_starts_with_data_in_the_noise_is_refused(steps, last):
    generator = torch.Generator()
    with pytest.raises(ValueError, match="steps"):
        samplers.draw_diffusion(best_noise, tensor(1, 3, 2), steps, generator, last)


# Flow


def test_euler_steps_are_those_of_diffusers(agrees):
    theirs = FlowMatchEulerDiscreteScheduler()
    theirs.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25])
    start = tensor(1, 7, 2)
    ours = samplers.draw_flow(best_velocity, start, 4)
    x = start
    for number, time in enumerate(theirs.timesteps.double() / 1000):
        velocity = best_velocity(x, time.expand(1, 7, 1))
        x = theirs.step(velocity, theirs.timesteps[number], x).prev_sample
    assert_close(x, x.double())
    agrees(ours[-1], x, "diffusers.FlowMatchEulerDiscreteScheduler")


def test_target_is_the_slope_of_the_line():
    data, noise, times = tensor(3, 2), tensor(3, 2, seed=1), torch.rand(3, 1).double()
    now = networks.flow_example(data, noise, times)
    later = networks.flow_example(data, noise, times + 1e-3)
    assert_close((later.inputs - now.inputs) / 1e-3, now.target, atol=1e-9, rtol=0)
    assert_close(networks.flow_example(data, noise, 0 * times).inputs, data)
    assert_close(networks.flow_example(data, noise, 1 + 0 * times).inputs, noise)


def test_flow_draws_normal_data_and_knows_its_density():
    end = samplers.draw_flow(best_velocity, tensor(1, 4000, 2), 200)[-1, 0]
    assert_close(end.mean(0), MEAN, atol=0.03, rtol=0)
    assert_close(end.std(0), torch.full((2,), STD, dtype=DOUBLE), atol=0.01, rtol=0)
    places = MEAN + STD * tensor(1, 9, 2, seed=1)
    found = samplers.flow_log_density(best_velocity, places, 200)
    expected = torch.distributions.Normal(MEAN, STD).log_prob(places).sum(-1)
    assert_close(found, expected, atol=2e-3, rtol=0)


def test_divergence_is_the_trace_of_the_jacobian():
    torch.manual_seed(0)
    network = networks.NoiseNetwork(2, 8, features=3).double()
    x, time = tensor(2, 4, 3), torch.full((2, 4, 1), 0.3, dtype=DOUBLE)
    velocity, divergence = samplers.velocity_and_divergence(network, x, 0.3)
    assert_close(velocity, network(x, time))
    jacobian = torch.autograd.functional.jacobian(lambda y: network(y, time), x)
    expected = torch.einsum("rbfrbf->rb", jacobian)
    assert_close(divergence, expected)


@pytest.mark.parametrize("steps", [0, -1])
def test_a_flow_without_steps_is_refused(steps):
    with pytest.raises(ValueError, match=f"steps={steps}"):
        samplers.draw_flow(best_velocity, tensor(1, 3, 2), steps)
    with pytest.raises(ValueError, match=f"steps={steps}"):
        samplers.flow_log_density(best_velocity, tensor(1, 3, 2), steps)


# Training


def test_runs_do_not_influence_each_other():
    torch.manual_seed(0)
    network = networks.NoiseNetwork(3, 8).double()
    x, times = tensor(3, 5, 2), torch.rand(3, 5, 1).double()
    alone = networks.NoiseNetwork(1, 8).double()
    alone.load_state_dict({k: v[1:2] for k, v in network.state_dict().items()})
    assert_close(network(x, times)[1:2], alone(x[1:2], times[1:2]))
    network(x, times)[1].sum().backward()
    grad = network.weights[0].grad.abs().sum((1, 2))
    assert grad[1] > 0
    assert grad[0] == grad[2] == 0


@pytest.mark.parametrize("example", [networks.diffusion_example, networks.flow_example])
def test_training_lowers_the_loss_of_each_run(example):
    torch.manual_seed(0)
    data = torch.tensor([3.0, -3.0]) + 0.1 * torch.randn(50, 2)
    generator = torch.Generator().manual_seed(0)
    losses = networks.train(
        networks.NoiseNetwork(2, 16),
        data,
        example,
        runs=2,
        updates=120,
        generator=generator,
    )
    assert losses.shape == (120, 2)
    assert (losses[-10:].mean(0) < 0.5 * losses[:5].mean(0)).all()


@pytest.mark.parametrize("bad", [{"updates": 0}, {"batch": 0}, {"runs": 0}])
def test_training_on_nothing_is_refused(bad):
    settings = {"updates": 1, "runs": 1, "generator": torch.Generator()} | bad
    network = networks.NoiseNetwork(1, 4)
    with pytest.raises(ValueError, match=r"=0"):
        networks.train(network, torch.zeros(3, 2), networks.flow_example, **settings)
    settings |= {"updates": 1, "batch": 2, "runs": 1}
    with pytest.raises(ValueError, match="0 points"):
        networks.train(network, torch.zeros(0, 2), networks.flow_example, **settings)
    with pytest.raises(ValueError, match="width=0"):
        networks.NoiseNetwork(1, 0)


# Pretexts


def test_probe_is_the_ridge_classifier_of_sklearn(agrees):
    features, new = tensor(60, 4), tensor(400, 4, seed=1)
    features[:, 2] *= 1e4
    labels = torch.arange(60) % 3
    scaler = StandardScaler().fit(features)
    theirs = RidgeClassifier(alpha=7.0).fit(scaler.transform(features), labels)
    expected = theirs.predict(scaler.transform(new))
    ours = probes.linear_probe(features, labels, new, penalty=7.0)
    agrees(ours.numpy(), expected, "sklearn.linear_model.RidgeClassifier")


def test_probe_takes_half_precision_and_a_constant_feature():
    features = torch.tensor([[1e-3, 5], [2e-3, 5], [9e-3, 5], [8e-3, 5]]).half()
    labels = torch.tensor([0, 0, 1, 1])
    found = probes.linear_probe(features, labels, features, penalty=0.1)
    assert torch.equal(found, labels)


@pytest.mark.parametrize(("labels", "penalty"), [([1, 1], 1.0), ([0, 1], 0.0)])
def test_a_probe_without_a_choice_is_refused(labels, penalty):
    with pytest.raises(ValueError, match="labels"):
        probes.linear_probe(
            torch.ones(2, 3), torch.tensor(labels), torch.ones(1, 3), penalty
        )


def test_info_nce_is_the_loss_of_clip(agrees):
    first, second = tensor(6, 4), tensor(6, 4, seed=1)
    cosines = torch.nn.functional.cosine_similarity(first[:, None], second, dim=-1)
    theirs = contrastive_loss(cosines / 0.2)
    ours = text_pretexts.info_nce(first, second, temperature=0.2)
    agrees(ours, theirs, "transformers.models.clip.contrastive_loss")


def test_info_nce_does_not_mix_runs():
    first, second = tensor(3, 6, 4), tensor(3, 6, 4, seed=1)
    each = [text_pretexts.info_nce(*pair) for pair in zip(first, second, strict=True)]
    assert_close(text_pretexts.info_nce(first, second), torch.stack(each).mean())


def test_info_nce_is_small_only_for_right_partners():
    rows = torch.eye(5)
    assert text_pretexts.info_nce(rows, 3 * rows) < 1e-3
    assert text_pretexts.info_nce(rows, rows.roll(1, 0)) > 9


@pytest.mark.parametrize(("batch", "temperature"), [(1, 0.1), (0, 0.1), (4, 0.0)])
def test_a_contrast_without_a_choice_is_refused(batch, temperature):
    rows = torch.ones(batch, 3)
    with pytest.raises(ValueError, match="no choice"):
        text_pretexts.info_nce(rows, rows, temperature)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return text_pretexts.GroupEncoder(2, 11, 7, 11)


def test_features_of_a_passage_are_the_mean_over_its_groups(encoder):
    words = torch.randint(11, (2, 3, 8))
    groups = [encoder.features(words[..., i : i + 5]) for i in range(4)]
    assert_close(encoder.features(words), torch.stack(groups).mean(0))


def test_next_word_is_not_read_and_masked_word_is_hidden(encoder):
    words = torch.randint(2, 11, (2, 9, 6))
    seen = []

    def spy(given):
        seen.append(given.clone())
        return encoder(given)

    text_pretexts.next_word_loss(spy, words)
    hidden = torch.randint(5, (2, 9, 1))
    loss = text_pretexts.masked_word_loss(spy, words, hidden)
    assert torch.equal(seen[0], words[..., :5])
    assert (seen[1].gather(2, hidden) == passages.MASK).all()
    assert (seen[1] == passages.MASK).sum() == 18
    logits = encoder(seen[1]).log_softmax(-1)
    picked = logits.gather(2, words.gather(2, hidden))
    assert_close(loss, -picked.mean())


def test_neighbors_are_halves_of_one_passage(encoder):
    words = torch.randint(11, (2, 4, 12))
    halves = encoder(words[..., :6]), encoder(words[..., 6:])
    assert_close(
        text_pretexts.neighbor_loss(encoder, words), text_pretexts.info_nce(*halves)
    )


def test_pretext_training_lowers_the_loss(encoder):
    words = torch.arange(6).expand(2, 8, 6)
    losses = text_pretexts.train_pretext(
        encoder, lambda e: text_pretexts.next_word_loss(e, words), runs=2, updates=30
    )
    assert len(losses) == 30
    assert losses[-1] < 0.1 * losses[0]
    with pytest.raises(ValueError, match="updates=0"):
        text_pretexts.train_pretext(encoder, lambda e: e(words), runs=2, updates=0)


# Passages


def test_topics_share_no_paragraph_and_no_part():
    learned, rest = passages.help_topics(vocab=300, words=20)
    sizes = [len(a) + len(b) for a, b in zip(learned, rest, strict=True)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] >= 200
    for a, b in zip(learned, rest, strict=True):
        assert len(a) == (len(a) + len(b)) * 4 // 5
        assert max(a.max(), b.max()) < 300
        assert (a != passages.MASK).all()
        assert (b != passages.MASK).all()


def test_examples_are_of_their_class_and_part():
    learned = [torch.tensor([2, 3, 4, 5, 6, 7, 8] * 9), torch.full((60,), 9)]
    rest = [torch.tensor([2, 3, 4, 5, 6, 7, 8] * 4), torch.full((30,), 9)]
    found = passages.next_word_examples(learned, rest, 3, (4, 2))
    assert found.known.shape == (3, 4, 5)
    assert found.new.shape == (3, 2, 5)
    assert (found.known[0] == 9).all()  # the most frequent next word
    known, new = passages.topic_examples(learned, rest, 2, (4, 3), 6)
    assert known.shape == (2, 4, 6)
    assert new.shape == (2, 3, 6)
    assert (known[0] < 9).all()
    assert (known[1] == 9).all()


@pytest.mark.parametrize(("vocab", "words"), [(2, 20), (300, 10**6)])
def test_a_corpus_without_words_is_refused(vocab, words):
    with pytest.raises(ValueError, match="nothing"):
        passages.help_topics(vocab, words)


def test_scores_of_separable_and_of_equal_features(encoder):
    known = torch.tensor([[[0.0], [1.0]], [[8.0], [9.0]]])
    assert probes.share_right(known, known) == 1
    words = torch.randint(2, 11, (3, 4, 5))
    found = probes.probe_scores(encoder, words, words[:, :2])
    assert len(found) == 2
    assert all(0 <= share <= 1 for share in found)

"""Factors against SciPy, losses and attention against PyTorch; then definitions."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import svds
from scipy.spatial.distance import cdist
from sklearn.linear_model import Ridge
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss
from torch.testing import assert_close

from snippets.recommenders import lit_digits
from snippets.recommenders.history_pooling import attention_pool, mean_pool
from snippets.recommenders.lit_digits import WARM, cold_recall, draw_photos, draw_shop
from snippets.recommenders.photo_encoder import encode, train_encoder
from snippets.recommenders.visual_cold_start import (
    click_factors,
    contrastive_loss,
    regression_loss,
)


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@pytest.fixture
def clicks() -> np.ndarray:
    return np.random.default_rng(0).random((7, 11)) < 0.4


@pytest.fixture
def similarities() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(11, 5))


# Vectors of clicks


@pytest.mark.parametrize("factors", [1, 3, 6])
def test_factors_are_those_of_scipy(agrees, clicks, factors) -> None:
    """Reference: ``scipy.sparse.linalg.svds``; signs of singular vectors are free."""
    users, items = click_factors(clicks, factors)
    left, values, right = svds(clicks - clicks.mean(axis=0), factors)
    agrees(users @ items.T, left * values @ right, "scipy.sparse.linalg.svds")
    agrees(users @ users.T, left * values @ left.T, "scipy.sparse.linalg.svds")
    agrees(items @ items.T, right.T * values @ right, "scipy.sparse.linalg.svds")


def test_a_smaller_factorization_is_the_start_of_a_larger_one(clicks) -> None:
    pairs = zip(click_factors(clicks, 2), click_factors(clicks, 5), strict=True)
    for few, many in pairs:
        np.testing.assert_allclose(few, many[:, :2])


@pytest.mark.parametrize("factors", [-1, 0, 8])
def test_impossible_numbers_of_factors_are_refused(clicks, factors) -> None:
    with pytest.raises(ValueError, match=rf"{factors} factors .* \(7, 11\)"):
        click_factors(clicks, factors)


# Losses


@pytest.mark.parametrize("temperature", [0.05, 0.2, 2.0])
def test_contrastive_loss_is_two_cross_entropies(agrees, temperature) -> None:
    """Reference: ``cross_entropy`` of all cosines, by photo and by item."""
    photos, items = normal(6, 4), 100 * normal(6, 4, seed=1)
    cosines = cosine_similarity(photos[:, None], items[None], dim=2) / temperature
    right = torch.arange(6)
    expected = (cross_entropy(cosines, right) + cross_entropy(cosines.T, right)) / 2
    found = contrastive_loss(photos, items, temperature)
    agrees(found, expected, "torch.nn.functional.cross_entropy")


def test_regression_is_the_mean_of_squared_distances(agrees) -> None:
    photos, items = normal(6, 4), normal(6, 4, seed=1)
    expected = 4 * mse_loss(photos, items)
    agrees(regression_loss(photos, items), expected, "torch.nn.functional.mse_loss")


def test_losses_are_least_at_the_vectors_of_the_items() -> None:
    items = normal(6, 4)
    assert regression_loss(items, items) == 0
    for factor in (0.5, 2.0):  # a cosine does not see lengths
        assert_close(
            contrastive_loss(factor * items, items), contrastive_loss(items, items)
        )
        assert regression_loss(factor * items, items) > 0
    wrong = items.roll(1, dims=0)
    assert contrastive_loss(wrong, items) > contrastive_loss(items, items)


def test_single_precision_is_kept() -> None:
    photos, items = normal(6, 4).float(), normal(6, 4, seed=1).float()
    assert contrastive_loss(photos, items).dtype == torch.float32
    expected = contrastive_loss(photos.double(), items.double())
    assert_close(contrastive_loss(photos, items), expected.float())


@pytest.mark.parametrize("loss", [regression_loss, contrastive_loss])
def test_photos_without_an_item_are_refused(loss) -> None:
    with pytest.raises(ValueError, match=r"\(6, 4\) photo .* \(5, 4\) item"):
        loss(normal(6, 4), normal(5, 4))
    with pytest.raises(ValueError, match=r"\(6, 4\) photo .* \(6, 3\) item"):
        loss(normal(6, 4), normal(6, 3))


@pytest.mark.parametrize("bad", [0.0, -0.1, float("nan"), float("inf")])
def test_temperatures_that_are_not_positive_are_refused(
    bad, clicks, similarities
) -> None:
    with pytest.raises(ValueError, match=f"temperature must be .* got {bad}"):
        contrastive_loss(normal(6, 4), normal(6, 4), bad)
    with pytest.raises(ValueError, match=f"temperature must be .* got {bad}"):
        attention_pool(clicks, similarities, bad)


# Pooling of a history


@pytest.mark.parametrize("temperature", [0.01, 0.1, 1.0, 50.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_attention_is_logsumexp(
    agrees, clicks, similarities, temperature, scale
) -> None:
    """Reference: ``torch.logsumexp`` with the items that were not clicked at -inf."""
    every = torch.from_numpy(scale * similarities)[None] / temperature
    every = every.where(torch.from_numpy(clicks)[..., None], -torch.inf)
    expected = temperature * every.logsumexp(dim=1)
    found = attention_pool(clicks, scale * similarities, temperature)
    agrees(found, expected.numpy(), "torch.logsumexp")


def test_weights_of_attention_are_a_softmax_over_the_history(
    clicks, similarities
) -> None:
    step = 1e-6 * np.eye(11)[:, :, None]
    for item in range(11):
        up = attention_pool(clicks, similarities + step[item], 0.3)
        down = attention_pool(clicks, similarities - step[item], 0.3)
        weights = np.exp(similarities / 0.3)
        expected = clicks[:, [item]] * weights[item] / (clicks @ weights)
        np.testing.assert_allclose((up - down) / 2e-6, expected, atol=1e-8)


def test_attention_is_between_the_nearest_item_and_the_mean(
    clicks, similarities
) -> None:
    nearest = np.array([similarities[row].max(axis=0) for row in clicks])
    np.testing.assert_allclose(attention_pool(clicks, similarities, 1e-4), nearest)
    number = clicks.sum(axis=1, keepdims=True)
    warm = attention_pool(clicks, similarities, 1e5) - 1e5 * np.log(number)
    np.testing.assert_allclose(warm, mean_pool(clicks, similarities), atol=1e-4)


def test_mean_is_that_of_each_history(clicks, similarities) -> None:
    expected = [similarities[row].mean(axis=0) for row in clicks]
    np.testing.assert_allclose(mean_pool(clicks, similarities), expected)


def test_mean_of_squared_distances_ranks_like_the_distance_to_the_mean(clicks) -> None:
    warm, cold = normal(11, 3).numpy(), normal(5, 3, seed=1).numpy()
    pooled = mean_pool(clicks, -cdist(warm, cold, "sqeuclidean"))
    mean = np.array([warm[row].mean(axis=0) for row in clicks])
    constant = pooled + cdist(mean, cold, "sqeuclidean")
    np.testing.assert_allclose(constant - constant[:, :1], 0, atol=1e-12)


@pytest.mark.parametrize("pool", [mean_pool, lambda *x: attention_pool(*x, 0.1)])
def test_bad_histories_are_refused(pool, clicks, similarities) -> None:
    with pytest.raises(ValueError, match="11 items, 10 similarities"):
        pool(clicks, similarities[:10])
    empty = clicks.copy()
    empty[[2, 5]] = False
    with pytest.raises(ValueError, match="2 users without a click, the first: 2"):
        pool(empty, similarities)
    similarities[3, 1] = np.nan
    with pytest.raises(ValueError, match="1 are not finite"):
        pool(clicks, similarities)


# The shop


def test_photos_are_digits_plus_light() -> None:
    dark, lit = draw_photos(3, lamp=0.0), draw_photos(3, lamp=0.7)
    light = lit_digits.lamp_light(lit.directions)
    np.testing.assert_allclose(lit.pixels - dark.pixels, 0.7 * light, atol=1e-12)
    for name in ("digits", "heavy", "directions"):
        np.testing.assert_array_equal(getattr(dark, name), getattr(lit, name))
    assert 0 == dark.pixels.min() < dark.pixels.max() == 1
    assert len(np.unique(dark.pixels, axis=0)) == len(dark.pixels) == 1797
    ink = dark.pixels.sum(axis=1)
    for digit in range(10):
        own, heavy = dark.digits == digit, dark.heavy[dark.digits == digit]
        assert ink[own][heavy].min() > np.median(ink[own]) >= ink[own][~heavy].max()


def test_light_comes_from_its_direction() -> None:
    directions = np.array([0.0, np.pi / 2, np.pi, 0.3])
    light = lit_digits.lamp_light(directions).reshape(-1, 8, 8)
    np.testing.assert_allclose(light[0], np.tile(np.linspace(-1, 1, 8), (8, 1)))
    np.testing.assert_allclose(light[1], light[0].T, atol=1e-15)
    np.testing.assert_allclose(light[2], -light[0], atol=1e-15)
    norms = (light**2).sum(axis=(1, 2))
    np.testing.assert_allclose(norms, norms[0])
    photos = draw_photos(0)
    tenth = np.floor(10 * photos.directions / (2 * np.pi))
    np.testing.assert_array_equal(photos.lights, tenth)
    assert (np.bincount(photos.lights, minlength=10) > 100).all()


def test_clicks_have_the_chances_that_the_page_gives() -> None:
    photos = draw_photos(0)
    shop = draw_shop(photos, photos.lights, seed=0)
    values = np.unique(shop.chances.round(5))
    np.testing.assert_allclose(values, [0.004, 0.16025, 0.254])
    for value in values[1:]:  # users without a click are left out: 0.004 rises
        cells = np.isclose(shop.chances, value)
        error = (value / cells.sum()) ** 0.5
        assert abs(shop.cold[cells].mean() - value) < 4 * error
    likes = shop.liked[:, photos.lights[WARM:]]
    np.testing.assert_array_equal(shop.chances > 0.1, likes)
    assert abs(shop.liked.mean() - 0.2) < 0.03
    assert shop.warm.shape[1] == WARM
    assert shop.cold.shape[1] == 397
    assert shop.warm.any(axis=1).all()
    assert shop.cold.any(axis=1).all()
    heavy = photos.heavy[WARM:]
    with_heavy = (shop.chances[:, heavy] > 0.2).any(axis=1)
    with_light = (shop.chances[:, ~heavy] > 0.2).any(axis=1)
    assert not (with_heavy & with_light).any()


def test_the_same_users_click_whatever_the_lamp() -> None:
    photos = [draw_photos(5, lamp) for lamp in (0.0, 3.0)]
    shops = [draw_shop(x, x.digits, 5) for x in photos]
    np.testing.assert_array_equal(shops[0].cold, shops[1].cold)


def test_groups_that_do_not_exist_are_refused() -> None:
    photos = draw_photos(0)
    with pytest.raises(ValueError, match="from -1 to 8 of 10"):
        draw_shop(photos, photos.digits - 1, 0)
    with pytest.raises(ValueError, match=r"\(9,\) groups of 1797 items"):
        draw_shop(photos, photos.digits[:9], 0)


def test_recall_counts_the_cold_items() -> None:
    photos = draw_photos(0)
    shop = draw_shop(photos, photos.digits, 0)
    scores = np.random.default_rng(0).normal(size=shop.cold.shape)
    expected = []
    for row, relevant in zip(scores, shop.cold, strict=True):
        top = np.argsort(-row)[:20]
        expected.append(relevant[top].sum() / min(20, relevant.sum()))
    assert cold_recall(scores, shop) == pytest.approx(np.mean(expected))


# The encoder


@pytest.mark.parametrize("loss", [regression_loss, contrastive_loss])
def test_encoder_learns_a_map_and_gives_unit_vectors(loss) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(600, 4))
    vectors = 1e3 * pixels[:, :2] ** 3
    before = torch.random.get_rng_state()
    encoder = train_encoder(pixels[:500], vectors[:500], loss, epochs=20)
    found = encode(encoder, pixels[500:])
    np.testing.assert_allclose((found**2).sum(axis=1), 1)
    lengths = np.linalg.norm(vectors[500:], axis=1)
    assert np.median((found * vectors[500:]).sum(axis=1) / lengths) > 0.95
    again = train_encoder(pixels[:500], vectors[:500] / 1024, loss, epochs=20)
    np.testing.assert_allclose(encode(again, pixels[500:]), found, atol=1e-3)
    assert torch.equal(before, torch.random.get_rng_state())


def test_encoder_learns_what_no_linear_map_can() -> None:
    pixels = np.random.default_rng(0).normal(size=(600, 2))
    vectors = np.column_stack([abs(pixels[:, 0]) - 0.8, abs(pixels[:, 1]) - 0.8])
    encoder = train_encoder(pixels[:500], vectors[:500], regression_loss)
    lengths = np.linalg.norm(vectors[500:], axis=1)
    cosines = (encode(encoder, pixels[500:]) * vectors[500:]).sum(axis=1) / lengths
    linear = Ridge(alpha=1e-3).fit(pixels[:500], vectors[:500]).predict(pixels[500:])
    theirs = (linear * vectors[500:]).sum(axis=1) / np.linalg.norm(linear, axis=1)
    assert np.median(cosines) > 0.95
    assert np.median(theirs / lengths) < 0.5


def test_a_linear_map_serves_one_direction_of_light_better_than_two() -> None:
    photos = draw_photos(0)
    shop = draw_shop(photos, photos.lights, 0)
    users, items = click_factors(shop.warm, 16)
    warm, cold = np.split(photos.pixels, [WARM])
    scores = users @ Ridge(alpha=10.0).fit(warm, items).predict(cold).T
    recalls = []
    for number in (1, 2):
        some = shop.liked.sum(axis=1) == number
        own = shop._replace(cold=shop.cold[some])
        recalls.append(cold_recall(scores[some], own))
    assert recalls[0] > 2 * recalls[1]
    assert (shop.liked.sum(axis=1) > 1).mean() > 0.6


@pytest.mark.parametrize("loss", [regression_loss, contrastive_loss])
def test_training_is_level_after_the_epochs_of_the_page(loss) -> None:
    photos = draw_photos(20)
    shop = draw_shop(photos, photos.digits, 20)
    users, items = click_factors(shop.warm, 16)
    warm, cold = np.split(photos.pixels, [WARM])
    recalls = []
    for epochs in (30, 60):
        encoder = train_encoder(warm, items, loss, epochs=epochs)
        recalls.append(cold_recall(users @ encode(encoder, cold).T, shop))
    assert np.ptp(recalls) < 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_clicks_on_held_out_items_leak_through_the_users(seed) -> None:
    photos = draw_photos(seed)
    shop = draw_shop(photos, photos.digits, seed)
    warm, cold = np.split(photos.pixels, [WARM])
    recalls = []
    for clicks in (shop.warm, np.hstack([shop.warm, shop.cold])):
        users, items = click_factors(clicks, 16)
        ridge = Ridge(alpha=10.0).fit(warm, items[:WARM])
        recalls.append(cold_recall(users @ ridge.predict(cold).T, shop))
        if clicks is shop.warm:  # a pitfall of the page
            lengths = [np.linalg.norm(x, axis=1) for x in (ridge.predict(cold), items)]
            assert lengths[0].mean() < 0.8 * lengths[1].mean()
    assert recalls[1] > recalls[0] + 0.01


def test_vectors_that_teach_nothing_are_refused() -> None:
    pixels = np.ones((4, 3))
    with pytest.raises(ValueError, match="4 photos and 3 vectors"):
        train_encoder(pixels, np.ones((3, 2)), regression_loss)
    with pytest.raises(ValueError, match="4 vectors of zeros"):
        train_encoder(pixels, np.zeros((4, 2)), regression_loss)

"""TurboQuant against numerical integration, Max's table, and SciPy's rotations."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.cluster.vq import kmeans2
from scipy.integrate import quad
from scipy.stats import kstest, norm, ortho_group
from torch.testing import assert_close

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.inference.product_quantization import (
    learn_centers,
    nearest_center,
    product_quantized,
)
from snippets.inference.stored_cache import (
    Stored,
    enlarge_first_coordinate,
    min_max,
    six_stores,
)
from snippets.inference.turboquant import (
    Rounded,
    bits_per_number,
    chance_below,
    codebook,
    decode,
    decode_signs,
    distortion,
    encode,
    encode_signs,
    moment_above,
    quantize,
    quantize_unbiased,
    random_rotation,
)

MANY = 100_000  # dimensions in which a coordinate is as good as normal


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def density(t: float, dim: int) -> float:
    scale = math.gamma(dim / 2) / math.gamma((dim - 1) / 2) / math.sqrt(math.pi)
    return scale * (1 - t * t) ** ((dim - 3) / 2)


@pytest.mark.parametrize("dim", [3, 4, 17, 128])
def test_integrals_of_the_density_agree_with_quadrature(agrees, dim):
    t = np.array([-0.9, -0.3, 0.0, 0.2, 0.7])
    below = [quad(density, -1, end, args=(dim,))[0] for end in t]
    above = [quad(lambda s: s * density(s, dim), start, 1)[0] for start in t]
    name = "scipy.integrate.quad"
    agrees(torch.from_numpy(chance_below(t, dim)), torch.tensor(below).double(), name)
    agrees(torch.from_numpy(moment_above(t, dim)), torch.tensor(above).double(), name)


def lloyd_max_of_the_normal(bits: int) -> np.ndarray:
    levels = norm.ppf((np.arange(2**bits) + 0.5) / 2**bits)
    for _ in range(600):
        edges = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2, [np.inf]])
        levels = -np.diff(norm.pdf(edges)) / np.diff(norm.cdf(edges))
    return levels


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_levels_agree_with_those_of_the_normal_density_in_many_dimensions(bits):
    ours = codebook(bits, MANY) * MANY**0.5
    assert_close(
        ours, torch.from_numpy(lloyd_max_of_the_normal(bits)), rtol=1e-4, atol=0
    )


def test_levels_and_errors_of_max_1960():
    published = {
        1: ([0.7980], 0.3634),
        2: ([0.4528, 1.510], 0.1175),
        3: ([0.2451, 0.7560, 1.344, 2.152], 0.03454),
    }
    for bits, (levels, error) in published.items():
        ours = (codebook(bits, MANY) * MANY**0.5)[2 ** (bits - 1) :]
        assert_close(ours, torch.tensor(levels).double(), rtol=1e-3, atol=0)
        assert abs(distortion(bits, MANY) / error - 1) < 1e-3


@pytest.mark.parametrize(("bits", "dim"), [(1, 5), (2, 5), (3, 4), (2, 40)])
def test_expected_error_agrees_with_quadrature(agrees, bits, dim):
    levels = codebook(bits, dim).tolist()

    def lost(t: float) -> float:
        return min((t - level) ** 2 for level in levels) * density(t, dim)

    edges = [(low + high) / 2 for low, high in pairwise(levels)]
    theirs = dim * quad(lost, -1, 1, points=edges, limit=200)[0]
    ours = torch.tensor(distortion(bits, dim)).double()
    agrees(ours, torch.tensor(theirs).double(), "scipy.integrate.quad")


def test_no_level_can_be_moved_to_advantage():
    levels, t = codebook(2, 9), np.linspace(-1, 1, 20_001)
    weight = np.array([density(x, 9) for x in t])

    def error(levels: np.ndarray) -> float:
        return ((t[:, None] - levels) ** 2).min(axis=1) @ weight

    for moved in range(4):
        for step in (-0.01, 0.01):
            other = levels.numpy().copy()
            other[moved] += step
            assert error(other) > error(levels.numpy())


@pytest.mark.parametrize("dim", [2, 3, 16, 128])
def test_errors_lie_between_the_bounds(dim):
    for bits in (1, 2, 3, 4):
        factor = distortion(bits, dim) * 4**bits
        assert factor < math.sqrt(3) * math.pi / 2
        assert dim < 16 or factor > 1
    assert distortion(0, dim) == pytest.approx(1)


def test_rotations_are_uniform_and_the_test_has_power():
    random = torch.Generator().manual_seed(0)
    many = torch.stack([random_rotation(4, random) for _ in range(1500)])
    assert_close(many @ many.mT, torch.eye(4).double().expand(1500, 4, 4))
    theirs = ortho_group.rvs(4, size=1500, random_state=0)
    unsigned = torch.linalg.qr(gaussian(1500, 4, 4))[0]
    for row, column in [(0, 0), (2, 3), (3, 1)]:
        assert kstest(many[:, row, column], theirs[:, row, column]).pvalue > 0.001
        ours = many[:, row, column].numpy()
        assert kstest(ours, lambda t: chance_below(t, 4)).pvalue > 0.001
    assert kstest(unsigned[:, 0, 0], theirs[:, 0, 0]).pvalue < 1e-6


def test_nearest_levels_agree_with_a_search(agrees):
    x, rotation, levels = gaussian(7, 6), random_rotation(6), codebook(3, 6)
    code = encode(x, rotation, levels)
    index, stored = [], []
    for vector in x:
        turned = rotation @ (vector / vector.norm())
        nearest = [int((levels - t).abs().argmin()) for t in turned]
        index.append(nearest)
        stored.append(vector.norm() * rotation.T @ levels[nearest])
    name = "its definition as loops"
    agrees(code.index, torch.tensor(index, dtype=torch.uint8), name)
    agrees(decode(code, rotation, levels), torch.stack(stored), name)


def test_error_is_that_of_the_table_for_any_vector():
    random = torch.Generator().manual_seed(0)
    spike = torch.zeros(1, 32, dtype=torch.float64)
    spike[0, 3] = 5.0
    for x in (spike, gaussian(1, 32)):
        for bits in (1, 3):
            errors = [
                ((quantize(x, random_rotation(32, random), bits) - x) ** 2).sum()
                for _ in range(400)
            ]
            share = torch.stack(errors).mean() / x.square().sum()
            assert abs(share / distortion(bits, 32) - 1) < 0.12


def test_products_shrink_by_the_error_on_average():
    random = torch.Generator().manual_seed(0)
    x = gaussian(1, 16)
    stored = [quantize(x, random_rotation(16, random), 1) for _ in range(2500)]
    mean = torch.cat(stored).mean(dim=0)
    assert_close(mean, (1 - distortion(1, 16)) * x[0], rtol=0, atol=0.08)


def test_signs_give_the_vector_on_average():
    x, rows = gaussian(3, 5), gaussian(200_000, 5, seed=1)
    stored = decode_signs(encode_signs(x, rows), rows)
    assert_close(stored, x, rtol=0, atol=0.03)
    rough = quantize_unbiased(x, random_rotation(5), rows, 2)
    assert_close(rough, x, rtol=0, atol=0.03)


def test_error_of_products_is_that_of_the_residual():
    """Variance of one sign is pi / 2 times the squared residual, over ``dim``."""
    random = torch.Generator().manual_seed(0)
    dim, x, y = 24, gaussian(1, 24), gaussian(1, 24, seed=1)
    x, y = x / x.norm(), y / y.norm()
    errors = []
    for _ in range(900):
        rotation = random_rotation(dim, random)
        rows = torch.randn(dim, dim, generator=random, dtype=torch.float64)
        stored = quantize_unbiased(x, rotation, rows, 2)
        errors.append(((stored - x) * y).sum())
    errors = torch.stack(errors)
    assert abs(errors.mean()) < 4 * errors.std() / 900**0.5
    expected = math.pi / 2 * distortion(1, dim)
    assert abs(dim * errors.square().mean() / expected - 1) < 0.2


def test_length_scales_and_zero_stays_zero():
    x, rotation = gaussian(4, 8), random_rotation(8)
    assert_close(quantize(3 * x, rotation, 2), 3 * quantize(x, rotation, 2))
    zero = torch.zeros(2, 8, dtype=torch.float64)
    assert (quantize(zero, rotation, 2) == 0).all()
    assert (quantize_unbiased(zero, rotation, gaussian(8, 8), 2) == 0).all()


def test_no_bits_store_nothing_but_the_length():
    code = encode(gaussian(3, 8), random_rotation(8), codebook(0, 8))
    assert_close(
        decode(code, random_rotation(8), codebook(0, 8)).norm(),
        torch.tensor(0.0).double(),
    )
    assert isinstance(code, Rounded)


def test_bits_are_counted_with_the_lengths():
    assert bits_per_number(2, 128, lengths=2) == (2 * 128 + 2 * 16) / 128


def test_what_cannot_be_stored_is_refused():
    with pytest.raises(ValueError, match="dim=1, bits=2"):
        codebook(2, 1)
    with pytest.raises(ValueError, match="dim=8, bits=9"):
        codebook(9, 8)
    with pytest.raises(ValueError, match="bits=0"):
        quantize_unbiased(gaussian(2, 8), random_rotation(8), gaussian(8, 8), 0)


def test_eight_bits_fill_a_byte():
    """The error of a fine grid falls by four for each bit."""
    torch.manual_seed(0)
    x, rotation = gaussian(2000, 16), random_rotation(16)
    code = encode(x, rotation, codebook(8, 16))
    assert code.index.min() == 0
    assert code.index.max() == 255
    error = (decode(code, rotation, codebook(8, 16)) - x).square().sum()
    assert_close((error / x.square().sum()).item(), distortion(8, 16), rtol=0.1, atol=0)
    assert 3.5 < distortion(7, 16) / distortion(8, 16) < 4.1


def test_product_quantization_keeps_vectors_that_are_its_centers():
    """Four different pairs and four centers: nothing is lost."""
    corners = torch.cartesian_prod(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]))
    x = torch.cat([corners, corners.flip(0)], dim=1)
    random = torch.Generator().manual_seed(0)
    assert_close(product_quantized(x, learn_centers(x, 2, random, centers=4)), x)
    with pytest.raises(ValueError, match="3 vectors for 4 centers"):
        learn_centers(x[:3], 2, random, centers=4)


def test_product_quantization_agrees_with_scipy(agrees):
    """Where k-means of SciPy starts from the same centers; three parts of a vector."""
    x = gaussian(50, 6)
    random = torch.Generator().manual_seed(3)
    ours = learn_centers(x, 2, torch.Generator().manual_seed(3), 4, rounds=60)
    stored = []
    for part, found in zip(x.split(2, dim=1), ours, strict=True):
        first = torch.randperm(50, generator=random)[:4]
        theirs, nearest = kmeans2(
            part.numpy(), part[first].numpy(), iter=60, minit="matrix"
        )
        agrees(found, torch.from_numpy(theirs), "scipy.cluster.vq.kmeans2")
        stored.append(torch.from_numpy(theirs[nearest]))
    agrees(product_quantized(x, ours), torch.cat(stored, 1), "scipy.cluster.vq.kmeans2")


def test_nearest_centers_are_those_of_pairwise_distances():
    x, centers = gaussian(3, 40, 2), 1 + gaussian(3, 7, 2, seed=1)
    expected = torch.cdist(x, centers).argmin(dim=2)
    assert_close(nearest_center(x, centers), expected)
    assert_close(nearest_center(x[1], centers[1]), expected[1])


def test_lengths_do_not_overflow_in_half_precision():
    """Squares of 30,000 do not fit into float16, nor does a norm of 240,000."""
    x = torch.full((2, 64), 3e4).half()
    x[1, ::2] *= -1
    found = quantize(x, random_rotation(64, torch.Generator().manual_seed(0)).half(), 4)
    assert found.dtype == torch.float16
    error = (found.float() - x.float()).square().sum(dim=1) / 3e4**2 / 64
    assert (error < 3 * distortion(4, 64)).all()


@pytest.mark.parametrize("name", ["first", "two", "constant", "alternating", "powers"])
def test_signs_of_the_rotation_do_not_change_the_error(name):
    """The levels are symmetric, so QR without signs has the error of the table too."""
    vectors = {
        "first": torch.eye(8)[0],
        "two": torch.eye(8)[0] + torch.eye(8)[1],
        "constant": torch.ones(8),
        "alternating": (-1.0) ** torch.arange(8),
        "powers": 2.0 ** -torch.arange(8),
    }
    x = vectors[name].double()[None] / vectors[name].norm()
    q = torch.linalg.qr(gaussian(4000, 8, 8))[0]
    levels = codebook(2, 8)
    turned = (q @ x[0]).flatten()
    nearest = levels[torch.bucketize(turned, (levels[1:] + levels[:-1]) / 2)]
    error = (nearest - turned).square().view(4000, 8).sum(dim=1).mean()
    assert error.item() == pytest.approx(distortion(2, 8), rel=0.06)


def test_an_enlarged_coordinate_changes_no_output():
    torch.manual_seed(0)
    mix = GroupedQueryAttention(d_model=24, heads=1, kv_heads=1)
    x = torch.randn(2, 5, 24)
    before, key = mix(x), mix.key(x)
    enlarge_first_coordinate(mix, 10.0)
    assert_close(mix(x), before)
    assert_close(mix.key(x)[..., 0], 10 * key[..., 0])


def test_min_max_keeps_the_ends_and_constant_vectors():
    x = torch.tensor([[-1.0, 0.1, 2.0], [3.0, 3.0, 3.0]])
    found = min_max(x, 2)
    assert_close(found[:, [0, 2]], x[:, [0, 2]])
    assert found[0, 1] == 0


def test_every_way_to_store_keeps_a_vector_if_it_has_many_bits():
    x = gaussian(50, 6).float()
    for name, store in six_stores(6, 8, torch.Generator().manual_seed(0)).items():
        error = (store(x) - x).square().sum(dim=1) / x.square().sum(dim=1)
        assert error.mean() < 1e-3, name


def test_stored_vectors_keep_their_shape():
    double = Stored(torch.nn.Identity(), lambda x: 2 * x if x.ndim == 2 else x)
    x = torch.randn(2, 5, 3)
    assert_close(double(x), 2 * x)

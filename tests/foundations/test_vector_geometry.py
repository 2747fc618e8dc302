"""Geometry against PyTorch, NumPy and scikit-learn, and against its definitions."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.metrics import mutual_info_score
from sklearn.metrics.pairwise import cosine_similarity
from torch.testing import assert_close

from snippets.foundations.vector_geometry import (
    by_axes,
    by_columns,
    by_rows,
    cos_add,
    cosine,
    factorize,
    mean_difference,
    pmi,
    project,
    room,
    solve_analogy,
)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 3, 1)])
def test_cosine_agrees_with_torch(agrees, shape):
    x, y = normal(*shape), normal(*shape)
    theirs = torch.nn.functional.cosine_similarity(x, y, dim=-1)
    agrees(cosine(x, y), theirs, "torch.nn.functional.cosine_similarity")


def test_a_zero_vector_is_at_a_right_angle_to_all():
    assert_close(cosine(torch.zeros(2, 5), torch.randn(2, 5)), torch.zeros(2))


def test_cosine_ignores_lengths():
    x, y = normal(5, 4), normal(5, 4)
    assert_close(cosine(3 * x, 0.01 * y), cosine(x, y))


@pytest.mark.parametrize("features", [16, 256])
def test_cosines_of_random_directions_have_the_variance_one_over_features(features):
    found = cosine(normal(20_000, features), normal(20_000, features))
    assert abs(found.mean()) < 5 / math.sqrt(20_000 * features)
    assert abs(found.var() * features - 1) < 0.05


def test_few_pairs_exceed_what_room_allows():
    """The bound on one pair, which ``room`` turns into a number of directions."""
    found = cosine(normal(50_000, 64), normal(50_000, 64)).abs()
    for largest in (0.2, 0.3, 0.4):
        bound = 2 * math.exp(-64 * largest**2 / 2)
        assert (found > largest).double().mean() < bound
    pairs = room(64, 0.4) ** 2 / 2
    assert pairs * 2 * math.exp(-64 * 0.4**2 / 2) <= 1


def test_a_set_that_has_room_keeps_its_angles():
    """More directions than features; 0.03 for the luck of random ones."""
    count = room(256, 0.3)
    unit = torch.nn.functional.normalize(normal(count, 256), dim=-1)
    gram = (unit @ unit.T).fill_diagonal_(0)
    assert count > 300
    assert gram.abs().max() < 0.3 + 0.03


def test_pmi_is_the_log_of_a_ratio_of_frequencies_by_loops(agrees):
    counts = torch.randint(1, 9, (3, 5)).double()
    total, rows, columns = counts.sum(), counts.sum(1), counts.sum(0)
    loops = [
        [math.log(counts[i, j] * total / (rows[i] * columns[j])) for j in range(5)]
        for i in range(3)
    ]
    agrees(pmi(counts, 0.0), np.array(loops), "definition as loops")


def test_mean_of_pmi_agrees_with_mutual_information(agrees):
    counts = torch.randint(1, 9, (3, 5)).double()
    mean = (counts / counts.sum() * pmi(counts, 0.0)).sum()
    theirs = mutual_info_score(None, None, contingency=counts.long().numpy())
    agrees(mean, theirs, "sklearn.metrics.mutual_info_score")


def test_vectors_agree_with_truncated_svd(agrees):
    """Signs of features are free, so the products of all words are compared."""
    matrix = normal(9, 12)
    ours = factorize(matrix, features=4)
    model = TruncatedSVD(4, algorithm="arpack")
    theirs = model.fit_transform(matrix.numpy()) / np.sqrt(model.singular_values_)
    agrees(ours @ ours.T, theirs @ theirs.T, "sklearn.decomposition.TruncatedSVD")


def test_vectors_of_all_features_give_the_matrix_back():
    matrix = normal(4, 6)
    words, contexts = factorize(matrix, 4), factorize(matrix.T.contiguous(), 4)
    signs = torch.linalg.pinv(words) @ matrix @ torch.linalg.pinv(contexts).T
    assert_close(signs.abs(), torch.eye(4, dtype=torch.float64))


def test_scores_agree_with_scikit_learn(agrees):
    words = normal(8, 5)
    unit = words / words.norm(dim=-1, keepdim=True)
    target = (unit[3] - unit[1] + unit[6])[None]
    theirs = cosine_similarity(unit.numpy(), target.numpy())[:, 0]
    reference = "sklearn.metrics.pairwise.cosine_similarity"
    agrees(cos_add(words, 1, 3, 6), theirs, reference)


def test_a_constant_offset_completes_every_question():
    nouns, gender = torch.eye(4).repeat_interleave(2, dim=0), torch.tensor([0.0, 0.5])
    words = torch.cat([nouns, gender.repeat(4)[:, None]], dim=1)
    for a in (0, 2, 4, 6):
        for b in {0, 2, 4, 6} - {a}:
            assert solve_analogy(words, a, a + 1, b) == b + 1
            assert solve_analogy(words, a + 1, a, b + 1) == b


def test_words_of_the_question_never_win():
    words = normal(6, 3)
    words[4] = words[1] - words[0] + words[2]
    for a, a_star, b in ((0, 1, 2), (3, 4, 5), (5, 0, 4)):
        assert solve_analogy(words, a, a_star, b) not in (a, a_star, b)


def test_the_length_of_a_word_does_not_matter_to_a_question():
    words = normal(8, 5)
    longer = words * torch.rand(8, 1, dtype=torch.float64).add(0.5)
    assert_close(cos_add(longer, 1, 3, 6), cos_add(words, 1, 3, 6))


def test_a_concept_is_the_mean_of_all_differences():
    present, absent = normal(3, 4), normal(5, 4)
    differences = [x - y for x in present for y in absent]
    assert_close(mean_difference(present, absent), torch.stack(differences).mean(dim=0))


def test_the_parts_of_a_vector_are_at_right_angles_and_add_up():
    x, direction = normal(2, 3, 5), normal(5)
    along, rest = project(x, direction)
    assert_close(along + rest, x)
    assert_close(rest @ direction, torch.zeros(2, 3, dtype=torch.float64))
    assert_close(project(along, 4 * direction)[0], along)


@pytest.mark.parametrize("product", [by_columns, by_rows, by_axes])
@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (1, 4)])
def test_three_readings_agree_with_matmul(agrees, product, shape):
    matrix, x = normal(*shape), normal(shape[1])
    agrees(product(matrix, x), torch.matmul(matrix, x), "torch.matmul")


def test_axes_are_those_of_numpy(agrees):
    """Each right singular vector lands on its left one, longer by its value."""
    matrix = normal(3, 5)
    left, stretch, right = np.linalg.svd(matrix.numpy(), full_matrices=False)
    images = torch.stack([by_axes(matrix, x) for x in torch.from_numpy(right)])
    agrees(images, stretch[:, None] * left.T, "numpy.linalg.svd")


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match=r"largest=1\.5"):
        room(8, 1.5)
    with pytest.raises(ValueError, match=r"6 features of a matrix of \(5, 7\)"):
        factorize(normal(5, 7), 6)
    with pytest.raises(ValueError, match=r"smoothing=0\.0"):
        pmi(torch.zeros(2, 3), 0.0)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32])
def test_gradients_of_cosine_are_finite_at_zero_and_those_of_torch_elsewhere(kind):
    """The gradient of a branch that ``where`` does not select is still computed."""
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=kind, requires_grad=True)
    y = torch.tensor([[1.0, 2.0], [0.0, 0.0]], dtype=kind, requires_grad=True)
    cosine(x, y).sum().backward()
    assert x.grad.isfinite().all()
    assert y.grad.isfinite().all()


def test_gradient_of_cosine_agrees_with_torch(agrees):
    torch.manual_seed(0)
    x, y = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    ours, theirs = (
        torch.autograd.grad(similar(x, y).sum(), x)[0]
        for similar in (cosine, torch.cosine_similarity)
    )
    agrees(ours, theirs, "torch.cosine_similarity")


@pytest.mark.parametrize("length", [1e-30, 1e-6, 1e6, 1e30])
def test_cosine_of_very_long_and_very_short_vectors(length):
    """Squares of these are 0 or infinite in single precision."""
    x, y = length * torch.tensor([3.0, 4.0]), length * torch.tensor([4.0, 3.0])
    assert_close(cosine(x, y), torch.tensor(0.96))


def test_a_word_of_zeros_never_completes_a_question():
    words = torch.tensor([[1.0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0]])
    assert solve_analogy(words, a=0, a_star=1, b=2) == 3


def test_one_feature_and_all_features_can_be_kept():
    matrix = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert factorize(matrix, 1).shape == (3, 1)
    assert factorize(matrix, 2).shape == (3, 2)


def test_means_of_nothing_and_directions_of_length_zero_are_refused():
    with pytest.raises(ValueError, match="0 vectors with the property, 2 without"):
        mean_difference(torch.empty(0, 3), torch.ones(2, 3))
    with pytest.raises(ValueError, match="a direction of length zero"):
        project(torch.ones(2, 3), torch.zeros(3))


@pytest.mark.parametrize("length", [1e-30, 1e-6, 1e6, 1e30])
def test_projection_does_not_depend_on_the_length_of_the_direction(length):
    x, direction = torch.tensor([3.0, 4.0]), torch.tensor([length, 0.0])
    along, rest = project(x, direction)
    assert_close(along, torch.tensor([3.0, 0.0]))
    assert_close(rest, torch.tensor([0.0, 4.0]))


def test_half_precision_neither_overflows_in_a_projection_nor_in_a_table():
    half = torch.float16
    x, direction = torch.tensor([[300.0, 400.0], [300.0, 0.0]], dtype=half)
    assert_close(project(x, direction)[0], direction)
    counts = torch.full((4, 4), 6000.0, dtype=half)
    assert_close(pmi(counts), torch.zeros(4, 4))


def test_no_word_is_left_for_an_answer():
    with pytest.raises(ValueError, match="3 words leave none"):
        solve_analogy(torch.eye(3), 0, 1, 2)
    assert solve_analogy(torch.eye(3), 0, 1, 0) == 2


def test_a_combination_of_no_columns_is_zero():
    assert_close(by_columns(torch.ones(3, 0), torch.ones(0)), torch.zeros(3))

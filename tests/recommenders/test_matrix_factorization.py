"""Factors against implicit, scikit-learn, PyTorch, and the SVD."""

import jaxtyping
import numpy as np
import pytest
import torch
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_array, csr_matrix
from sklearn.linear_model import Ridge
from torch.nn.functional import logsigmoid

from snippets.recommenders.factor_descent import BiasedFactors, rating_loss, sgd
from snippets.recommenders.implicit_feedback import (
    bpr,
    draw_others,
    implicit_als,
    implicit_fold_in,
)
from snippets.recommenders.matrix_factorization import (
    Factors,
    als,
    fold_in,
    objective,
    predict,
)
from snippets.recommenders.rating_biases import (
    Biases,
    fit_biases,
    known_cells,
    rating_table,
    residuals,
)

USERS, ITEMS = 7, 9
WRONG = (ValueError, jaxtyping.TypeCheckError)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def table(rng) -> csr_array:
    """Half of the cells, a zero among them; user 2 and item 4 have no ratings."""
    known = rng.random((USERS, ITEMS)) < 0.5
    known[2] = known[:, 4] = False
    users, items = np.nonzero(known)
    values = rng.normal(1, 1, len(users))
    values[3] = 0
    return rating_table(users, items, values, (USERS, ITEMS))


@pytest.fixture
def start(rng) -> tuple[Biases, Factors]:
    biases = Biases(3.5, rng.normal(size=USERS), rng.normal(size=ITEMS))
    return biases, Factors(rng.normal(size=(USERS, 3)), rng.normal(size=(ITEMS, 3)))


# Biases


def test_biases_are_ridge_regression_on_indicators(agrees, table) -> None:
    """Reference: ``sklearn.linear_model.Ridge`` with a column per user and item."""
    users, items = table.tocoo().coords
    columns = np.hstack([np.eye(USERS)[users], np.eye(ITEMS)[items]])
    ridge = Ridge(alpha=1.7, fit_intercept=False)
    ridge.fit(columns, table.data - table.data.mean())
    ours = fit_biases(table, 1.7, 1.7, passes=100)
    agrees(np.concatenate(ours[1:]), ridge.coef_, "sklearn.linear_model.Ridge")
    assert ours.users[2] == ours.items[4] == 0


def test_each_side_has_its_damping(table) -> None:
    found = fit_biases(table, 0.4, 3.0, passes=100)
    left = residuals(table, found).toarray()
    np.testing.assert_allclose(left.sum(axis=1), 0.4 * found.users, atol=1e-12)
    np.testing.assert_allclose(left.sum(axis=0), 3.0 * found.items, atol=1e-12)


def test_a_zero_is_a_rating(table) -> None:
    assert table.nnz == known_cells(table).sum() == len(table.data)
    assert (table.data == 0).any()
    left = residuals(table, Biases(0.0, np.zeros(USERS), np.zeros(ITEMS)))
    np.testing.assert_array_equal(left.data, table.data)


# ALS


def test_a_row_is_ridge_regression_with_weighted_penalty(agrees, table, start) -> None:
    """Reference: ``sklearn.linear_model.Ridge`` with alpha = lambda n."""
    items = start[1].items
    ours = fold_in(table, items, 0.3)
    assert (ours[2] == 0).all()
    for user in (0, 1, 3):
        own = slice(*table.indptr[user : user + 2])
        count = own.stop - own.start
        ridge = Ridge(alpha=0.3 * count, fit_intercept=False)
        ridge.fit(items[table.indices[own]], table.data[own])
        agrees(ours[user], ridge.coef_, "sklearn.linear_model.Ridge")


def test_without_penalty_a_full_table_gives_the_svd(agrees, rng) -> None:
    """Reference: ``numpy.linalg.svd``, cut off at two singular values."""
    full = rng.normal(size=(USERS, ITEMS))
    found = als(csr_array(full), rng.normal(size=(ITEMS, 2)), 0.0, passes=400)
    left, values, right = np.linalg.svd(full, full_matrices=False)
    best = (left[:, :2] * values[:2]) @ right[:2]
    agrees(found.users @ found.items.T, best, "numpy.linalg.svd")
    rest = objective(csr_array(full), found, 0.0)
    assert rest == pytest.approx((values[2:] ** 2).sum())


def test_with_penalty_a_full_table_gives_the_shrunken_svd(rng) -> None:
    """Singular values lose lambda sqrt(users items), but none falls below 0."""
    full = rng.normal(size=(USERS, ITEMS))
    left, values, right = np.linalg.svd(full, full_matrices=False)
    penalty = values[2] / np.sqrt(USERS * ITEMS)
    shrunken = np.maximum(values - values[2], 0)
    found = als(csr_array(full), rng.normal(size=(ITEMS, 4)), penalty, passes=800)
    product = found.users @ found.items.T
    np.testing.assert_allclose(product, (left * shrunken) @ right, atol=1e-3)
    assert (shrunken > 0).sum() == 2


def test_no_half_pass_raises_the_objective(table, rng) -> None:
    items, last = rng.normal(size=(ITEMS, 3)), np.inf
    for _ in range(6):
        users = fold_in(table, items, 0.1)
        middle = objective(table, Factors(users, items), 0.1)
        found = als(table, items, 0.1, passes=1)
        items = found.items
        np.testing.assert_array_equal(found.users, users)
        assert objective(table, found, 0.1) <= middle <= last
        last = objective(table, found, 0.1)
    assert (items[4] == 0).all()


def test_the_objective_is_that_of_the_loops(table, start) -> None:
    factors, expected = start[1], 0.0
    for user, item, value in zip(*table.tocoo().coords, table.data, strict=True):
        p, q = factors.users[user], factors.items[item]
        expected += (value - p @ q) ** 2 + 0.3 * (p @ p + q @ q)
    assert objective(table, factors, 0.3) == pytest.approx(expected)


def test_a_rotation_changes_no_prediction(start, rng) -> None:
    biases, factors = start
    M = rng.normal(size=(3, 3))
    turned = Factors(factors.users @ M, factors.items @ np.linalg.inv(M).T)
    cells = np.array([0, 4, 4]), np.array([8, 1, 0])
    expected = predict(*cells, biases, factors)
    np.testing.assert_allclose(predict(*cells, biases, turned), expected)
    p, q = factors.users[4], factors.items[1]
    by_hand = 3.5 + biases.users[4] + biases.items[1] + p @ q
    assert expected[1] == pytest.approx(by_hand)


# Gradient descent


def test_batches_of_one_are_the_updates_of_the_paper(table, start) -> None:
    (users, items), values = table.tocoo().coords, table.data
    (mean, b_u, b_i), (P, Q) = start[0], start[1]
    b_u, b_i, P, Q = b_u.copy(), b_i.copy(), P.copy(), Q.copy()
    for u, i, value in zip(users, items, values, strict=True):
        e = value - (mean + b_u[u] + b_i[i] + P[u] @ Q[i])
        b_u[u] += 0.1 * (e - 0.2 * b_u[u])
        b_i[i] += 0.1 * (e - 0.2 * b_i[i])
        P[u], Q[i] = (
            P[u] + 0.1 * (e * Q[i] - 0.2 * P[u]),
            Q[i] + 0.1 * (e * P[u] - 0.2 * Q[i]),
        )
    batches = np.arange(len(values))[:, None]
    biases, factors = sgd(users, items, values, start, batches, 0.1, 0.2)
    for ours, expected in zip((*biases[1:], *factors), (b_u, b_i, P, Q), strict=True):
        np.testing.assert_allclose(ours, expected)


def test_steps_are_those_of_torch(agrees, table, start) -> None:
    """Reference: ``torch.optim.SGD``; users and items occur repeatedly in a batch."""
    (users, items), values = table.tocoo().coords, table.data
    batches = np.array_split(np.arange(len(values)), 4)
    before = [part.copy() for part in (*start[0][1:], *start[1])]
    biases, factors = sgd(users, items, values, start, batches, 0.05, 0.3)
    model = BiasedFactors(USERS, ITEMS, 3, mean=3.5).double()
    tables = (
        model.user_biases,
        model.item_biases,
        model.user_factors,
        model.item_factors,
    )
    with torch.no_grad():
        for ours, part in zip(tables, before, strict=True):
            ours.weight.copy_(torch.from_numpy(part).view_as(ours.weight))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for batch in batches:
        optimizer.zero_grad()
        cells = [torch.from_numpy(part[batch]) for part in (users, items, values)]
        rating_loss(model, *cells, penalty=0.3).backward()
        optimizer.step()
    for ours, theirs in zip((*biases[1:], *factors), tables, strict=True):
        agrees(ours.ravel(), theirs.weight.detach().numpy().ravel(), "torch.optim.SGD")
    for part, now in zip(before, (*start[0][1:], *start[1]), strict=True):
        np.testing.assert_array_equal(part, now)  # arguments are left as they are


# Implicit feedback


@pytest.fixture
def confidence(rng) -> csr_array:
    """Confidences of half of the cells; user 5 chose nothing."""
    chosen = rng.random((USERS, ITEMS)) < 0.5
    chosen[5] = False
    return csr_array(chosen * rng.uniform(1, 9, chosen.shape).astype(np.float32))


def theirs(confidence, start, iterations) -> AlternatingLeastSquares:
    """A model of implicit that starts from the given factors and solves exactly."""
    model = AlternatingLeastSquares(
        3, 0.7, dtype=np.float64, use_cg=False, iterations=iterations, num_threads=1
    )
    model.user_factors, model.item_factors = (part.copy() for part in start)
    model.fit(csr_matrix(confidence), show_progress=False)
    return model


@pytest.mark.filterwarnings("ignore:OpenBLAS")
def test_factors_are_those_of_implicit(agrees, confidence, start) -> None:
    """Reference: ``implicit``, whose stored values are the confidences."""
    model = theirs(confidence, start[1], iterations=3)
    ours = implicit_als(confidence, start[1].items, 0.7, passes=3)
    name = "implicit.als.AlternatingLeastSquares"
    agrees(ours.users, model.user_factors, name)
    agrees(ours.items, model.item_factors, name)
    assert (ours.users[5] == 0).all()


@pytest.mark.filterwarnings("ignore:OpenBLAS")
def test_fold_in_is_that_of_implicit(agrees, confidence, start, rng) -> None:
    """Reference: ``recalculate_user`` of ``implicit``."""
    model = theirs(confidence, start[1], iterations=1)
    new = csr_array(np.array([[0, 3.0, 0, 0, 1.5, 0, 0, 0, 2.0]], dtype=np.float32))
    found = implicit_fold_in(new, model.item_factors, 0.7)
    expected = model.recalculate_user(np.array([0]), csr_matrix(new))
    agrees(found, expected, "implicit.als.AlternatingLeastSquares")


def test_a_user_minimizes_the_loss_over_all_cells(confidence, start) -> None:
    items = torch.from_numpy(start[1].items)
    users = torch.from_numpy(implicit_fold_in(confidence, start[1].items, 0.7))
    users.requires_grad_()
    chosen = torch.from_numpy(confidence.toarray().astype(float))
    weights = torch.where(chosen > 0, chosen, 1.0)
    errors = (chosen > 0).double() - users @ items.T
    loss = (weights * errors**2).sum() + 0.7 * (users**2).sum()
    (grad,) = torch.autograd.grad(loss, users)
    np.testing.assert_allclose(grad, 0, atol=1e-9)


def test_confidence_of_one_gives_the_shrunken_svd_of_the_choices(rng) -> None:
    chosen = (rng.random((USERS, ITEMS)) < 0.5).astype(float)
    left, values, right = np.linalg.svd(chosen, full_matrices=False)
    found = implicit_als(csr_array(chosen), rng.normal(size=(ITEMS, 5)), 0.5, 800)
    shrunken = np.maximum(values - 0.5, 0)
    best = (left[:, :5] * shrunken[:5]) @ right[:5]
    np.testing.assert_allclose(found.users @ found.items.T, best, atol=1e-6)


def test_bpr_steps_are_those_of_autograd(agrees, start) -> None:
    """Reference: ``torch.nn.functional.logsigmoid`` and its gradient."""
    users, chosen = np.array([0, 0, 6, 2]), np.array([1, 3, 1, 8])
    others = np.array([3, 2, 0, 0])
    P, Q = (torch.from_numpy(part.copy()).requires_grad_() for part in start[1])
    p, up, down = P[users], Q[chosen], Q[others]
    gain = logsigmoid((p * (up - down)).sum(dim=1)).sum()
    squares = sum((part**2).sum() for part in (p, up, down))
    grads = torch.autograd.grad(gain - 0.3 * squares / 2, (P, Q))
    ours = bpr(users, chosen, others, start[1], [np.arange(4)], 0.1, 0.3)
    for mine, part, grad in zip(ours, (P, Q), grads, strict=True):
        expected = (part + 0.1 * grad).detach().numpy()
        agrees(mine, expected, "torch.nn.functional.logsigmoid")


def test_other_items_were_not_chosen_and_all_occur(rng) -> None:
    chosen = rng.random((4, 5)) < 0.5
    chosen[0] = [True, True, False, True, True]
    users = np.repeat(np.arange(4), 500)
    others = draw_others(users, chosen, rng)
    assert not chosen[users, others].any()
    for user, row in enumerate(chosen):
        counts = np.bincount(others[users == user], minlength=5)
        np.testing.assert_allclose(counts[~row], 500 / (~row).sum(), rtol=0.25)


# Bad input


def test_bad_tables_are_refused() -> None:
    users, items, values = np.array([0, 1]), np.array([2, 0]), np.array([3.0, 4.0])
    with pytest.raises(ValueError, match="item 2 in a table of 2"):
        rating_table(users, items, values, (2, 2))
    with pytest.raises(ValueError, match="user -1 in a table of 2"):
        rating_table(users - 1, items, values, (2, 3))
    with pytest.raises(ValueError, match="1 of 2 are finite"):
        rating_table(users, items, np.array([3.0, np.nan]), (2, 3))
    with pytest.raises(ValueError, match="0 of 0"):
        rating_table(users[:0], items[:0], values[:0], (2, 3))
    with pytest.raises(ValueError, match="2 ratings of 1 different cells"):
        rating_table(users * 0, items * 0, values, (2, 3))
    with pytest.raises(WRONG):
        rating_table(users, items[:1], values, (2, 3))
    small = rating_table(users.astype(np.int8), items.astype(np.int8), values, (2, 300))
    assert small.nnz == 2


def test_bad_settings_are_refused(table, start, confidence, rng) -> None:
    items = start[1].items
    with pytest.raises(ValueError, match=r"dampings 0.0, 1.0 must be positive"):
        fit_biases(table, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"dampings 1.0, nan must be positive"):
        fit_biases(table, 1.0, np.nan)
    with pytest.raises(ValueError, match="a pass or more, got 0"):
        als(table, items, 0.1, passes=0)
    with pytest.raises(ValueError, match="a pass or more, got 0"):
        implicit_als(confidence, items, 0.1, passes=0)
    for make, data in ((fold_in, table), (implicit_fold_in, confidence)):
        with pytest.raises(ValueError, match=r"\(7, 9\).* item factors of \(8, 3\)"):
            make(data, items[1:], 0.1)
        with pytest.raises(ValueError, match=r"\(9, 0\)"):
            make(data, items[:, :0], 0.1)
        with pytest.raises(ValueError, match="finite"):
            make(data, items * np.nan, 0.1)
        for penalty in (-0.1, np.nan, np.inf):
            with pytest.raises(ValueError, match=f"penalty {penalty}"):
                make(data, items, penalty)
    with pytest.raises(ValueError, match=r"0\.0 is not fit for 3 factors"):
        fold_in(table, items, 0.0)
    with pytest.raises(ValueError, match="confidences must be positive"):
        implicit_fold_in(-confidence, items, 0.1)
    with pytest.raises(ValueError, match="user 1 has chosen all items"):
        draw_others(np.array([0, 1]), np.array([[False], [True]]), rng)
    low, one = np.array([-1]), np.array([0])
    for cells in ((low, one), (one, low), (one, one + ITEMS)):
        with pytest.raises(ValueError, match="in a table of"):
            predict(*cells, *start)
        with pytest.raises(ValueError, match="in a table of"):
            sgd(*cells, np.array([3.0]), start, [one], 0.1, 0.1)
        with pytest.raises(ValueError, match="in a table of"):
            bpr(*cells, one, start[1], [one], 0.1, 0.1)

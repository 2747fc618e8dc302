"""The fit against SciPy's, closed forms against minima found numerically, constants."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import (
    approx_fprime,
    check_grad,
    curve_fit,
    minimize,
    minimize_scalar,
)
from scipy.special import huber

from snippets.training.isoflop_runs import (
    help_places,
    isoflop_run,
    matrix_parameters,
)
from snippets.training.scaling_fit import fit_law, huber_objective
from snippets.training.scaling_laws import (
    PUBLISHED,
    Law,
    compute_optimal,
    inference_optimal,
    isoflop_optimum,
    predicted_loss,
)
from snippets.training.simulated_runs import lbfgs_fit, simulated_runs
from snippets.training.zipf_learner import expected_error, measured_error, zipf

LAW = PUBLISHED["Besiroglu"]
NEAR = ((6.0, 7.5, 0.5, 0.3, 0.4),)  # one start is enough here
SARDANA = Law(1.69, 406.4, 410.7, 0.336, 0.283)  # constants of their program


def law_of_logs(logs, E, a, b, alpha, beta):
    return np.log(E + np.exp(a - alpha * logs[0]) + np.exp(b - beta * logs[1]))


def test_fit_agrees_with_curve_fit_where_all_errors_are_small(agrees):
    """Below delta, Huber losses are squares."""
    N, D, L = simulated_runs(LAW, 0, noise=0.005)
    ours = fit_law(N, D, L, delta=1.0)
    logs = np.log([N, D])
    start = 1.5, 6.0, 6.0, 0.3, 0.3
    constants, _ = curve_fit(law_of_logs, logs, np.log(L), p0=start)
    theirs = [constants[0], *np.exp(constants[1:3]), *constants[3:]]
    agrees(np.array(ours), np.array(theirs), "scipy.optimize.curve_fit", 1e-3, 0)


@pytest.mark.parametrize("seed", [0, 1])
def test_fit_agrees_with_the_huber_loss_of_curve_fit(agrees, seed):
    N, D, L = simulated_runs(LAW, seed, noise=0.005)
    constants, _ = curve_fit(
        law_of_logs,
        np.log([N, D]),
        np.log(L),
        p0=(1.5, 6.0, 6.0, 0.3, 0.3),
        method="trf",
        loss="huber",
        f_scale=1e-3,
    )
    theirs = [constants[0], *np.exp(constants[1:3]), *constants[3:]]
    ours = fit_law(N, D, L, starts=NEAR)
    agrees(np.array(ours), np.array(theirs), "scipy.optimize.curve_fit", 1e-4, 0)


def test_objective_agrees_with_scipy(agrees):
    N, D, L = simulated_runs(LAW, 1, noise=0.005)
    theta = np.array([6.0, 7.5, 0.6, 0.34, 0.36])
    ours, _ = huber_objective(theta, np.log(N), np.log(D), np.log(L), 1e-3)
    a, b, e, alpha, beta = theta
    error = np.log(np.exp(e) + np.exp(a) / N**alpha + np.exp(b) / D**beta) - np.log(L)
    assert (abs(error) < 1e-3).any()
    assert (abs(error) > 1e-3).any()
    agrees(ours, huber(1e-3, error).sum(), "scipy.special.huber")


def test_objective_and_gradient_agree_with_torch(agrees):
    N, D, L = simulated_runs(LAW, 1, noise=0.005)
    theta = torch.tensor([6.0, 7.5, 0.6, 0.34, 0.36], dtype=torch.float64)
    theta.requires_grad_()
    log_N, log_D, log_L = (torch.tensor(np.log(values)) for values in (N, D, L))
    a, b, e, alpha, beta = theta
    terms = a - alpha * log_N, b - beta * log_D, e.expand(len(N))
    total = torch.logsumexp(torch.stack(terms), 0)
    theirs = torch.nn.functional.huber_loss(total, log_L, reduction="sum", delta=1e-3)
    theirs.backward()
    logs = (values.numpy() for values in (log_N, log_D, log_L))
    ours, gradient = huber_objective(theta.detach().numpy(), *logs, 1e-3)
    agrees(ours, theirs.item(), "torch.nn.functional.huber_loss")
    agrees(gradient, theta.grad.numpy(), "torch.autograd", 1e-9, 1e-12)


def test_gradient_agrees_with_differences(agrees):
    N, D, L = simulated_runs(LAW, 1, noise=0.005)
    logs = np.log(N), np.log(D), np.log(L)
    theta = np.array([6.0, 7.5, 0.6, 0.34, 0.36])

    def value(theta):
        return huber_objective(theta, *logs, 0.02)[0]

    def gradient(theta):
        return huber_objective(theta, *logs, 0.02)[1]

    assert check_grad(value, gradient, theta) < 1e-5 * abs(gradient(theta)).max()
    theirs = approx_fprime(theta, value)
    agrees(gradient(theta), theirs, "scipy.optimize.approx_fprime", 1e-4, 1e-5)


@pytest.mark.parametrize("law", PUBLISHED.values())
@pytest.mark.parametrize("C", [1e18, 5.76e23])
def test_optimum_agrees_with_a_numeric_minimum(agrees, law, C):
    def loss(log_N):
        return predicted_loss(law, np.exp(log_N), C / 6 / np.exp(log_N))

    found = minimize_scalar(loss, bounds=(10, 35), method="bounded")
    N, D = compute_optimal(law, C)
    assert pytest.approx(C) == 6 * N * D
    agrees(np.log(N), found.x, "scipy.optimize.minimize_scalar", 1e-6, 0)


def test_optimum_is_below_every_point_of_a_grid():
    N, D = compute_optimal(LAW, 1e21)
    others = np.geomspace(N / 100, 100 * N, 999)
    assert (
        predicted_loss(LAW, N, D)
        <= predicted_loss(LAW, others, 1e21 / 6 / others).min()
    )


def test_share_of_the_reducible_loss_due_to_size_is_the_exponent_of_size():
    for law, C in product(PUBLISHED.values(), [1e19, 1e24]):
        N, D = compute_optimal(law, C)
        reducible = predicted_loss(law, N, D) - law.E
        share = law.A / N**law.alpha / reducible
        assert share == pytest.approx(law.beta / (law.alpha + law.beta))


@pytest.mark.parametrize("served", [0.0, 2e12, 1e15])
def test_inference_agrees_with_a_constrained_minimum(agrees, served):
    def cost(logs):
        N, D = np.exp(logs)
        return np.log(6 * N * D + 2 * N * served)

    def margin(logs):
        return 100 * (predicted_loss(LAW, *np.exp(logs)) - 2.1)

    found = minimize(
        cost,
        [24.0, 27.0],
        constraints={"type": "eq", "fun": margin},
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    ours = inference_optimal(LAW, 2.1, served)
    assert predicted_loss(LAW, *ours) == pytest.approx(2.1)
    agrees(np.log(ours), found.x, "scipy.optimize.minimize", 1e-4, 0)


def test_published_example_of_inference():
    """The read-me of the authors' program: a loss of 1.947, 2e12 tokens served."""
    N, D = inference_optimal(SARDANA, 1.947, 2e12)
    alone = inference_optimal(SARDANA, 1.947, 0.0)
    assert pytest.approx(2.418e10, rel=5e-4) == N
    assert pytest.approx(2.657e12, rel=5e-4) == D
    assert pytest.approx(0.7096, abs=5e-5) == N / alone.N
    assert pytest.approx(1.4677, abs=5e-5) == D / alone.D
    cost, cost_alone = (6 * n * d + 2 * n * 2e12 for n, d in ((N, D), alone))
    assert cost / cost_alone == pytest.approx(0.9522, abs=5e-5)


def test_without_inference_it_is_the_optimum_of_training():
    N, D = compute_optimal(LAW, 1e22)
    again = inference_optimal(LAW, float(predicted_loss(LAW, N, D)), 0.0)
    assert again == pytest.approx((N, D))


def test_published_numbers_at_the_budget_of_gopher():
    """40 billion: Hoffmann et al., caption of Figure 4."""
    at_budget = {name: compute_optimal(law, 5.76e23) for name, law in PUBLISHED.items()}
    sizes = {name: round(N / 1e9) for name, (N, _) in at_budget.items()}
    assert list(sizes.values()) == [32, 40, 72]
    assert [round(D / N) for N, D in at_budget.values()] == [93, 59, 18]


def test_fit_recovers_a_law_without_noise():
    N, D, L = simulated_runs(LAW, 2, noise=0.0)
    assert fit_law(N, D, L, starts=NEAR) == pytest.approx(LAW, rel=1e-3)


def test_best_of_the_starts_counts():
    runs = simulated_runs(LAW, 0, noise=0.005)
    trap = 5.0, 10.0, 0.0, 0.6, 0.3  # from here, the fit ends in another minimum
    assert fit_law(*runs, starts=(trap,)).beta > 1
    best = fit_law(*runs, starts=NEAR)
    assert fit_law(*runs, starts=(trap, *NEAR)) == best
    assert fit_law(*runs, starts=(*NEAR, trap)) == best


def test_an_outlier_changes_the_fit_little():
    N, D, L = simulated_runs(LAW, 3, noise=0.005)
    before = fit_law(N, D, L, starts=NEAR)
    L[0] *= 2
    after = fit_law(N, D, L, starts=NEAR)
    squares = fit_law(N, D, L, delta=1.0, starts=NEAR)
    assert abs(after.beta - before.beta) < 0.003
    assert abs(squares.beta - before.beta) > 5 * abs(after.beta - before.beta)


def test_order_of_the_runs_does_not_matter():
    runs = simulated_runs(LAW, 4, noise=0.005)
    order = np.random.default_rng(0).permutation(len(runs.N))
    again = fit_law(*runs.some(order), starts=NEAR)
    assert again == pytest.approx(fit_law(*runs, starts=NEAR), rel=1e-4)


def test_averaging_stops_before_the_minimum():
    runs = simulated_runs(LAW, 0, noise=0.005)
    logs = [np.log(values) for values in runs]
    N, D, L = runs
    E, A, B, alpha, beta = fit_law(N, D, L, starts=NEAR)
    theta = np.array([np.log(A), np.log(B), np.log(E), alpha, beta])
    least, gradient = huber_objective(theta, *logs, 1e-3)
    assert abs(gradient).max() < 1e-4
    start = 10.0, 10.0, 0.5, 0.6, 0.6
    summed = lbfgs_fit(runs, start, 1.0)
    assert summed.fun == pytest.approx(least, rel=1e-5)
    mean = lbfgs_fit(runs, start, 1 / len(N))
    assert mean.success
    assert mean.fun == pytest.approx(huber_objective(mean.x, *logs, 1e-3)[0])
    assert mean.fun > 1.5 * least
    slopes = huber_objective(mean.x, *logs, 1e-3)[1] / len(N)
    assert mean.jac == pytest.approx(slopes)


def test_parabola_finds_the_vertex_of_a_parabola_and_nearly_that_of_the_law():
    N = np.geomspace(1e8, 1e10, 7)
    assert isoflop_optimum(N, 2 + 0.1 * np.log(N / 5e8) ** 2) == pytest.approx(5e8)
    best = compute_optimal(LAW, 1e21).N
    near = best * np.geomspace(1 / 3, 3, 7)
    found = isoflop_optimum(near, predicted_loss(LAW, near, 1e21 / 6 / near))
    assert found == pytest.approx(best, rel=0.02)


def test_error_by_heart_agrees_with_its_expectation():
    theta, sizes = zipf(0.5, 20_000), np.array([0, 10, 300, 5000])
    each = [measured_error(theta, sizes, seed) for seed in range(40)]
    spread = np.std(each, axis=0) / 40**0.5
    expected = expected_error(theta, sizes)
    assert expected == pytest.approx([theta @ (1 - theta) ** n for n in sizes])
    assert (abs(np.mean(each, axis=0) - expected) <= 4 * spread + 1e-12).all()


def test_error_by_heart_is_that_of_loops():
    theta, sizes = zipf(1.0, 7), np.array([1, 4])
    random = np.random.default_rng(5).random(4)
    edges = theta.cumsum()
    seen = [next(i for i, edge in enumerate(edges) if edge >= u) for u in random]
    loops = [1 - sum(theta[i] for i in set(seen[:n])) for n in sizes]
    assert measured_error(theta, sizes, 5) == pytest.approx(loops)


def test_real_runs_spend_the_budget_and_repeat_nothing():
    places = help_places(0)
    N, D, loss = isoflop_run(places, 4, 1e7, rate=0.015, seed=0)
    assert (
        N
        == matrix_parameters(4, places.vocab)
        == 8 * 16 * 4 + 4 * 16 + 16 * places.vocab
    )
    assert 0 <= 1e7 - 6 * N * D < 6 * N
    assert 0 < loss < np.log(places.vocab)
    assert (N, D, loss) == isoflop_run(places, 4, 1e7, rate=0.015, seed=0)


def test_bad_input_is_refused():
    N, D, L = simulated_runs(LAW, 0, noise=0.005)
    with pytest.raises(ValueError, match="C=-1"):
        compute_optimal(LAW, -1.0)
    with pytest.raises(ValueError, match="C=inf"):
        compute_optimal(LAW, np.inf)
    with pytest.raises(ValueError, match=r"alpha=-0\.3"):
        compute_optimal(LAW._replace(alpha=-0.3), 1e20)
    with pytest.raises(ValueError, match="alpha=nan"):
        compute_optimal(LAW._replace(alpha=np.nan), 1e21)
    with pytest.raises(ValueError, match="B=inf"):
        compute_optimal(LAW._replace(B=np.inf), 1e21)
    with pytest.raises(ValueError, match=r"must be positive: N=0\.0"):
        predicted_loss(LAW, 0.0, 1e9)
    with pytest.raises(ValueError, match="4 sizes, 4 tokens, 4 losses"):
        fit_law(N[:4], D[:4], L[:4])
    with pytest.raises(ValueError, match="three different sizes"):
        fit_law(np.full_like(N, 1e9), D, L)
    with pytest.raises(ValueError, match="three different sizes"):
        fit_law(N, np.where(D > 1e10, 2e10, 1e10), L)
    with pytest.raises(ValueError, match="L must be positive and finite"):
        fit_law(N, D, np.where(L.max() == L, np.nan, L))
    with pytest.raises(ValueError, match="delta must be positive and finite: 0"):
        fit_law(N, D, L, delta=0.0)
    with pytest.raises(ValueError, match="three sizes"):
        isoflop_optimum(np.array([1.0, 2.0, 2.0]), np.array([3.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match="no minimum"):
        isoflop_optimum(np.array([1.0, 10.0, 100.0]), np.array([1.0, 2.0, 1.0]))
    near = compute_optimal(LAW, 1e21).N * np.geomspace(1.5, 40, 7)  # one side only
    with pytest.raises(ValueError, match="do not surround"):
        isoflop_optimum(near, predicted_loss(LAW, near, 1e21 / 6 / near))
    with pytest.raises(ValueError, match=r"A=-1\.0"):
        inference_optimal(LAW._replace(A=-1.0), 2.1, 0.0)
    with pytest.raises(ValueError, match=r"loss=1\.5"):
        inference_optimal(LAW, 1.5, 0.0)
    with pytest.raises(ValueError, match="loss=inf"):
        inference_optimal(LAW, np.inf, 0.0)
    with pytest.raises(ValueError, match="E=-inf"):
        inference_optimal(LAW._replace(E=-np.inf), 2.1, 0.0)
    with pytest.raises(ValueError, match="with served=inf"):
        inference_optimal(LAW, 2.1, np.inf)
    with pytest.raises(ValueError, match="served=-1"):
        inference_optimal(LAW, 2.0, -1.0)
    with pytest.raises(ValueError, match="a=0"):
        zipf(0.0, 3)
    with pytest.raises(ValueError, match="sizes must grow"):
        measured_error(zipf(1.0, 3), np.array([5, 5]), 0)
    with pytest.raises(ValueError, match="noise=-1"):
        simulated_runs(LAW, 0, noise=-1.0)
    with pytest.raises(ValueError, match="scale=0"):
        lbfgs_fit(simulated_runs(LAW, 0, noise=0.0), NEAR[0], 0.0)
    with pytest.raises(ValueError, match=r"budget=1\.0"):
        isoflop_run(help_places(0), 4, 1.0, rate=0.01, seed=0)

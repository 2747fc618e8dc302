"""The hinge loss against margin ranking of torch, LMNN against loops and sklearn's NCA.

Clipping against one step after another, probabilities against their likelihood's slope.
"""

from itertools import pairwise

import jaxtyping
import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.isotonic import isotonic_regression
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from torch.autograd import gradcheck
from torch.nn.functional import margin_ranking_loss
from torch.testing import assert_close

from snippets.recommenders import fit_classifiers, fit_quality, fit_world
from snippets.recommenders.clothing_fit import (
    FIT,
    LARGE,
    SMALL,
    LatentSizes,
    LatentTastes,
    ordinal_hinge,
)
from snippets.recommenders.fit_causes import fit_by_order, informed_trial
from snippets.recommenders.fit_factors import (
    FitFactors,
    clip_order,
    disordered,
    standardized_features,
)
from snippets.recommenders.fit_shops import Shop, draw_histories, draw_shops
from snippets.recommenders.fit_training import TrainingLoss, check, train
from snippets.recommenders.fit_trials import (
    auc_of_true_sizes,
    newcomer_trial,
    penalty_trial,
)
from snippets.recommenders.nearest_metric import (
    balanced_sample,
    fit_lmnn,
    lmnn_loss,
    prototypes,
    target_neighbors,
)
from snippets.recommenders.ordinal_logit import OrdinalLogit, fit_ordinal_logit

DOUBLE = torch.float64
WRONG = (ValueError, jaxtyping.TypeCheckError)
SHOP = Shop(customers=7, products=3, purchases=400, taste=0.5)
KINDS = (
    lambda: LatentSizes(7, 3, 5),
    lambda: LatentTastes(7, 3, 5, 2),
    lambda: FitFactors(7, 3, 5, 2),
)


@pytest.fixture
def shop():
    return draw_shops(SHOP, 1)[0]


def seeded(seed=0):
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def test_hinge_is_margin_ranking_against_the_thresholds(agrees):
    random = seeded()
    scores = 3 * torch.randn(60, generator=random, dtype=DOUBLE)
    cuts = torch.tensor([-0.7, 1.1], dtype=DOUBLE)
    labels = torch.arange(60) % 3
    ours = ordinal_hinge(scores, cuts, labels)
    for label, sides in {SMALL: "+2", FIT: "-2 +1", LARGE: "-1"}.items():
        chosen, theirs = scores[labels == label], 0
        for side in sides.split():
            cut = cuts[int(side[1]) - 1].expand_as(chosen)
            sign = torch.full_like(chosen, 1 if side[0] == "+" else -1)
            theirs = theirs + margin_ranking_loss(
                chosen, cut, sign, margin=1, reduction="none"
            )
        name = "torch.nn.functional.margin_ranking_loss"
        agrees(ours[labels == label], theirs, name)


def test_hinge_gradient_is_that_of_finite_differences():
    scores = torch.tensor([-3.1, -0.4, 0.6, 2.7, 0.1, -0.2], dtype=DOUBLE)
    cuts = torch.tensor([-0.83, 1.17], dtype=DOUBLE)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    inputs = scores.requires_grad_(), cuts.requires_grad_()
    assert gradcheck(lambda f, b: ordinal_hinge(f, b, labels), inputs)


@pytest.mark.parametrize("make", KINDS)
def test_gradient_of_a_model_is_that_of_finite_differences(make, shop):
    seeded()
    loss = TrainingLoss(make().double())
    part = shop.split.train.take(slice(50))
    names = [name for name, _ in loss.named_parameters()]

    def value(*parameters):
        state = dict(zip(names, parameters, strict=True))
        arguments = part[:3], part.labels, torch.tensor(0.3, dtype=DOUBLE)
        return torch.func.functional_call(loss, state, arguments)

    start = [
        (one + 0.1 * torch.randn_like(one)).detach().requires_grad_()
        for one in loss.parameters()
    ]
    assert gradcheck(value, start)


def test_thresholds_stay_in_order():
    model = LatentSizes(1, 1, 2)
    for middle, width in ((3.0, -8.0), (-1e3, 0.0), (0.0, 5.0)):
        with torch.no_grad():
            model.middle.fill_(middle)
            model.log_width.fill_(width)
        low, high = model.thresholds()
        assert low < high


@pytest.mark.parametrize("make", KINDS)
def test_smaller_of_two_sizes_has_the_higher_score(make):
    """The sign: whatever the model, size 0 is too small, size 4 too large."""
    model, random = make(), seeded()
    bought = fit_world.Purchases(
        torch.arange(60) % 7, torch.arange(60) % 3, torch.arange(60) % 2 * 4,
        torch.arange(60) % 2 * 2, torch.zeros(60, 5, dtype=torch.int64),
    )  # fmt: skip
    train([model], [bought], [0.0], random, passes=150)
    scores, (low, high) = fit_quality.bought_scores(model, bought), model.thresholds()
    assert (scores[bought.labels == SMALL] > high.item()).all()
    assert (scores[bought.labels == LARGE] < low.item()).all()
    mirrored = bought._replace(labels=2 - bought.labels)
    train([wrong := make()], [mirrored], [0.0], random, passes=150)
    if not isinstance(wrong, FitFactors):  # K-LF can turn the sign of customers
        where = wrong(*mirrored[:3]), wrong.thresholds(), mirrored.labels
        assert ordinal_hinge(*where).mean() > 0.9


def test_k_lv_without_factors_is_1_lv(shop):
    one, more = LatentSizes(7, 3, 5), LatentTastes(7, 3, 5, 2)
    with torch.no_grad():
        more.product_factors.zero_()
        one.customer_sizes += torch.arange(7)
    more.load_state_dict(one.state_dict(), strict=False)
    where = shop.split.test[:3]
    assert_close(more(*where), one(*where))
    assert_close(more.terms(*where)[1], (more.customer_factors**2).sum(1)[where[0]])
    assert_close(one.terms(*where)[1], where[0].float() ** 2)


def test_fit_factors_are_their_definition(shop):
    seeded()
    model = FitFactors(7, 3, 5, 2).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    customers, products, sizes = (one[:9] for one in shop.split.train[:3])
    scores, squares = model.terms(customers, products, sizes)
    for row, (c, p, z) in enumerate(zip(customers, products, sizes, strict=True)):
        u, v = model.customer_factors[c], model.child_factors[p, z]
        parts = [model.offset, model.customer_biases[c], model.product_biases[p], u * v]
        assert_close(scores[row], -sum(torch.cat(parts) * model.weights))
        assert_close(squares[row], u @ u + v @ v)


def test_clipping_is_one_update_after_another():
    random = seeded()
    old = torch.randn(4, 5, 2, generator=random, dtype=DOUBLE).sort(dim=1).values
    new = old + torch.randn(4, 5, 2, generator=random, dtype=DOUBLE)
    theirs = old.clone()
    for size in range(5):
        child = new[:, size]
        if size:
            child = torch.maximum(child, theirs[:, size - 1])
        if size < 4:
            child = torch.minimum(child, theirs[:, size + 1])
        theirs[:, size] = child
    ours = clip_order(new, old)
    assert_close(ours, theirs)
    assert (ours.diff(dim=1) >= 0).all()
    assert_close(clip_order(ours, ours), ours)
    assert_close(clip_order(new[:, :1], old[:, :1]), new[:, :1])


def test_clipping_leaves_what_isotonic_regression_leaves():
    line = torch.tensor([[0.0, 1.0, 4.0, 9.0]], dtype=DOUBLE)
    assert_close(clip_order(line, line)[0].numpy(), isotonic_regression(line[0]))


@pytest.mark.parametrize("make", KINDS)
def test_models_trained_side_by_side_are_those_trained_alone(make):
    parts = [one.split.train for one in draw_shops(SHOP, 2)]
    seeded()
    together, penalties = [make(), make()], [0.1, 0.0]
    alone = [make(), make()]
    for one, other in zip(alone, together, strict=True):
        one.load_state_dict(other.state_dict())
    train(together, parts, penalties, seeded(1), passes=3)
    for model, part, penalty in zip(alone, parts, penalties, strict=True):
        train([model], [part], [penalty], seeded(1), passes=3)
    for one, other in zip(alone, together, strict=True):
        assert_close(one.state_dict(), other.state_dict())
        assert (getattr(one, one.ordered).diff(dim=1) >= 0).all()
        assert_close(other(*parts[0][:3]), one(*parts[0][:3]))


def test_training_lowers_the_loss_and_a_penalty_shrinks_factors(shop):
    part = shop.split.train
    seeded()
    models = [LatentTastes(7, 3, 5, 2) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    arguments = part[:3], part.labels, torch.tensor(0.0)
    before = TrainingLoss(models[0])(*arguments)
    train(models, [part, part], [0.0, 1.0], seeded(), passes=40)
    assert TrainingLoss(models[0])(*arguments) < 0.8 * before
    sizes = [model.customer_factors.norm().item() for model in models]
    assert sizes[1] < 0.1 * sizes[0]


def test_newcomers_leave_products_as_they_are(shop):
    seeded()
    model = LatentTastes(7, 3, 5, 2)
    train([model], [shop.split.train], [0.01], seeded(), passes=5)
    new = fit_quality.newcomers(model, 4)
    for name in ("customer_sizes", "customer_factors"):
        mean = getattr(model, name).mean(dim=0)
        assert_close(getattr(new, name)[3], mean)
    history = draw_histories(shop, 4, 6, np.random.default_rng(0))
    assert history.customers.bincount().tolist() == [6] * 4
    names = ["customer_sizes", "customer_factors"]
    train([new], [history], [0.01], seeded(), passes=5, only=names)
    known = model.state_dict()
    for name, value in new.state_dict().items():
        if name in names:
            assert (value != known[name].mean(dim=0)).all()
        else:
            assert_close(value, known[name], rtol=0, atol=0)


def test_labels_follow_the_true_scores():
    world = fit_world.draw_world(7, 3, 0.5, np.random.default_rng(0))
    world = world._replace(noise=0.0)
    drawn, cuts = fit_world.draw_purchases(world, 500, np.random.default_rng(1))
    for row in range(40):
        c, p = drawn.customers[row].item(), drawn.products[row].item()
        tastes = world.customer_tastes[c] @ world.product_tastes[p]
        for size in range(5):
            child = world.product_sizes[p] + size - 2
            score = world.customer_sizes[c] - child + 0.5 * tastes / 3**0.5
            label = 0 if score > cuts[1] else 2 if score < cuts[0] else 1
            assert drawn.outcomes[row, size] == label
        assert drawn.labels[row] == drawn.outcomes[row, drawn.sizes[row]]
    noisy, _ = fit_world.draw_purchases(
        world._replace(noise=0.3), 500, np.random.default_rng(1)
    )
    assert noisy.labels.bincount().tolist() == [70, 360, 70]


def test_split_leaks_no_time():
    drawn = fit_world.Purchases(
        *(torch.arange(50) for _ in range(4)), torch.zeros(50, 5)
    )
    parts = fit_world.by_time(drawn)
    assert [len(part.labels) for part in parts] == [35, 5, 10]
    for early, late in pairwise(parts):
        assert early.customers.max() < late.customers.min()
    with pytest.raises(ValueError, match="0 of 50"):
        fit_world.by_time(drawn, (0.7, 0.7))


def test_probabilities_are_those_of_the_largest_likelihood():
    rng = np.random.default_rng(0)
    scores = 100 + 30 * rng.normal(size=4000)
    true = OrdinalLogit(0.1, (8.0, 11.5))
    shares = true.probabilities(scores).cumsum(axis=1)
    labels = (rng.random((4000, 1)) > shares).sum(axis=1)
    found = fit_ordinal_logit(scores, labels)
    assert_close(found.slope, true.slope, rtol=0.1, atol=0)
    tensor = torch.tensor([found.slope, *found.cuts], dtype=DOUBLE, requires_grad=True)
    slope, low, high = tensor
    f = torch.as_tensor(scores)
    small, large = torch.sigmoid(slope * f - high), torch.sigmoid(low - slope * f)
    chances = torch.stack([small, 1 - small - large, large], dim=1)
    assert_close(found.probabilities(scores), chances.detach().numpy())
    loss = -chances[range(4000), labels].log().mean()
    (gradient,) = torch.autograd.grad(loss, tensor)
    assert gradient[1:].abs().max() < 1e-4
    assert abs(gradient[0]) * 0.1 < 1e-4
    assert_close(small.mean().item(), (labels == 0).mean(), rtol=0, atol=1e-3)


def test_probability_to_fit_is_highest_between_the_cuts():
    logit = OrdinalLogit(2.0, (-3.0, 1.0))
    line = np.linspace(-4, 4, 81)
    fit = logit.probabilities(line)[:, FIT]
    assert_close(line[fit.argmax()], -0.5)
    assert (np.diff(fit[:36]) > 0).all()
    assert_close(logit.probabilities(line)[:, SMALL], expit(2 * line - 1))


def test_advice_is_the_cheapest_size(shop):
    seeded()
    model, test = LatentTastes(7, 3, 5, 2), shop.split.test
    logit = OrdinalLogit(1.0, (-1.0, 1.0))
    advised = fit_quality.advised_sizes(model, logit, test, (3, 0.5, 1))
    for row in range(20):
        costs = []
        for size in range(5):
            where = test.customers[[row]], test.products[[row]], torch.tensor([size])
            chances = logit.probabilities(model(*where).detach().numpy())[0]
            costs.append(3 * chances[0] + 0.5 * chances[1] + chances[2])
        assert advised[row] == np.argmin(costs)
    shares = fit_quality.shares(test, test.sizes.numpy())
    assert_close(shares, test.labels.bincount(minlength=3).numpy() / len(test.labels))


def test_always_fit_is_guessing():
    labels = torch.tensor([0, 1, 1, 1, 2, 1])
    always = np.tile([0.1, 0.8, 0.1], (6, 1))
    found = fit_quality.quality(always, labels)
    assert_close(found, fit_quality.Quality(0.5, 1 / 3, 4 / 6))


def clouds(features=3, seed=0):
    """Two classes that differ in one coordinate; the last is noise of a large scale."""
    rng = np.random.default_rng(seed)
    labels = np.arange(40) % 2
    points = rng.normal(size=(40, features))
    points[:, 0] += 2.5 * labels
    points[:, -1] *= 5
    return torch.tensor(points), torch.tensor(labels)


def test_lmnn_loss_is_its_definition():
    points, labels = clouds()
    points, labels = points[:12], torch.arange(12) % 3
    transform = torch.randn(2, 3, dtype=DOUBLE, generator=seeded())
    targets = target_neighbors(points, labels, 2)
    pull = push = 0
    for i in range(12):
        same = [j for j in range(12) if j != i and labels[j] == labels[i]]
        nearest = sorted(same, key=lambda j: (points[i] - points[j]).norm().item())[:2]
        assert targets[i].tolist() == nearest
        for j in nearest:
            near = (transform @ (points[i] - points[j])).square().sum()
            pull += near
            for other in range(12):
                if labels[other] != labels[i]:
                    far = (transform @ (points[i] - points[other])).square().sum()
                    push += max(0, 1 + near - far)
    ours = lmnn_loss(transform, points, labels, targets, push=0.3)
    assert_close(ours, 0.7 * pull + 0.3 * push)
    inputs = (transform.requires_grad_(),)
    assert gradcheck(lambda L: lmnn_loss(L, points, labels, targets), inputs)


def test_lmnn_shrinks_noise_as_nca_does():
    points, labels = clouds()
    start = torch.eye(3, dtype=DOUBLE)
    ours = fit_lmnn(points, labels, start, steps=200).norm(dim=0)
    theirs = NeighborhoodComponentsAnalysis(init="identity", random_state=0)
    theirs = np.linalg.norm(theirs.fit(points, labels).components_, axis=0)
    for norms in (ours.numpy(), theirs):
        assert norms[2] < 0.6 * norms[0]
    assert torch.equal(start, torch.eye(3, dtype=DOUBLE))


def test_prototypes_are_apart_and_no_outliers():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(300, 2)), np.arange(300) % 3
    points[0] = 50.0
    chosen = prototypes(points, labels, 20, 0.2, rng)
    assert 0 not in chosen
    assert np.bincount(labels[chosen]).max() <= 20
    for label in range(3):
        kept = points[chosen[labels[chosen] == label]]
        gaps = np.linalg.norm(kept[:, None] - kept, axis=2)[
            ~np.eye(len(kept), dtype=bool)
        ]
        assert gaps.min() > 0.2
        center = points[labels == label].mean(axis=0)
        ranks = np.linalg.norm(points[labels == label] - center, axis=1)
        assert np.linalg.norm(kept - center, axis=1).min() >= np.quantile(ranks, 0.05)
    sample = balanced_sample(labels, 30, rng)
    assert np.bincount(labels[sample]).tolist() == [30] * 3
    assert len(set(sample)) == 90


def test_features_are_standardized_by_training(shop):
    seeded()
    parts = standardized_features(FitFactors(7, 3, 5, 2).double(), shop.split)
    assert_close(parts[0][:, 2:].mean(axis=0), np.zeros(2), atol=1e-9, rtol=0)
    assert_close(parts[0][:, 2:].std(axis=0), np.ones(2))
    assert parts[2].shape == (len(shop.split.test.labels), 4)


def test_disorder_names_rows():
    scores = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 0.0], [2.0, 2.0, 1.0]])
    assert disordered(scores).tolist() == [False, True, False]


class Fixed(LatentSizes):
    """Scores of a table, by product and size."""

    def __init__(self, table):
        super().__init__(7, 3, 5)
        self.table = torch.tensor(table)

    def terms(self, customers, products, sizes):
        return self.table[products, sizes], 0 * sizes


def test_shares_of_advice_are_split_by_order(shop):
    down = [2.0, 1.0, 0.0, -1.0, -2.0]
    judge = Fixed([down, down, [2.0, 1.0, 0.0, 0.5, -2.0]])
    apart, test = shop.split.test.products == 2, shop.split.test
    logit = fit_quality.fitted_logit(judge, shop.split.validation)
    sizes = fit_quality.advised_sizes(judge, logit, test)
    fits = test.outcomes.gather(1, torch.tensor(sizes)[:, None])[:, 0] == FIT
    parts = fits[~apart], fits[apart], apart
    found = fit_by_order([shop], [judge], [judge])
    assert_close(found, np.array([part.double().mean() for part in parts]))


def test_informed_logit_knows_every_size(shop):
    """It has one table for all; the fit of the chosen sizes only has another."""
    model, split = Fixed([[2.0, 1.0, 0.0, -1.0, -2.0]] * 3), shop.split
    known = np.tile([2.0, 1.0, 0.0, -1.0, -2.0], (len(split.validation.labels), 1))
    labels = split.validation.outcomes.numpy()
    logit = fit_ordinal_logit(known.ravel(), labels.ravel())
    chances = logit.probabilities(np.tile(known[0], (len(split.test.labels), 1)))
    chosen = fit_quality.cheapest_sizes(chances, (3, 0, 1))
    ours = informed_trial([shop], [model], (3, 0, 1))
    assert_close(ours, fit_quality.shares(split.test, chosen))


def test_newcomers_are_tested_on_later_purchases(shop):
    """What customers bought first fits in all sizes, what they bought later in none."""
    seeded()
    model = LatentSizes(7, 3, 5)
    train([model], [shop.split.train], [0.01], seeded(), passes=5)
    history = draw_histories(shop, 4, 6, np.random.default_rng(0))
    first = torch.arange(6).repeat(4) < 2
    outcomes = torch.where(first, FIT, LARGE)[:, None].expand(-1, 5)
    history = history._replace(outcomes=outcomes)
    found = newcomer_trial([shop], [model], [history], (0, 2), seeded())
    assert found.tolist() == [0, 0]


def test_trials_fit_probabilities_on_validation_and_not_on_the_test(shop):
    """Test labels that say nothing leave 1/2, and do not change advice."""
    part = shop.split.test
    ones = part._replace(labels=torch.arange(len(part.labels)) % 3)
    trials = []
    for test in (part, ones):
        one = shop._replace(split=shop.split._replace(test=test))
        make = lambda: LatentSizes(7, 3, 5)  # noqa: E731
        trials.append(penalty_trial([one], make, [0.0], seeded())[0, 0])
    assert_close(trials[0][[0, 2]], trials[1][[0, 2]])
    assert abs(trials[1][1] - 0.5) < 0.15


def test_true_sizes_know_no_taste(shop):
    other = shop.world._replace(customer_tastes=-shop.world.customer_tastes)
    assert auc_of_true_sizes(shop) == auc_of_true_sizes(shop._replace(world=other))
    assert 0.6 < auc_of_true_sizes(shop) < 1


def test_number_of_neighbors_is_chosen_on_validation(monkeypatch):
    """5 neighbors are best on validation, and 25 on the test."""
    told = iter([0.9, 0.1, 0.2, 0.8])
    monkeypatch.setattr(
        fit_classifiers,
        "quality",
        lambda *_: fit_quality.Quality(0.5, next(told), 0.5),
    )
    points = [np.arange(60.0)[:, None] for _ in range(3)]
    labels = [torch.arange(60) % 3 for _ in range(3)]
    found = fit_classifiers.nearest(points, labels, slice(None), np.eye(1))
    assert found.balanced == 0.1


def test_compare_hands_over_the_transposed_map(monkeypatch):
    seen, map_ = [], torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    monkeypatch.setattr(fit_classifiers, "fit_lmnn", lambda *_: map_)

    def nearest(*arguments):
        seen.append(arguments[3])
        return fit_quality.Quality(0.5, 0.5, 0.5)

    monkeypatch.setattr(fit_classifiers, "nearest", nearest)
    rng = np.random.default_rng(0)
    points = [rng.normal(size=(600, 2)).astype(np.float32) for _ in range(3)]
    labels = [torch.arange(600) % 3 for _ in range(3)]
    found = fit_classifiers.compare(points, labels, rng)
    assert len(found) == len(fit_classifiers.CLASSIFIERS)
    for one in seen[-2:]:
        assert_close(one, map_.numpy().T)


def test_distances_do_not_cancel_far_from_zero():
    points, labels = clouds()
    near = target_neighbors(points, labels, 3)
    far = target_neighbors((points + 1000).float(), labels, 3)
    assert_close(far, near)


def test_bad_input_is_refused(shop):
    part, random = shop.split.train, seeded()
    model = LatentSizes(7, 3, 5)
    for name, number, words in (
        ("labels", 3, r"labels \[3\]"),
        ("sizes", -1, r"sizes \[-1\]"),
        ("sizes", 5, r"sizes \[5\]"),
        ("customers", 7, r"customers \[7\]"),
        ("products", 3, r"products \[3\]"),
    ):
        column = getattr(part, name).clone()
        column[2] = number
        with pytest.raises(ValueError, match=words):
            train([model], [part._replace(**{name: column})], [0.0], random)
    with pytest.raises(ValueError, match="of 0"):
        check(part.take(slice(0)), model)
    for penalty in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="penalty"):
            train([model], [part], [penalty], random)
    with pytest.raises(ValueError, match="not in order"):
        ordinal_hinge(torch.zeros(1), torch.tensor([1.0, -1.0]), torch.tensor([1]))
    with pytest.raises(ValueError, match="factors, got 0"):
        LatentTastes(7, 3, 5, 0)
    with pytest.raises(ValueError, match="factors, got 0"):
        FitFactors(7, 3, 5, 0)
    with pytest.raises(ValueError, match="customers, got 0"):
        LatentSizes(0, 3, 5)
    with pytest.raises(ValueError, match=r"1 customers without purchases: \[6\]"):
        fit_quality.refuse_strangers(torch.tensor([1, 6, 6]), torch.tensor([1, 2]))
    fit_quality.refuse_strangers(torch.tensor([1]), torch.tensor([1, 2]))
    with pytest.raises(ValueError, match="0 newcomers"):
        fit_quality.newcomers(model, 0)
    with pytest.raises(WRONG, match="costs"):
        fit_quality.cheapest_sizes(np.ones((2, 5, 3)), (1, 0))
    with pytest.raises(ValueError, match="labels"):
        fit_ordinal_logit(np.zeros(4), np.array([0, 1, 1, 1]))
    with pytest.raises(ValueError, match="finite"):
        fit_ordinal_logit(np.array([0.0, np.nan, 1.0]), np.array([0, 1, 2]))
    with pytest.raises(ValueError, match="are the same"):
        fit_ordinal_logit(np.ones(3), np.array([0, 1, 2]))
    points, labels = clouds()
    with pytest.raises(ValueError, match="20 targets"):
        target_neighbors(points, labels, 20)
    with pytest.raises(ValueError, match="1 targets"):
        target_neighbors(points, torch.zeros(40, dtype=torch.int64), 1)
    with pytest.raises(ValueError, match="1 coordinates"):
        target_neighbors(
            points.index_fill(0, torch.tensor([3]), torch.nan)[:, :1], labels, 2
        )
    for wrong in ((0, 0.1), (3, -0.1), (3, np.nan)):
        with pytest.raises(ValueError, match="apart"):
            prototypes(points.numpy(), labels.numpy(), *wrong, np.random.default_rng(0))
    with pytest.raises(ValueError, match="21 of each"):
        balanced_sample(labels.numpy(), 21, np.random.default_rng(0))

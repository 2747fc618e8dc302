"""Residual quantization against faiss and vector_quantize_pytorch; k-means, logistic
regression and AUC against scikit-learn; training against ``torch.optim.Adam``."""

from math import cos, pi

import faiss
import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.stats import entropy
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch.testing import assert_close
from vector_quantize_pytorch import ResidualVQ
from vector_quantize_pytorch.vector_quantize_pytorch import kmeans

from snippets.recommenders import (
    click_model,
    id_pieces,
    movie_contents,
    movie_trial,
    nested_catalog,
    row_schemes,
)
from snippets.recommenders.code_usage import code_shares, perplexity, replace_unused
from snippets.recommenders.movielens import Movies, Ratings
from snippets.recommenders.residual_k_means import fit_codebooks, k_means
from snippets.recommenders.rqvae_training import (
    ids_of_runs,
    reconstruction_errors,
    start_from_data,
    train,
    two_layers,
    untrained,
)
from snippets.recommenders.semantic_ids import (
    RQVAE,
    nearest_entry,
    quantization_loss,
    residual_quantize,
    rqvae_loss,
    straight_through,
)

WRONG = (ValueError, jaxtyping.TypeCheckError)


@pytest.fixture
def draw():
    """Normal numbers in double precision."""
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


# The quantizer


def test_codes_are_those_of_faiss(agrees, draw):
    faiss.omp_set_num_threads(1)
    vectors = draw(500, 5).float().numpy()
    theirs = faiss.ResidualQuantizer(5, 3, 3)  # dimensions, levels, bits
    theirs.max_beam_size = 1
    theirs.train(vectors)
    codebooks = faiss.vector_to_array(theirs.codebooks).reshape(3, 8, 5)
    packed = theirs.compute_codes(vectors)
    found = residual_quantize(torch.from_numpy(vectors), torch.from_numpy(codebooks))
    codes = torch.from_numpy(faiss.unpack_bitstrings(packed, 3, 3)).long()
    decoded = torch.from_numpy(theirs.decode(packed))
    agrees(found.codes, codes, "faiss.ResidualQuantizer")
    agrees(found.quantized, decoded, "faiss.ResidualQuantizer")


def quantizer_of(draw, **options):
    theirs = ResidualVQ(dim=5, num_quantizers=3, codebook_size=7, **options)
    for layer in theirs.layers:
        layer.codebook = draw(7, 5).float()
    return theirs.train(), draw(1, 11, 5).float().requires_grad_()


def test_codes_and_losses_are_those_of_vector_quantize_pytorch(agrees, draw):
    theirs, x = quantizer_of(draw)
    quantized, codes, losses = theirs(x, freeze_codebook=True)
    found = residual_quantize(x[0], theirs.codebooks)
    name = "vector_quantize_pytorch.ResidualVQ"
    agrees(found.codes, codes[0], name)
    agrees(found.quantized.detach(), quantized[0].detach(), name)
    # theirs averages over dimensions and has no term for the entries
    pull = (found.residuals - found.entries).square().mean(dim=(1, 2))
    agrees(pull.detach(), losses.detach(), name)
    (expected,) = torch.autograd.grad(losses.sum(), x)
    (gradient,) = torch.autograd.grad(quantization_loss(found, commitment=1.0), x)
    agrees(gradient / 5, expected, name)


def test_their_straight_through_counts_each_level(draw):
    theirs, x = quantizer_of(draw, rotation_trick=False)
    quantized, *_ = theirs(x, freeze_codebook=True)
    (gradient,) = torch.autograd.grad(quantized.sum(), x)
    assert_close(gradient, torch.full_like(x, 3.0))
    found = residual_quantize(x[0], theirs.codebooks)
    ours = straight_through(x[0], found.quantized)
    assert_close(ours, quantized[0])
    (gradient,) = torch.autograd.grad(ours.sum(), x)
    assert_close(gradient, torch.ones_like(x))


def test_each_level_quantizes_what_is_left(draw):
    z, codebooks = draw(4, 3), draw(5, 6, 3)
    found = residual_quantize(z, codebooks)
    for row in range(4):
        left, total = z[row].clone(), torch.zeros(3, dtype=torch.float64)
        for level in range(5):
            assert_close(found.residuals[level, row], left)
            distances = [float(((left - e) ** 2).sum()) for e in codebooks[level]]
            code = distances.index(min(distances))
            assert found.codes[row, level] == code
            assert_close(found.entries[level, row], codebooks[level, code])
            left, total = left - codebooks[level, code], total + codebooks[level, code]
        assert_close(found.quantized[row], total)


def test_a_tie_goes_to_the_lowest_entry_and_a_large_scale_does_not_matter():
    assert nearest_entry(torch.zeros(1, 1), torch.tensor([[1.0], [-1.0]])).item() == 0
    far = torch.tensor([[4096.0]])
    entries = far + torch.tensor([[0.25], [-0.125], [0.5]])
    assert nearest_entry(far, entries).item() == 1
    tiny = torch.tensor([[3e-20, 1e-20]])
    assert nearest_entry(tiny, torch.stack([tiny[0] * 0, tiny[0]])).item() == 1
    half = nearest_entry(far.half(), torch.tensor([[0.0], [4000.0]]).half())
    assert half.item() == 1


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    z = torch.zeros(4, 3)
    z[1, 2] = bad
    with pytest.raises(ValueError, match="1 of 12 numbers are not finite"):
        residual_quantize(z, torch.zeros(2, 5, 3))
    with pytest.raises(ValueError, match="1 of 12 numbers are not finite"):
        fit_codebooks(z, levels=1, codes=2)
    with pytest.raises(ValueError, match="1 of 12 numbers are not finite"):
        residual_quantize(torch.zeros(5, 3), z.view(2, 2, 3))
    with pytest.raises(WRONG):
        residual_quantize(torch.zeros(4, 3), torch.zeros(2, 5, 4))


# Codebooks


def test_k_means_is_that_of_scikit_learn_and_vector_quantize_pytorch(agrees, draw):
    x = draw(200, 3)
    starts = x[:6]
    theirs = KMeans(6, init=starts.numpy(), n_init=1, max_iter=300, tol=0).fit(x)
    found = k_means(x, starts, rounds=100)
    agrees(found, torch.from_numpy(theirs.cluster_centers_), "sklearn.cluster.KMeans")
    means, _ = kmeans(x[None], 6, num_iters=4, sample_fn=lambda x, _: starts[None])
    name = "vector_quantize_pytorch.kmeans"
    agrees(k_means(x, starts, rounds=4), means[0], name)


def test_a_center_without_vectors_stays():
    x = torch.tensor([[0.0], [1.0]])
    assert k_means(x, torch.tensor([[0.4], [9.0]])).tolist() == [[0.5], [9.0]]


def test_each_level_leaves_less(draw):
    z = draw(300, 4)
    codebooks = fit_codebooks(z, levels=4, codes=8)
    left = residual_quantize(z, codebooks).residuals.square().sum(dim=2).mean(dim=1)
    assert (left.diff() < 0).all()
    assert_close(codebooks, fit_codebooks(z, levels=4, codes=8, seed=0))
    first = k_means(z, codebooks[0], rounds=1)  # close to a fixed point
    assert_close(first, codebooks[0], atol=0.2, rtol=0)
    assert fit_codebooks(z.half(), 2, 8).dtype == torch.float32


def test_too_few_vectors_are_refused():
    z = torch.tensor([[0.0], [1.0], [1.0], [5.0]])
    with pytest.raises(ValueError, match="level 1: 3 distinct residuals for 4 codes"):
        fit_codebooks(z, levels=1, codes=4)
    with pytest.raises(ValueError, match="level 2: 1 distinct residuals for 3 codes"):
        fit_codebooks(z, levels=2, codes=3)


# The loss


def test_entries_move_to_their_residuals_and_unused_ones_do_not_move(draw):
    codebooks = draw(2, 9, 3).requires_grad_()
    z = draw(4, 3).requires_grad_()
    found = residual_quantize(z, codebooks)
    to_books, to_z = torch.autograd.grad(quantization_loss(found, 0.5), (codebooks, z))
    expected = torch.zeros_like(codebooks)
    pull = torch.zeros_like(z)
    for level in range(2):
        for row in range(4):
            code = found.codes[row, level]
            apart = (found.entries - found.residuals)[level, row].detach()
            expected[level, code] += 2 * apart / 4
            pull[row] -= 0.5 * 2 * apart / 4
    assert_close(to_books, expected)
    assert_close(to_z, pull)
    for level in range(2):
        unused = sorted(set(range(9)) - set(found.codes[:, level].tolist()))
        assert (to_books[level, unused] == 0).all()


def test_the_reconstruction_reaches_the_encoder_as_if_nothing_was_rounded(draw):
    torch.manual_seed(0)
    model = RQVAE(features=6, hidden=5, dim=3, levels=2, codes=4).double()
    x, z = draw(7, 6), draw(7, 3).requires_grad_()
    loss, found = rqvae_loss(x, lambda _: z, model.decoder, model.codebooks, 0.0)
    (gradient,) = torch.autograd.grad(loss, z)
    quantized = found.quantized.detach().requires_grad_()
    plain = (x - model.decoder(quantized)).square().sum(dim=1).mean()
    (expected,) = torch.autograd.grad(plain, quantized)
    assert_close(gradient, expected)


def test_models_side_by_side_do_not_mix(draw):
    x = draw(3, 8, 6).float()
    models = untrained(x, codes=4, from_data=False)
    weights = {
        name: torch.stack([dict(model.named_parameters())[name] for model in models])
        for name, _ in models[0].named_parameters()
    }
    networks = two_layers(weights, "encoder"), two_layers(weights, "decoder")
    losses, _ = rqvae_loss(x, *networks, weights["codebooks"])
    ids, errors = ids_of_runs(weights, x), reconstruction_errors(weights, x)
    for run, model in enumerate(models):
        assert_close(losses[run], model(x[run]))
        assert_close(ids[run], model.ids(x[run]))
        with torch.no_grad():
            z = model.encoder(x[run])
            quantized = residual_quantize(z, model.codebooks).quantized
            decoded = model.decoder(quantized)
        assert_close(errors[run], (decoded - x[run]).square().mean())


# Usage


def test_perplexity_is_the_exponential_of_the_entropy():
    codes = torch.randint(5, (2, 40, 3), generator=torch.Generator().manual_seed(0))
    found = perplexity(codes, size=6)
    for run in range(2):
        for level in range(3):
            counts = codes[run, :, level].bincount(minlength=6)
            expected = np.exp(entropy(counts / 40))
            assert_close(found[run, level].item(), float(expected), rtol=1e-5, atol=0)
    equal = torch.arange(6)[:, None].expand(6, 2)
    assert_close(perplexity(equal, 6), torch.full((2,), 6.0))
    assert_close(perplexity(equal * 0, 6), torch.ones(2))


def test_codes_out_of_range_are_refused():
    with pytest.raises(ValueError, match="codes 0 to 3, but 3 entries"):
        perplexity(torch.tensor([[0], [3]]), size=3)
    with pytest.raises(ValueError, match="codes -1 to 0, but 3 entries"):
        code_shares(torch.tensor([[0], [-1]]), size=3)
    with pytest.raises(ValueError, match=r"no codes: their shape is \(0, 2\)"):
        perplexity(torch.zeros(0, 2, dtype=torch.long), size=3)


def test_unused_entries_land_on_residuals_of_their_own_level(draw):
    codebooks, residuals = draw(2, 3, 5, 4).float(), draw(2, 3, 7, 4).float()
    shares = torch.full((2, 3, 5), 0.2)
    shares[0, 1, 2] = shares[1, 2, 4] = 0.019  # below a tenth of an equal share
    shares[1, 0, 0] = 0.021
    generator = torch.Generator().manual_seed(0)
    replaced, after = replace_unused(codebooks, shares, residuals, generator)
    changed = (replaced != codebooks).any(dim=-1)
    assert changed.nonzero().tolist() == [[0, 1, 2], [1, 2, 4]]
    for run, level, code in changed.nonzero().tolist():
        assert (residuals[run, level] == replaced[run, level, code]).all(-1).any()
    expected = shares.where(shares > 0.02, 0.2)
    assert_close(after, expected)


def test_a_step_of_training_is_that_of_adam(agrees, draw):
    x, steps = draw(2, 30, 6), 3
    models = [model.double() for model in untrained(x, codes=4, from_data=False)]
    replacing = torch.zeros(2, dtype=torch.bool)
    *_, weights = train(models, x, replacing, steps, batch=8, rate=0.05, seed=3)
    generator = torch.Generator().manual_seed(3)
    optimizers = [torch.optim.Adam(model.parameters()) for model in models]
    for step in range(1, steps + 1):
        drawn = torch.randint(30, (2, 8, 1), generator=generator)[..., 0]
        for run, (model, optimizer) in enumerate(zip(models, optimizers, strict=True)):
            optimizer.param_groups[0]["lr"] = 0.05 * (1 + cos(pi * step / steps)) / 2
            optimizer.zero_grad()
            model(x[run, drawn[run]]).backward()
            optimizer.step()
        torch.randint(8, (2, 3, 4), generator=generator)  # entries to replace, if any
    for run, model in enumerate(models):
        for name, weight in model.named_parameters():
            agrees(weights[name][run], weight.detach(), "torch.optim.Adam")


def test_replacing_happens_only_in_the_runs_that_ask_for_it():
    catalog = nested_catalog.draw_catalog(400, seed=0)
    x = catalog.content.expand(2, -1, -1)
    models = untrained(x[:1], codes=16, from_data=False) * 2
    replacing = torch.tensor([False, True])
    *_, weights = train(models, x, replacing, steps=100)
    alone, kept = perplexity(ids_of_runs(weights, x), 16)
    assert kept[0] > alone[0] + 2
    assert kept.sum() > alone.sum() + 5


def test_an_entry_that_one_batch_does_not_use_is_kept(draw):
    x = draw(1, 40, 6).float()
    models, flags = untrained(x, codes=16, from_data=False), torch.tensor([True])
    (kept,) = train(models, x, flags, steps=1, batch=8)
    (plain,) = train(models, x, ~flags, steps=1, batch=8)
    assert_close(kept["codebooks"], plain["codebooks"])
    *_, later = train(models, x, flags, steps=60, batch=8)
    *_, never = train(models, x, ~flags, steps=60, batch=8)
    assert not torch.allclose(later["codebooks"], never["codebooks"])


def test_codebooks_can_start_from_data(draw):
    x = draw(50, 6).float()
    torch.manual_seed(0)
    model = RQVAE(features=6, hidden=5, dim=3, levels=2, codes=4)
    start_from_data(model, x, seed=1)
    expected = fit_codebooks(model.encoder(x).detach(), 2, 4, seed=1)
    assert_close(model.codebooks.detach(), expected)
    assert model.codebooks.requires_grad


# Pieces


@given(st.lists(st.integers(0, 31), min_size=1, max_size=6), st.integers(1, 6))
def test_pieces_cover_the_id(code, n):
    assert id_pieces.prefixes(code)[-1] == tuple(code)
    assert [len(piece) for piece in id_pieces.prefixes(code)] == [
        *range(1, len(code) + 1)
    ]
    if n > len(code):
        with pytest.raises(ValueError, match=f"groups of {n} codes, but"):
            id_pieces.ngrams(code, n)
        return
    groups = id_pieces.ngrams(code, n)
    assert [one for _, piece in groups for one in piece] == code
    assert [place for place, _ in groups] == [*range(0, len(code), n)]


@pytest.mark.parametrize("n", [0, -1])
def test_empty_groups_are_refused(n):
    with pytest.raises(ValueError, match=f"groups of {n} codes"):
        id_pieces.ngrams((1, 2), n)


def test_words_spell_ids():
    words = {id_pieces.spell((a, b), 3) for a in range(3) for b in range(3)}
    assert len(words) == 9
    assert len({letter for word in words for letter in word}) == 6
    with pytest.raises(ValueError, match="codes 0 to 3, but 3 entries"):
        id_pieces.spell((0, 3), 3)
    with pytest.raises(ValueError, match="11 levels of 2048 codes exceed 20992"):
        id_pieces.spell((0,) * 11, 2048)
    last = id_pieces.spell((2047,) * 10, 2048)
    import unicodedata

    assert unicodedata.normalize("NFKC", last) == last
    assert {unicodedata.category(letter) for letter in last} == {"Lo"}


def test_frequent_neighbors_become_a_piece():
    shown = [(0, 1, 2)] * 9 + [(0, 1, 3)] * 5 + [(4, 5, 6)]
    words = [id_pieces.spell(code, 8) for code in shown]
    learned = id_pieces.learn_pieces(words, vocabulary=11)  # 7 letters, and 3 merges
    pieces = learned.encode(words, out_type=str)
    assert ["".join(word) for word in pieces] == words
    assert [len(word) for word in (pieces[0], pieces[9], pieces[-1])] == [1, 1, 3]
    few = id_pieces.learn_pieces(words, vocabulary=9)  # and one merge
    assert [len(word) for word in few.encode(words[:1], out_type=str)] == [2]


def test_distinguished_ids_are_unique():
    codes = np.random.default_rng(0).integers(3, size=(60, 2)).tolist()
    found = id_pieces.distinguish(codes)
    assert len(set(found)) == 60
    assert [one[:2] for one in found] == [tuple(code) for code in codes]


def test_rows_are_counted_once_for_each_piece():
    found = id_pieces.row_matrix([["a", "b"], [], ["b", "c"], ["a"]])
    expected = [[1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert found.toarray().tolist() == expected


# The click model


def cells_of(draw, count):
    rng = np.random.default_rng(0)
    items, shown = rng.integers(7, size=count), rng.integers(1, 9, size=count)
    return click_model.Cells(
        items, rng.binomial(shown, 0.4), shown, rng.standard_normal(count)
    )


def test_weights_are_those_of_scikit_learn(agrees, draw):
    features = csr_matrix(draw(7, 3).numpy())
    cells = cells_of(draw, 40)._replace(offset=np.zeros(40))
    x = np.vstack([features.toarray()[cells.items]] * 2)
    y, weight = np.repeat([1, 0], 40), [*cells.clicked, *(cells.shown - cells.clicked)]
    theirs = LogisticRegression(C=1 / 0.7, fit_intercept=False, tol=1e-10)
    theirs.fit(x, y, sample_weight=weight)
    found = click_model.fit_rows(features, cells, ridge=0.7)
    expected = theirs.coef_[0]
    agrees(found, expected, "sklearn.linear_model.LogisticRegression", atol=1e-5)


def test_weights_minimize_the_penalized_loss(draw):
    features, cells = csr_matrix(draw(7, 3).numpy()), cells_of(draw, 40)
    found = click_model.fit_rows(features, cells, ridge=0.7)

    def objective(weights):
        penalty = 0.7 / 2 * weights @ weights
        return click_model.loss(features @ weights, cells) + penalty

    for place in range(3):
        step = 1e-3 * np.eye(3)[place]
        assert objective(found) < objective(found + step)
        assert objective(found) < objective(found - step)
    again = click_model.fit_rows(features, cells, ridge=0.7, start=found + 0.5)
    assert_close(again, found, atol=1e-6, rtol=0)


def test_the_best_ridge_is_chosen_on_other_cells(draw):
    features, training = csr_matrix(np.eye(7)), cells_of(draw, 40)
    noise = training._replace(clicked=training.shown - training.clicked)
    chosen = click_model.fit_tuned(features, training, noise, (100.0, 0.1))
    assert_close(chosen, click_model.fit_rows(features, training, 100.0))
    chosen = click_model.fit_tuned(features, training, training, (100.0, 0.1))
    expected = click_model.fit_rows(features, training, 0.1)
    assert_close(chosen, expected, atol=1e-6, rtol=0)


def test_rows_without_impressions_weigh_nothing(draw):
    features, cells = csr_matrix(np.eye(9)), cells_of(draw, 40)  # items 0 to 6
    found = click_model.fit_rows(features, cells, ridge=1.0)
    assert (found[7:] == 0).all()
    assert (found[:7] != 0).all()


@pytest.mark.parametrize("ridge", [0.0, -1.0, np.nan, np.inf])
def test_ridges_that_are_not_positive_are_refused(draw, ridge):
    with pytest.raises(ValueError, match=f"must be positive and finite, got {ridge}"):
        click_model.fit_rows(csr_matrix(np.eye(7)), cells_of(draw, 9), ridge)


def test_more_clicks_than_impressions_are_refused(draw):
    cells = cells_of(draw, 9)
    for clicked in (cells.shown + 1, cells.clicked - 20):
        wrong = cells._replace(clicked=clicked)
        with pytest.raises(ValueError, match="9 cells have more clicks"):
            click_model.fit_rows(csr_matrix(np.eye(7)), wrong, ridge=1.0)


def test_auc_is_that_of_scikit_learn(agrees):
    rng = np.random.default_rng(0)
    groups, scores = rng.integers(4, size=50), rng.integers(6, size=50).astype(float)
    positive, negative = rng.integers(4, size=(2, 50)).astype(float)
    found = click_model.grouped_auc(groups, scores, positive, negative)
    labels = np.repeat([1, 0], 50)

    def theirs(chosen):
        weights = np.concatenate([positive * chosen, negative * chosen])
        return roc_auc_score(labels, np.tile(scores, 2), sample_weight=weights)

    expected = np.array([theirs(groups == group) for group in range(4)])
    agrees(found, expected, "sklearn.metrics.roc_auc_score")
    all_of_them = click_model.auc(scores, positive, negative)
    assert_close(all_of_them, theirs(np.ones(50)))


def test_groups_without_pairs_are_left_out():
    groups, ones = np.array([0, 0, 1, 1, 3]), np.ones(5)
    liked = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    scores = np.array([1.0, 2.0, 1.0, 2.0, 5.0])
    assert click_model.grouped_auc(groups, scores, liked, ones - liked).tolist() == [0]
    with pytest.raises(ValueError, match=r"3\.0 positives and 0\.0 negatives"):
        click_model.auc(scores, liked[:5] * 0 + ones * 0.6, ones * 0)
    scores[0] = np.nan
    with pytest.raises(ValueError, match="1 scores are not a number"):
        click_model.grouped_auc(groups, scores, liked, ones - liked)


# The worlds


def test_content_is_nested():
    catalog = nested_catalog.draw_catalog(3000, seed=0)
    assert_close(catalog.content.std(), torch.tensor(1.0))
    assert catalog.topic.max() == 7
    assert catalog.subtopic.max() == 63
    apart = []
    for label in (catalog.topic, catalog.subtopic, catalog.leaf):
        group = torch.from_numpy(label)
        sums = torch.zeros(256, 32).index_add(0, group, catalog.content)
        means = sums / group.bincount(minlength=256).clamp(min=1)[:, None]
        apart.append(float((catalog.content - means[group]).square().mean()))
    assert 0.3 > apart[0] > 3 * apart[1] > 9 * apart[2]


def test_new_items_are_never_shown():
    leaf, new = np.arange(1000) % 256, np.arange(1000) % 3 == 0
    clicks = nested_catalog.draw_clicks(leaf, new, shown=5000, seed=0)
    assert clicks.shown.sum() == 5000
    assert clicks.shown[new].sum() == clicks.popularity[new].sum() == 0
    assert_close(clicks.popularity.sum(), 1.0)
    assert (clicks.clicked <= clicks.shown).all()
    log_odds = np.log(clicks.chance / (1 - clicks.chance))
    assert_close(log_odds.std(), np.sqrt(1.2**2 + 0.6**2 + 0.8**2), atol=0.2, rtol=0)
    with pytest.raises(ValueError, match="all 1000 items are new"):
        nested_catalog.draw_clicks(leaf, new | True, shown=5000, seed=0)


def test_purity_counts_the_most_frequent_label():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(3, size=(40, 2)), rng.integers(4, size=40)
    most = {}
    for group, label in zip(map(tuple, groups), labels, strict=True):
        most.setdefault(group, []).append(label)
    expected = sum(max(map(same.count, same)) for same in most.values()) / 40
    assert_close(nested_catalog.purity(groups, labels), expected)


def test_a_perfect_score_has_the_best_area():
    catalog = nested_catalog.draw_catalog(3000, seed=0)
    new = np.arange(3000) >= 2900
    trial = row_schemes.draw_trial(catalog.leaf, new, seed=0)
    assert_close(trial.positive[:2].sum(axis=0)[new], np.zeros(100))
    assert_close((trial.positive + trial.negative)[2], new * 1.0)
    own, by_leaf = (
        row_schemes.areas(trial, id_pieces.row_matrix(rows))
        for rows in ([[n] for n in range(3000)], [[leaf] for leaf in catalog.leaf])
    )
    assert own[2] == 0.5
    assert by_leaf[2] > 0.6
    assert own[0] > by_leaf[0]


def test_schemes_have_the_rows_that_they_say():
    rng = np.random.default_rng(0)
    ids = rng.integers(4, size=(90, 3)).tolist()
    hashed = row_schemes.hashed(90, (5, 20), rng)
    assert [rows.shape[1] for rows in hashed.values()] == [5, 20]
    by_hand = row_schemes.by_hand(ids, rng)
    assert by_hand["1-grams"].shape == (90, 12)
    assert by_hand["own row"].shape == (90, 90)
    paths = by_hand["prefixes"]
    assert (paths.sum(axis=1) == 3).all()
    assert by_hand["prefixes, own row"].shape[1] == paths.shape[1] + 90
    shuffled = by_hand["shuffled prefixes"]
    assert shuffled.shape == paths.shape
    frequencies = (np.sort(m.sum(axis=0), axis=None) for m in (paths, shuffled))
    assert_close(*frequencies)
    assert (paths != shuffled).nnz > 0
    learned = row_schemes.learned(ids, 4, (14, 30), np.full(90, 3), rng)
    assert learned["SentencePiece 14"].shape[1] <= 14
    assert learned["SentencePiece 14"].shape[1] < learned["SentencePiece 30"].shape[1]


def test_pieces_are_learned_from_impressions():
    ids = [(0, 2, 3), *((1, 1, last) for last in range(5))]  # 1, 1 is in more items
    shown = np.array([300, 1, 1, 1, 1, 1])
    rng = np.random.default_rng(0)
    (rows,) = row_schemes.learned(ids, 6, (12,), shown, rng).values()
    assert rows.sum(axis=1).ravel().tolist() == [[1, 3, 3, 3, 3, 3]]
    (rows,) = row_schemes.learned(ids, 6, (12,), shown[::-1], rng).values()
    assert rows[0].sum() == 3


def test_movies_without_a_year_get_the_median():
    years = np.array([1980.0, np.nan, 1990.0, 2010.0])
    movies = Movies([""] * 4, years, [["War"], [], ["War"], ["Drama"]])
    found = movie_contents.contents(movies)
    assert_close(found[1], found[2] * [0, 0, 1])
    assert (found[:, -1].argsort(kind="stable") == [0, 1, 2, 3]).all()


def test_similarity_is_a_mean_over_pairs(draw):
    content = draw(9, 4)
    ids = torch.randint(2, (9, 2), generator=torch.Generator().manual_seed(0))
    found = movie_contents.prefix_similarity(content, ids)
    for length in range(3):
        cosines = [
            torch.cosine_similarity(content[a], content[b], dim=0)
            for a in range(9)
            for b in range(a)
            if (ids[a, :length] == ids[b, :length]).all()
        ]
        assert_close(found[length], float(sum(cosines) / len(cosines)))


def ratings_of(count):
    rng = np.random.default_rng(0)
    users, items = rng.integers(6, size=count), rng.integers(20, size=count)
    return Ratings(users, items, rng.integers(1, 6, size=count) * 1.0, np.arange(count))


def test_new_movies_are_hidden_and_offsets_know_only_training_ratings():
    ratings = ratings_of(400)
    hidden = movie_trial.hide_movies(ratings, items=20, seed=0)
    assert hidden.new[ratings.items[hidden.unseen]].all()
    for cells in (hidden.training, hidden.validation):
        assert not hidden.new[cells.items].any()
    sizes = [len(hidden.training.items), len(hidden.validation.items)]
    assert sum(sizes) + hidden.known.sum() + hidden.unseen.sum() == 400
    assert not (hidden.known & hidden.unseen).any()
    values = np.where(hidden.known | hidden.unseen, 5.0, ratings.values)
    other = movie_trial.hide_movies(ratings._replace(values=values), items=20, seed=0)
    assert_close(other.training.offset, hidden.training.offset)
    training = np.arange(400) % 2 == 0
    offset = movie_trial.user_offsets(ratings, training)
    for user in range(6):
        mine = ratings.users == user
        liked = (ratings.values[mine & training] >= 4).sum()
        others = (mine & training).sum() - liked
        assert_close(
            offset[mine], np.full(mine.sum(), np.log((liked + 2) / (others + 2)))
        )
    for share in (0.0, 1.0):
        with pytest.raises(ValueError, match=f"must be in .0, 1., got {share}"):
            movie_trial.hide_movies(ratings, 20, seed=0, share=share)
    with pytest.raises(ValueError, match="5 movies, but a rating of movie 19"):
        movie_trial.hide_movies(ratings, items=5, seed=0)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 1000))
def test_own_rows_say_nothing_of_new_movies(seed):
    ratings = ratings_of(400)
    hidden = movie_trial.hide_movies(ratings, items=20, seed=seed, share=0.3)
    if not hidden.unseen.any():
        return
    own = id_pieces.row_matrix([[item] for item in range(20)])
    known, new = movie_trial.areas(ratings, hidden, own)
    assert new == 0.5
    assert 0 < known < 1

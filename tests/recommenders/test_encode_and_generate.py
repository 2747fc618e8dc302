"""Beam search against transformers, retrieval against faiss, the rest against loops."""

import itertools

import faiss
import jaxtyping
import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from transformers import T5Config, T5ForConditionalGeneration

from snippets.recommenders import drifting_log as log
from snippets.recommenders import toy_codes
from snippets.recommenders.encode_and_generate import (
    allowed_log_probs,
    beam_search,
    prefix_tree,
    score_catalog,
)
from snippets.recommenders.history_encoders import (
    GRUEncoder,
    ItemVectors,
    MeanEncoder,
)
from snippets.recommenders.next_item_models import Generator, TwoTower, rank, train

WRONG = (ValueError, jaxtyping.TypeCheckError)
VOCAB, LEVELS, USERS = 9, 3, 4


@pytest.fixture
def codes():
    """17 codes of three levels, with tokens 0-2, 3-5 and 6-8, in no order."""
    every = torch.cartesian_prod(*torch.arange(VOCAB).view(3, 3))
    return every[torch.randperm(27, generator=torch.Generator().manual_seed(0))[:17]]


@pytest.fixture
def table():
    """Random logits for each user after each beginning, as a step."""
    base = torch.Generator().manual_seed(1)
    logits = 2 * torch.randn(
        USERS, (VOCAB + 1) ** LEVELS, VOCAB, generator=base, dtype=torch.float64
    )

    def step(prefixes):
        weights = (VOCAB + 1) ** torch.arange(prefixes.shape[2])
        number = ((prefixes + 1) * weights).sum(dim=2)
        return logits[torch.arange(USERS)[:, None], number]

    return step


def spelled_out(step, codes):
    """Log-probability of each item of each user, by the definition, in loops."""
    found = torch.zeros(USERS, len(codes), dtype=torch.float64)
    for user, item in itertools.product(range(USERS), range(len(codes))):
        for level in range(LEVELS):
            known = codes[item, :level]
            logits = step(known.expand(USERS, 1, -1))[user, 0]
            alike = (codes[:, :level] == known).all(dim=1)
            allowed = sorted(set(codes[alike, level].tolist()))
            chances = logits[allowed].softmax(dim=0)
            place = allowed.index(codes[item, level].item())
            found[user, item] += chances[place].log()
    return found


# Beam search in a trie


@pytest.mark.parametrize("width", [1, 3, 8])
def test_beam_search_is_that_of_transformers(agrees, codes, width):
    torch.manual_seed(0)
    sizes = {"d_model": 12, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    ends = {
        "decoder_start_token_id": VOCAB,
        "pad_token_id": VOCAB,
        "eos_token_id": None,
    }
    theirs = T5ForConditionalGeneration(T5Config(vocab_size=VOCAB + 1, **sizes, **ends))
    theirs = theirs.double().eval()
    for weight in theirs.parameters():
        torch.nn.init.normal_(weight)
    history = torch.randint(VOCAB, (USERS, 6))
    trie = prefix_tree(codes, VOCAB)

    def allowed(user, known):
        node = 0
        for token in known[1:].tolist():
            node = trie.children[node, token]
        return (trie.children[node] >= 0).nonzero()[:, 0].tolist()

    def step(prefixes):
        beams, start = prefixes.shape[1], torch.full((*prefixes.shape[:2], 1), VOCAB)
        decoder = torch.cat([start, prefixes], dim=2).flatten(0, 1)
        inputs = history.repeat_interleave(beams, dim=0)
        out = theirs(input_ids=inputs, decoder_input_ids=decoder).logits[:, -1, :VOCAB]
        return out.view(USERS, beams, VOCAB)

    with torch.no_grad():
        expected = theirs.generate(
            history,
            prefix_allowed_tokens_fn=allowed,
            renormalize_logits=True,
            num_beams=width,
            num_return_sequences=width,
            max_new_tokens=LEVELS,
            length_penalty=0.0,
            return_dict_in_generate=True,
            output_scores=True,
        )
        found = beam_search(step, trie, USERS, width)
    name = "transformers.T5ForConditionalGeneration"
    tokens = expected.sequences[:, 1:].view(USERS, width, LEVELS)
    agrees(codes[found.items], tokens, name)
    if width > 1:  # greedy decoding reports no sum
        agrees(found.log_probs, expected.sequences_scores.view(USERS, width), name)


def test_a_full_beam_is_exhaustive_scoring_and_both_are_the_definition(codes, table):
    trie = prefix_tree(codes, VOCAB)
    scores = score_catalog(table, trie, codes, USERS)
    assert_close(scores, spelled_out(table, codes))
    found = beam_search(table, trie, USERS, len(codes))
    expected = scores.sort(dim=1, descending=True)
    assert_close(found.log_probs, expected.values)
    assert torch.equal(found.items, expected.indices)


def test_probabilities_of_the_catalog_add_up_to_1(codes, table):
    scores = score_catalog(table, prefix_tree(codes, VOCAB), codes, USERS)
    assert_close(scores.exp().sum(dim=1), torch.ones(USERS).double())


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_narrow_beam_keeps_the_best_beginnings(codes, table, width):
    found = beam_search(table, prefix_tree(codes, VOCAB), USERS, width)
    for user in range(USERS):
        kept = [()]
        for level in range(1, LEVELS + 1):
            known = codes[:, :level].unique(dim=0)
            grown = [i for i, k in enumerate(known.tolist()) if tuple(k[:-1]) in kept]
            scores = score_catalog(table, prefix_tree(known, VOCAB), known, USERS)
            best = sorted(grown, key=lambda i: -scores[user, i])[:width]
            kept = [tuple(known[i].tolist()) for i in best]
        assert [tuple(codes[i].tolist()) for i in found.items[user]] == kept


def test_only_items_of_the_trie_are_found(codes, table):
    part = codes[::3]
    found = beam_search(table, prefix_tree(part, VOCAB), USERS, len(part))
    assert torch.equal(found.items.sort(dim=1).values, torch.arange(6).expand(4, -1))
    assert found.log_probs.isfinite().all()


def test_allowed_tokens_are_those_of_codes_that_begin_alike(codes):
    trie = prefix_tree(codes, VOCAB)
    for item, level in itertools.product(range(len(codes)), range(LEVELS)):
        alike = (codes[:, :level] == codes[item, :level]).all(dim=1)
        found = (trie.children[trie.paths[item, level]] >= 0).nonzero()[:, 0]
        assert torch.equal(found, codes[alike, level].unique())


def test_masked_logits_do_not_matter_and_their_gradients_are_0():
    logits = torch.tensor([1.0, torch.nan, 2.0, torch.inf], requires_grad=True)
    allowed = torch.tensor([True, False, True, False])
    found = allowed_log_probs(logits, allowed)
    assert_close(found[[0, 2]], torch.tensor([1.0, 2.0]).log_softmax(dim=0))
    found[0].backward()
    assert logits.grad[[1, 3]].tolist() == [0, 0]
    half = allowed_log_probs(torch.tensor([1.0, 0.0]).half(), torch.ones(2).bool())
    assert half.dtype == torch.float32


def test_bad_codes_and_widths_are_refused(codes, table):
    with pytest.raises(ValueError, match=r"shape \(0, 3\) have no token"):
        prefix_tree(codes[:0], VOCAB)
    with pytest.raises(ValueError, match="to 8, but the vocabulary has 8"):
        prefix_tree(codes, VOCAB - 1)
    with pytest.raises(ValueError, match="tokens from -1 to"):
        prefix_tree(codes - 1, VOCAB)
    with pytest.raises(ValueError, match="items 0 and 17 have the code"):
        prefix_tree(torch.cat([codes, codes[:1]]), VOCAB)
    trie = prefix_tree(codes, VOCAB)
    for width in (0, 18):
        with pytest.raises(ValueError, match=f"from 1 to 17 items, got {width}"):
            beam_search(table, trie, USERS, width)
    with pytest.raises(ValueError, match="no token is allowed"):
        allowed_log_probs(torch.zeros(2, 3), torch.tensor([[True] * 3, [False] * 3]))
    bad = torch.tensor([0.0, torch.nan, -torch.inf])
    with pytest.raises(ValueError, match="2 logits of allowed tokens"):
        allowed_log_probs(bad, torch.ones(3).bool())
    with pytest.raises(WRONG):
        allowed_log_probs(bad, torch.ones(4).bool())


# Encoders and models


@pytest.fixture
def generator(codes):
    torch.manual_seed(0)
    return Generator(GRUEncoder(5), codes, VOCAB, 5).double()


def test_loss_of_a_generator_is_the_score_of_the_next_items(codes, generator):
    trie = prefix_tree(codes, VOCAB)
    sequences = torch.randint(len(codes), (USERS, 6))
    allowed = trie.children[trie.paths] >= 0
    expected = 0
    for length in range(1, 6):
        step = generator.step(sequences[:, :length])
        scores = score_catalog(step, trie, codes, USERS)
        expected -= scores.gather(1, sequences[:, length, None]).mean() / 5
    assert_close(generator.loss(sequences, allowed), expected)


def test_without_a_mask_the_loss_is_cross_entropy_of_tokens(codes, generator):
    sequences = torch.randint(len(codes), (USERS, 2))
    step, target = generator.step(sequences[:, :1]), codes[sequences[:, 1]]
    expected = sum(
        cross_entropy(step(target[:, None, :level])[:, 0], target[:, level])
        for level in range(LEVELS)
    )
    every = torch.ones(len(codes), LEVELS, VOCAB).bool()
    assert_close(generator.loss(sequences, every), expected)


def test_only_the_plain_loss_pushes_down_a_token_without_an_item(codes, generator):
    code = codes[3]
    sold = torch.arange(len(codes)) != 3
    trie = prefix_tree(codes[sold], VOCAB)
    allowed = torch.zeros(len(codes), LEVELS, VOCAB).bool()
    allowed[sold] = trie.children[trie.paths] >= 0
    alike = sold & (codes[:, :2] == code[:2]).all(dim=1)
    assert alike.any()
    sequences = torch.stack([torch.tensor([0, 0]), alike.nonzero()[0].repeat(2)])[1:]
    bias = generator.head.bias
    (plain,) = torch.autograd.grad(
        generator.loss(sequences, torch.ones_like(allowed)), bias
    )
    (masked,) = torch.autograd.grad(generator.loss(sequences, allowed), bias)
    assert plain[code[2]] > 0
    assert masked[code[2]] == 0


def test_loss_of_a_tower_leaves_out_what_is_not_sold():
    torch.manual_seed(0)
    ids = torch.arange(7)[:, None]
    tower = TwoTower(GRUEncoder(5), ids, 5).double()
    sold = torch.arange(7) != 4
    sequences = torch.tensor([[0, 2, 6], [5, 1, 3]])
    scores = tower(sequences[:, :-1])[:, :, sold]
    target = torch.tensor([[2, 5], [1, 3]])  # numbers among those that are sold
    expected = cross_entropy(scores.flatten(0, 1), target.flatten())
    assert_close(tower.loss(sequences, sold), expected)


def test_retrieval_is_that_of_faiss(agrees, codes):
    torch.manual_seed(0)
    tower = TwoTower(GRUEncoder(8), codes, 8)
    histories = torch.randint(len(codes), (USERS, 5))
    with torch.no_grad():
        index = faiss.IndexFlatIP(8)
        index.add(tower.outputs().numpy())
        state = tower.encoder(tower.inputs.of(histories))[:, -1]
        scores, items = index.search(state.numpy(), 6)
        found = tower(histories)[:, -1].topk(6)
    agrees(found.values, torch.tensor(scores), "faiss.IndexFlatIP")
    agrees(found.indices, torch.tensor(items), "faiss.IndexFlatIP")


@pytest.mark.parametrize("encoder", [MeanEncoder, GRUEncoder])
def test_later_items_do_not_matter(encoder):
    torch.manual_seed(0)
    x = torch.randn(2, 6, 5)
    layer = encoder(5)
    expected = layer(x)[:, :4]
    x[:, 4:] += 1
    assert_close(layer(x)[:, :4], expected)


def test_only_the_mean_forgets_the_order():
    torch.manual_seed(0)
    x = torch.randn(2, 6, 5)
    for layer, same in ((MeanEncoder(5), True), (GRUEncoder(5), False)):
        gap = (layer(x.flip(1))[:, -1] - layer(x)[:, -1]).abs().max()
        assert (gap < 1e-5) == same
    mean = MeanEncoder(5)
    assert_close(mean(x)[:, 3], mean.mlp(x[:, :4].mean(dim=1)))


def test_vectors_of_items_are_sums_over_their_tokens(codes):
    vectors = ItemVectors(codes, 5, 1.0)
    expected = torch.stack([sum(vectors.rows[t] for t in code) for code in codes])
    assert_close(vectors(), expected)
    assert_close(vectors.of(torch.tensor([[3, 1]])), expected[None, [3, 1]])


def test_second_stage_ranks_only_candidates():
    scores = torch.tensor([[0.9, 0.1, 0.5, 0.7], [0.1, 0.2, 0.3, 0.4]])
    candidates = torch.tensor([[1, 2, 3], [0, 2, 1]])
    assert rank(candidates, scores, 2).tolist() == [[3, 2], [2, 1]]
    with pytest.raises(ValueError, match="from 1 to 3, got 4"):
        rank(candidates, scores, 4)


def test_bad_histories_are_refused(codes, generator):
    every = torch.ones(len(codes), LEVELS, VOCAB).bool()
    for wrong in (-1, 17):
        with pytest.raises(ValueError, match=f"{wrong}.* there are 17"):
            generator.step(torch.tensor([[3, wrong]]))
    with pytest.raises(ValueError, match=r"\(2, 0\) are empty"):
        generator.step(torch.zeros(2, 0, dtype=torch.long))
    sequences = torch.tensor([[0, 3]])
    every[3, 1] = torch.arange(VOCAB) != codes[3, 1]
    with pytest.raises(ValueError, match="not allowed"):
        generator.loss(sequences, every)
    tower = TwoTower(GRUEncoder(5), codes, 5)
    with pytest.raises(ValueError, match="1 next items are not sold"):
        tower.loss(sequences, torch.arange(17) != 3)


def test_training_lowers_the_loss_and_takes_every_sequence_once_an_epoch():
    torch.manual_seed(0)
    tower = TwoTower(GRUEncoder(6), torch.arange(4)[:, None], 6)
    sequences = torch.arange(7)[:, None] % 4 + torch.arange(5)
    sequences, sold, seen = sequences % 4, torch.ones(4).bool(), []

    def loss(rows):
        seen.append(rows)
        return tower.loss(rows, sold)

    before = tower.loss(sequences, sold)
    train(tower, loss, sequences, torch.Generator().manual_seed(0), 9, batch=3)
    assert [len(rows) for rows in seen] == [3, 3, 1] * 9
    epochs = torch.cat(seen).view(9, 7, 5)
    for rows in epochs:
        assert sorted(rows.tolist()) == sorted(sequences.tolist())
    assert any((rows != epochs[0]).any() for rows in epochs)
    assert tower.loss(sequences, sold) < before / 2


# The log


@pytest.fixture
def shop():
    return log.draw_shop(np.random.default_rng(0))


def test_codes_of_the_shop_are_distinct_and_levels_share_no_token(shop):
    trie = prefix_tree(torch.tensor(shop.codes), log.VOCAB)
    assert len(trie.paths) == log.ITEMS == 240
    tokens = [set(level) for level in shop.codes.T.tolist()]
    assert not tokens[0] & tokens[1] | tokens[1] & tokens[2] | tokens[0] & tokens[2]
    assert len(set(map(tuple, shop.rings.tolist()))) > 1
    assert (np.sort(shop.rings, axis=1) == np.arange(log.SHELVES)).all()
    shelves = shop.codes[:: log.STOCK, :2]
    assert (shop.codes[:, :2] == shelves.repeat(log.STOCK, axis=0)).all()


def test_customers_move_along_the_ring(shop):
    rng = np.random.default_rng(0)
    walks = log.draw_walks(shop, 4000, 3, rng)
    department, inside = np.divmod(walks, log.SHELVES)
    assert (department == department[:, :1]).all()
    ring = shop.rings[department[:, 0]]
    place = (inside[:, :, None] == ring[:, None]).argmax(axis=2)
    moves = np.diff(place, axis=1) % log.SHELVES
    assert set(moves.ravel()) == {0, 1}
    assert abs(moves.mean() - log.MOVE) < 0.02
    counts = np.bincount(walks[:, 0], minlength=24) / 4000
    assert abs(counts - 1 / 24).max() < 0.015


def test_the_best_predictor_is_the_law_of_the_log(shop):
    rng = np.random.default_rng(0)
    walks = np.repeat(log.draw_walks(shop, 1, 4, rng), 60_000, axis=0)
    sold = np.ones(log.ITEMS, bool)
    first = log.draw_items(walks[:1], sold, rng)
    department, last = divmod(first[0, -1] // log.STOCK, log.SHELVES)
    chances = log.best_ordered(shop, first)[0]
    assert np.isclose(chances.sum(), 1)
    place = list(shop.rings[department]).index(last)
    for steps, chance in ((0, 1 - log.MOVE), (1, log.MOVE), (2, 0), (3, 0)):
        shelf = shop.rings[department, (place + steps) % log.SHELVES]
        items = (department * log.SHELVES + shelf) * log.STOCK + np.arange(log.STOCK)
        assert np.allclose(chances[items], chance / log.STOCK)


def test_items_of_a_shelf_are_drawn_alike_among_those_sold():
    sold = np.ones(log.ITEMS, bool)
    sold[[3, 25]] = False
    walks = np.array([[0, 2]]).repeat(40_000, axis=0)
    drawn = log.draw_items(walks, sold, np.random.default_rng(0))
    counts = np.bincount(drawn.ravel(), minlength=log.ITEMS) / 40_000
    expected = np.zeros(log.ITEMS)
    expected[[*range(10), *range(20, 30)]] = 1 / 9
    expected[[3, 25]] = 0
    assert abs(counts - expected).max() < 0.006
    sold[20:30] = False
    with pytest.raises(ValueError, match="40000 visits to a shelf sell nothing"):
        log.draw_items(walks, sold, np.random.default_rng(0))


def test_best_without_the_order_averages_over_all_orders(shop):
    rng = np.random.default_rng(0)
    walks = log.draw_walks(shop, 3, 6, rng)
    histories = log.draw_items(walks, np.ones(log.ITEMS, bool), rng)
    for history in histories:
        department = history[0] // log.STOCK // log.SHELVES
        ring = list(shop.rings[department])
        total, mixed = 0.0, np.zeros(log.ITEMS)
        for order in itertools.permutations(history):
            order = np.array(order)
            places = [ring.index(item // log.STOCK % log.SHELVES) for item in order]
            steps = np.diff(places) % log.SHELVES
            law = {0: 1 - log.MOVE, 1: log.MOVE}
            chance = np.prod([law.get(step, 0) for step in steps])
            total += chance
            mixed += chance * log.best_ordered(shop, order[None])[0]
        found = log.best_unordered(shop, history[None])[0]
        assert np.allclose(found, mixed / total)


def test_a_launch_keeps_new_items_out_of_all_histories(shop):
    data = log.draw_launch(shop, 30, 20, 5, np.random.default_rng(0))
    assert (data.sold.reshape(-1, log.STOCK).sum(axis=1) == log.STOCK - 1).all()
    assert data.sequences.shape == (30, 6)
    assert data.seen.shape == (20, 5)
    assert data.sold[data.sequences].all()
    assert data.sold[data.seen].all()
    assert data.sold[data.old].all()
    assert not data.sold[data.new].any()
    assert (data.old // log.STOCK == data.new // log.STOCK).all()
    places = np.flatnonzero(~data.sold) % log.STOCK
    assert len(set(places)) > 1  # each shelf draws its own


def test_the_table_of_the_toy_has_a_probability_for_each_beginning():
    for prefix, chances in toy_codes.CHANCES.items():
        step = toy_codes.step(torch.tensor(prefix, dtype=torch.long)[None, None])
        assert_close(step.exp().sum(), torch.tensor(1.0))
        assert sum(chances) == pytest.approx(1)

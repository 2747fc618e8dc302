"""The transformer against GPT-2 of transformers without positions, LoRA against peft.

DCN V2, periodic embeddings, and tokens against their definitions as loops.
"""

from copy import deepcopy
from datetime import date
from functools import partial

import jaxtyping
import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.func import jacrev
from torch.testing import assert_close

from snippets.language.byte_pair_encoding import Tokenizer
from snippets.recommenders import (
    credit_table,
    fusion_networks,
    fusion_runs,
    table_runs,
)
from snippets.recommenders import payday_world as world
from snippets.recommenders.cross_network import (
    CrossNetwork,
    PeriodicEmbedding,
    TableNetwork,
)
from snippets.recommenders.fusion_study import aucs
from snippets.recommenders.joint_fusion import FusionHead, JointFusion, Standardize
from snippets.recommenders.last_block import LastBlock, last_update, lower_states
from snippets.recommenders.late_fusion import late_fusion
from snippets.recommenders.sample_statements import draw_statement
from snippets.recommenders.table_runs import both_aucs
from snippets.recommenders.transaction_tokens import (
    Transaction,
    encode,
    fit_amount_bins,
    special_tokens,
    statement,
)
from snippets.recommenders.transaction_transformer import TransactionTransformer
from snippets.training.lora import add_lora
from snippets.transformers.gpt import generate, generate_without_cache

DOUBLE = torch.float64
SIZES = {"vocab": 11, "d_model": 24, "layers": 2, "heads": 3}
WRONG = (ValueError, jaxtyping.TypeCheckError)


def transformer(**changes):
    torch.manual_seed(0)
    model = TransactionTransformer(**(SIZES | changes)).double()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.3)
    return model


def texts(batch=5, seq=7):
    random = torch.Generator().manual_seed(1)
    return torch.randint(11, (batch, seq), generator=random)


# The transformer


def test_logits_and_embeddings_are_those_of_gpt2_without_positions(
    agrees, gpt2, from_gpt2
):
    torch.manual_seed(0)
    theirs = gpt2()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)
    nn.init.zeros_(theirs.transformer.wpe.weight)
    ours = TransactionTransformer(**SIZES).double()
    state = from_gpt2(theirs.state_dict())
    del state["wpe.weight"]
    ours.load_state_dict(state)
    lengths = torch.tensor([7, 3, 1, 6, 7])
    mask = torch.arange(7) < lengths[:, None]
    out = theirs(texts(), attention_mask=mask.long(), output_hidden_states=True)
    agrees(ours(texts())[mask], out.logits[mask], "transformers.GPT2LMHeadModel")
    expected = torch.stack(
        [out.hidden_states[-1][i, n - 1] for i, n in enumerate(lengths)]
    )
    found = ours.user_embedding(texts(), mask)
    agrees(found, expected, "transformers.GPT2LMHeadModel")


def test_lora_is_that_of_peft(agrees):
    ours, theirs = transformer(), transformer()
    names = ["c_attn", "attn.c_proj"]
    config = LoraConfig(r=2, lora_alpha=5, target_modules=names)
    theirs = get_peft_model(theirs, config)
    add_lora(ours, names, 2, 5)
    theirs_state = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, weight in ours.named_parameters():
            if "lora_" in name:
                weight.normal_()
                full = f"base_model.model.{name}.default.weight"
                theirs_state[full].copy_(weight)
    agrees(ours(texts()), theirs(texts()), "peft.get_peft_model")


def test_padding_and_later_tokens_do_not_matter():
    model, ids = transformer(), texts()
    mask = torch.arange(7).expand(5, -1) < 4
    other = ids.clone()
    other[:, 4:] = 3
    found = model.user_embedding(ids, mask)
    assert_close(model.user_embedding(other, mask), found)
    assert_close(model.user_embedding(ids[:, :4], mask[:, :4]), found)


def moved(layers):
    """How far the embedding moves if earlier tokens change places."""
    model, ids = transformer(layers=layers), texts()
    places = torch.tensor([3, 0, 5, 1, 4, 2, 6])  # the last token stays
    found = [model.states(x)[:, -1] for x in (ids, ids[:, places])]
    return (found[0] - found[1]).abs().max()


def test_one_block_reads_a_bag_and_two_blocks_read_an_order():
    assert moved(layers=1) < 1e-12
    assert moved(layers=2) > 0.001


def test_the_cache_works_without_positions():
    model, ids = transformer(), texts()
    cache = model.new_cache()
    parts = [model(part, cache) for part in ids.split([3, 1, 3], dim=1)]
    assert_close(torch.cat(parts, dim=1), model(ids))
    found = generate(model, ids[:, :2], 4)  # as long as one likes
    assert found.shape == (5, 6)
    assert not hasattr(model, "wpe")
    with pytest.raises(AttributeError):
        generate_without_cache(model, ids, 1)  # asks for the table of positions


@pytest.mark.parametrize("bad", [-1, 11])
def test_unknown_ids_and_padding_on_the_left_are_refused(bad):
    model, ids = transformer(), texts()
    ids[2, 3] = bad
    with pytest.raises(ValueError, match=r"\(5, 7\) must be in \[0, 11\)"):
        model(ids)
    with pytest.raises(ValueError, match=r"\(0, 7\)"):
        model(ids[:0])
    left = torch.arange(7).expand(5, -1) > 2
    with pytest.raises(ValueError, match="on the right only"):
        model.user_embedding(texts(), left)


# DCN V2


def test_cross_layers_by_definition():
    torch.manual_seed(0)
    cross = CrossNetwork(features=4, layers=3).double()
    x_0 = torch.randn(5, 4, dtype=DOUBLE)
    for row, found in zip(x_0, cross(x_0), strict=True):
        x = row.tolist()
        for layer in cross.layers:
            W, b = layer.weight.tolist(), layer.bias.tolist()
            old = x
            x = [
                row[i].item() * (sum(W[i][j] * old[j] for j in range(4)) + b[i])
                + old[i]
                for i in range(4)
            ]
        assert_close(found, torch.tensor(x, dtype=DOUBLE))


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_the_degree_is_one_more_than_the_number_of_layers(layers):
    torch.manual_seed(0)
    cross = CrossNetwork(features=3, layers=layers).double()
    line = torch.arange(-6.0, 7.0, dtype=DOUBLE)[:, None] * torch.randn(3).double()
    values = cross(line).detach()
    assert values.diff(n=layers + 1, dim=0).abs().min() > 1e-6
    rest = values.diff(n=layers + 2, dim=0).abs().max()
    assert rest < 1e-9 * values.abs().max()


def test_periodic_embedding_by_definition():
    torch.manual_seed(0)
    embed = PeriodicEmbedding(features=3, frequencies=5, size=2, sigma=0.7).double()
    x = torch.randn(4, 3, dtype=DOUBLE)
    found = embed(x)
    for n in range(4):
        vectors = []
        for f in range(3):
            angles = [
                2 * np.pi * x[n, f].item() * c for c in embed.frequencies[f].tolist()
            ]
            waves = torch.tensor([*np.sin(angles), *np.cos(angles)])
            linear = nn.Linear(10, 2).double()
            linear.weight.data, linear.bias.data = embed.weight[f].T, embed.bias[f]
            vectors.append(linear(waves).relu())
        assert_close(found[n], torch.cat(vectors))


def test_each_feature_has_its_own_embedding():
    torch.manual_seed(0)
    embed = PeriodicEmbedding(features=3, frequencies=5, size=4, sigma=1.0).double()
    nn.init.constant_(embed.bias, 5.0)  # no ReLU is at rest
    jacobian = jacrev(lambda x: embed(x[None])[0])(torch.randn(3, dtype=DOUBLE))
    own = torch.eye(3).repeat_interleave(4, dim=0).bool()
    assert (jacobian[~own] == 0).all()
    assert (jacobian[own] != 0).all()
    assert 0.7 < embed.frequencies.std() < 1.3


def test_indicators_join_after_the_embedding():
    torch.manual_seed(0)
    embed = PeriodicEmbedding(features=2, frequencies=3, size=4, sigma=1.0)
    sizes = {"numbers": 2, "wide": 11, "layers": 2, "hidden": 5, "outputs": 3}
    network, x = TableNetwork(embed, **sizes), torch.randn(6, 5)
    wide = torch.cat([embed(x[:, :2]), x[:, 2:]], dim=1)
    assert_close(network(x), network.deep(network.cross(wide)))


@pytest.mark.parametrize("size", [0, -2])
def test_sizes_of_networks_are_checked(size):
    with pytest.raises(ValueError, match=f"'layers': {size}"):
        CrossNetwork(features=3, layers=size)
    sizes = {"features": 3, "frequencies": 2, "size": 4}
    with pytest.raises(ValueError, match=f"'sigma': {size}"):
        PeriodicEmbedding(**sizes, sigma=float(size))
    with pytest.raises(ValueError, match="'sigma': nan"):
        PeriodicEmbedding(**sizes, sigma=float("nan"))
    with pytest.raises(ValueError, match=f"'hidden': {size}"):
        FusionHead(nn.Identity(), nn.Identity(), size=3, hidden=size)


# Fusion


def test_joint_fusion_is_its_parts_and_its_gradient_reaches_them():
    torch.manual_seed(0)
    model, table = transformer(), torch.randn(5, 4, dtype=DOUBLE)
    norm, part = nn.LayerNorm(24).double(), nn.Linear(4, 6).double()
    head = FusionHead(norm, part, size=30, hidden=8).double()
    mask = torch.arange(7).expand(5, -1) < 5
    found = JointFusion(model, head)(texts(), mask, table)
    both = torch.cat([part(table), norm(model.states(texts())[:, 4])], dim=1)
    assert_close(found, head.mlp(both)[:, 0])
    found.sum().backward()
    for weight in (part.weight, norm.weight, model.h[0].attn.c_attn.weight):
        assert weight.grad.norm() > 0


def test_standardized_embeddings_have_mean_0_and_deviation_1():
    torch.manual_seed(0)
    sample = 3 + 0.01 * torch.randn(50, 6, dtype=DOUBLE)
    norm = Standardize(sample)
    assert_close(
        norm(sample).mean(dim=0), torch.zeros(6, dtype=DOUBLE), atol=1e-9, rtol=0
    )
    assert_close(norm(sample).std(dim=0), torch.ones(6, dtype=DOUBLE))
    assert not list(norm.parameters())
    sample[:, 2] = 1.0
    with pytest.raises(ValueError, match="1 of 6 entries"):
        Standardize(sample)
    with pytest.raises(ValueError, match="of 1 embeddings"):
        Standardize(sample[:1])
    sample[4, 5] = torch.nan
    with pytest.raises(ValueError, match="2 of 6 entries"):
        Standardize(sample)


def test_last_update_is_the_last_position_of_the_block():
    model = transformer()
    lower = lower_states(model, texts())
    expected = model.states(texts())[:, -1]
    assert_close(LastBlock(model)(*lower), expected)
    x = torch.randn(5, 7, 24, dtype=DOUBLE)
    normed = nn.functional.layer_norm(x, (24,))
    found = last_update(model.h[1], type(lower)(normed, x[:, -1]))
    assert_close(found, model.h[1](x)[:, -1])


def test_late_fusion_finds_a_column_and_refuses_bad_tables():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(900, 3))
    labels = rng.random(900) < 1 / (1 + np.exp(-3 * columns[:, 1]))
    scores = late_fusion(columns, labels[:600])
    assert scores.shape == (300,)
    assert roc_auc_score(labels[600:], scores) > 0.85
    with pytest.raises(ValueError, match="900 users, 900 labels"):
        late_fusion(columns, labels)
    with pytest.raises(ValueError, match="600 labels, 0 positive"):
        late_fusion(columns, labels[:600] & False)
    columns[3, 1] = np.inf
    with pytest.raises(ValueError, match="1 entries are infinite"):
        late_fusion(columns, labels[:600])


def test_runs_do_not_mix_and_only_the_last_block_is_trained():
    study = world.draw_study(
        [(1.0, 0.0), (0.0, 1.0)], 1, 60, 40, np.random.default_rng(0)
    )
    model = TransactionTransformer(vocab=world.VOCAB, d_model=24, layers=2, heads=4)
    before = deepcopy(model.state_dict())
    lower, embeddings = fusion_runs.read_all(model, study.ids, 2)
    norm = Standardize(embeddings[0])
    make = partial(fusion_networks.joint_network, model, norm)
    inputs, known = [*lower, study.table], study.labels[:, :40]
    both = fusion_runs.fit(make, inputs, known, updates=6)
    other = known.clone()
    other[1] = ~other[1]
    again = fusion_runs.fit(make, inputs, other, updates=6)
    for name, weight in both.weights.items():
        assert_close(again.weights[name][0], weight[0])
    assert (again.logits(inputs)[1] - both.logits(inputs)[1]).abs().max() > 1e-3
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name])
    assert_close(both.embeddings(lower, LastBlock(model))[0], read(both, lower))


def read(runs, lower):
    """Embeddings of the first run, by a network of its own."""
    names = [name for name in runs.weights if name.startswith("reader.")]
    own = {name.removeprefix("reader."): runs.weights[name][0] for name in names}
    reader = LastBlock(
        TransactionTransformer(vocab=world.VOCAB, d_model=24, layers=2, heads=4)
    )
    reader.load_state_dict(own)
    return reader(lower[0][0], lower[1][0]).detach()


# Tokens

TOKENIZER = Tokenizer([])  # every byte is a token
EDGES = np.array([5.0, 10.0, 100.0])


def test_special_tokens_by_definition():
    kinds = ["sign"] * 2 + ["bin"] * 4 + ["month"] * 12 + ["day"] * 31 + ["weekday"] * 7
    values = [n for size in (2, 4, 12, 31, 7) for n in range(size)]
    paid = Transaction(-10.0, date(2024, 2, 29), "x")  # a Thursday
    found = [(kinds[i], values[i]) for i in special_tokens(paid, EDGES)]
    assert found == [("sign", 0), ("bin", 2), ("month", 1), ("day", 28), ("weekday", 3)]
    earned = Transaction(1e6, date(2023, 12, 31), "x")
    found = [(kinds[i], values[i]) for i in special_tokens(earned, EDGES)]
    expected = [("sign", 1), ("bin", 3), ("month", 11), ("day", 30), ("weekday", 6)]
    assert found == expected
    ids = encode(paid, EDGES, TOKENIZER)
    assert TOKENIZER.decode([i - len(kinds) for i in ids[5:]]) == "x"


def test_bins_hold_equally_many_amounts_and_only_those_they_are_fitted_on():
    rng = np.random.default_rng(0)
    amounts = rng.lognormal(3, 1, 2100) * rng.choice([-1, 1], 2100)
    edges = fit_amount_bins(amounts)
    days = date(2025, 1, 1)
    bins = [special_tokens(Transaction(a, days, ""), edges)[1] - 2 for a in amounts]
    assert np.bincount(bins).tolist() == [100] * 21
    np.testing.assert_array_equal(fit_amount_bins(-amounts), edges)


@pytest.mark.parametrize(
    ("amounts", "bins", "message"),
    [
        ([1.0, 2.0], 1, "1 bins for 2 amounts"),
        ([1.0, 2.0], 3, "3 bins for 2 amounts"),
        ([1.0, np.nan, np.inf], 2, "2 of 3 amounts"),
        ([5.0] * 8 + [9.0], 4, "only 2 of 4 bins"),
    ],
)
def test_bad_amounts_are_refused(amounts, bins, message):
    with pytest.raises(ValueError, match=message):
        fit_amount_bins(np.array(amounts), bins)
    with pytest.raises(ValueError, match="nan is not finite"):
        special_tokens(Transaction(np.nan, date(2025, 1, 1), ""), EDGES)


def test_a_statement_keeps_the_latest_whole_transactions():
    paid = draw_statement(np.random.default_rng(0))
    end = date(2025, 4, 1)
    parts = [encode(transaction, EDGES, TOKENIZER) for transaction in paid]
    make = partial(statement, edges=EDGES, tokenizer=TOKENIZER, before=end)
    full = make(paid, context=10**6)
    assert full == [token for part in parts for token in part]
    size = len(parts[-1]) + len(parts[-2])
    for more in (0, len(parts[-3]) - 1):
        assert make(paid, context=size + more) == parts[-2] + parts[-1]
    with pytest.raises(ValueError, match=f"has {len(parts[-1])} tokens, context=3"):
        make(paid, context=3)
    with pytest.raises(ValueError, match="0 transactions"):
        make([], context=99)
    with pytest.raises(ValueError, match="in order of time"):
        make(paid[::-1], context=99)
    with pytest.raises(ValueError, match="but the label begins 2025-03-01"):
        make(paid, context=99, before=date(2025, 3, 1))
    last = paid[-1].day  # the first day of the label is too late, too
    with pytest.raises(ValueError, match=f"of {last}, but the label begins {last}"):
        make(paid, context=99, before=last)


# Data of the experiments


def test_the_order_is_in_the_tokens_and_not_in_the_counts():
    users = world.draw_users(4000, np.random.default_rng(0))
    edges = fit_amount_bins(users.amounts.ravel(), world.BINS)
    ids = world.to_tokens(users, edges)
    assert ids.shape == (4000, 16)
    assert ids.min() == 0
    assert ids.max() == world.VOCAB - 1
    pay, advance = (
        (ids == world.BINS + merchant).argmax(axis=1)
        for merchant in (world.SALARY, world.ADVANCE)
    )
    np.testing.assert_array_equal(np.where(advance > pay, 1, -1), users.order)
    counts = world.merchant_counts(users)
    assert (counts.sum(axis=1) == 8).all()
    assert (counts[:, world.ADVANCE] == 1).all()
    assert abs(np.corrcoef(counts[:, 0], users.order)[0, 1]) < 0.05


def test_amount_bins_are_fitted_on_users_with_labels():
    study = world.draw_study([(1.0, 0.0)], 1, 90, 20, np.random.default_rng(3))
    users = world.draw_users(90, np.random.default_rng(3))
    edges = fit_amount_bins(users.amounts[:20].ravel(), world.BINS)
    np.testing.assert_array_equal(study.ids[0], world.to_tokens(users, edges))


def test_opposite_effects_cancel_and_the_same_effect_does_not():
    users = world.draw_users(50_000, np.random.default_rng(0))
    x, order = users.table[:, 0], users.order
    rest = world.log_odds(users, 0.0, 0.0)
    np.testing.assert_allclose(world.log_odds(users, 1.2, 0.0), rest + 1.2 * order)
    odds = world.log_odds(users, 0.0, 1.2)
    np.testing.assert_allclose(odds, rest + 1.2 * order * np.sign(x))
    labels = world.draw_labels(odds, np.random.default_rng(1))
    rate = [labels[order == side].mean() for side in (1, -1)]
    assert abs(rate[0] - rate[1]) < 0.015
    there = x > 0
    rate = [labels[there & (order == side)].mean() for side in (1, -1)]
    assert rate[0] - rate[1] > 0.3


def test_aucs_are_those_of_the_last_users():
    study = world.draw_study([(1.0, 0.0)], 2, 30, 20, np.random.default_rng(0))
    scores = torch.rand(2, 10)
    expected = [roc_auc_score(study.labels[i, 20:], scores[i]) for i in range(2)]
    np.testing.assert_allclose(aucs(study, scores), expected)
    np.testing.assert_allclose(aucs(study, study.labels[:, 20:].float()), [1, 1])


def test_loans_are_split_without_overlap_and_scaled_by_the_training_part():
    loans = credit_table.load()
    assert loans.numbers.shape == (4039, 9)
    assert 0.25 < loans.bad.mean() < 0.26
    assert np.isfinite(loans.numbers).all()
    assert set(np.unique(loans.indicators)) == {0, 1}
    split = credit_table.random_split(len(loans.bad), 0)
    assert sorted(np.concatenate(split)) == list(range(4039))
    other = loans.numbers.copy()
    other[split.test] *= 3
    changed = credit_table.for_networks(loans._replace(numbers=other), split.train)
    kept = np.concatenate([split.train, split.chosen])
    expected = credit_table.for_networks(loans, split.train)
    assert torch.equal(changed[kept], expected[kept])
    assert not torch.equal(changed[split.test], expected[split.test])


def test_settings_are_chosen_on_rows_that_do_not_test(monkeypatch):
    # two updates; each with two learning rates, two splits; rows to choose, to test
    scripted = [
        [[0.6, 0.9], [0.5, 0.1], [0.7, 0.2], [0.4, 0.3]],
        [[0.8, 0.4], [0.5, 0.5], [0.3, 0.6], [0.9, 0.7]],
    ]
    monkeypatch.setattr(table_runs, "both_aucs", lambda *_: scripted.pop(0))
    split = credit_table.Split(*np.arange(9).reshape(3, 3))
    found = table_runs.networks(
        partial(nn.Linear, 2, 1),
        torch.randn(2, 9, 2),
        np.arange(9) % 2 == 0,
        [split, split],
        rates=(0.1, 0.2),
        updates=2,
        every=1,
        batch=3,
    )
    np.testing.assert_array_equal(found, [0.4, 0.7])


def test_each_network_is_scored_on_its_own_split():
    bad = np.array([True, False, True, False, True, False])
    first = credit_table.Split(np.array([0]), np.array([2, 3]), np.array([4, 5]))
    second = credit_table.Split(np.array([0]), np.array([4, 5]), np.array([2, 3]))
    scores = torch.tensor([[0, 0, 1.0, 0, 0, 1.0]] * 4)
    found = both_aucs(scores, bad, [first, second])
    assert found == [[1.0, 0.0], [0.0, 1.0]] * 2

"""DeepSeek in small against DeepseekV3ForCausalLM, DeepseekV32ForCausalLM and MtpModel
of transformers; counts against those models and FlopCounterMode.
"""

import copy
import dataclasses
import itertools
import math

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    DeepseekV32Config,
    DeepseekV32ForCausalLM,
)
from transformers.modeling_layers import MtpModel

from snippets.transformers import deepseek_training as training
from snippets.transformers.deepseek import build, multi_token_loss
from snippets.transformers.deepseek_sizes import (
    V3,
    V32,
    Sizes,
    cache_bytes,
    flop_parts,
    mtp_parameters,
    parameter_parts,
)
from snippets.transformers.deepseek_weights import from_transformers
from snippets.transformers.gpt import next_token_loss
from snippets.transformers.topic_language import ideal_loss, rules
from snippets.transformers.topic_language import texts as texts_of

SMALL = Sizes(
    vocab=31,
    d_model=24,
    layers=3,
    dense_layers=1,
    heads=3,
    query_dim=10,
    latent_dim=8,
    nope_dim=6,
    rope_dim=4,
    value_dim=5,
    d_ff=20,
    experts=12,
    top_k=3,
    expert_d_ff=7,
    shared=2,
    groups=4,
    kept_groups=2,
)
SPARSE = dataclasses.replace(SMALL, index_heads=5, index_dim=9, selected=4)


def configuration(sizes, **more):
    kind = DeepseekV32Config if sizes.selected else DeepseekV3Config
    if sizes.selected:
        more |= {
            "index_topk": sizes.selected,
            "index_n_heads": sizes.index_heads,
            "index_head_dim": sizes.index_dim,
        }
    return kind(
        vocab_size=sizes.vocab,
        hidden_size=sizes.d_model,
        intermediate_size=sizes.d_ff,
        moe_intermediate_size=sizes.expert_d_ff,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        n_shared_experts=sizes.shared,
        n_routed_experts=sizes.experts,
        kv_lora_rank=sizes.latent_dim,
        q_lora_rank=sizes.query_dim,
        qk_rope_head_dim=sizes.rope_dim,
        v_head_dim=sizes.value_dim,
        qk_nope_head_dim=sizes.nope_dim,
        n_group=sizes.groups,
        topk_group=sizes.kept_groups,
        num_experts_per_tok=sizes.top_k,
        first_k_dense_replace=sizes.dense_layers,
        attn_implementation="eager",
        experts_implementation="eager",
        **more,
    )


def library(sizes):
    """A model of theirs, with weights large enough that every part matters."""
    torch.manual_seed(0)
    kind = DeepseekV32ForCausalLM if sizes.selected else DeepseekV3ForCausalLM
    theirs = kind(configuration(sizes)).eval()
    for name, weight in theirs.named_parameters():
        norm = "norm" in name and name.endswith("weight")
        torch.nn.init.normal_(weight, float(norm), 0.1 if norm else 0.3)
    for layer in theirs.model.layers[sizes.dense_layers :]:
        layer.mlp.gate.e_score_correction_bias.normal_(std=0.2)
    return theirs


def pair(sizes):
    theirs = library(sizes)
    ours = build(sizes)
    ours.load_state_dict(from_transformers(theirs.state_dict()))
    return ours, theirs


def texts(batch, seq):
    return torch.randint(31, (batch, seq), generator=torch.Generator().manual_seed(1))


def name_of(sizes):
    return f"transformers.DeepseekV3{'2' * bool(sizes.selected)}ForCausalLM"


@pytest.mark.parametrize("sizes", [SMALL, SPARSE])
def test_logits_are_those_of_the_library(agrees, sizes):
    """In float32, as their norms and softmax are."""
    ours, theirs = pair(sizes)
    ids = texts(2, 13)
    found, expected = ours(ids).logits, theirs(ids).logits
    agrees(found, expected, name_of(sizes), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("sizes", [SMALL, SPARSE])
def test_gradients_are_those_of_the_library(agrees, sizes):
    ours, theirs = pair(sizes)
    ids = texts(2, 13)
    next_token_loss(ours(ids).logits, ids).backward()
    theirs(ids, labels=ids).loss.backward()
    grads = {
        name: torch.zeros_like(w) if w.grad is None else w.grad
        for name, w in theirs.named_parameters()
    }
    expected = from_transformers(grads)
    found = {
        name: torch.zeros_like(w) if w.grad is None else w.grad
        for name, w in ours.named_parameters()
    }
    assert found.keys() == expected.keys()
    for name, grad in expected.items():
        agrees(found[name], grad, name_of(sizes), rtol=1e-3, atol=1e-5)


def mtp_pair(depth):
    sizes = dataclasses.replace(SMALL, mtp=depth)
    theirs = library(sizes)
    theirs.config.num_mtp_layers = depth
    modules = MtpModel(theirs, depth).eval()
    for name, weight in modules.layers.named_parameters():
        norm = "norm" in name
        torch.nn.init.normal_(weight, float(norm), 0.1 if norm else 0.3)
    ours = build(sizes)
    state = from_transformers(theirs.state_dict(), modules.state_dict())
    ours.load_state_dict(state)
    return ours, theirs, modules


@pytest.mark.parametrize("depth", [1, 2])
def test_further_logits_are_those_of_the_library(agrees, depth):
    """Theirs calls them one by one, with the tokens shifted by the caller."""
    ours, theirs, modules = mtp_pair(depth)
    ids = texts(2, 11)
    hidden = theirs.model(ids).last_hidden_state
    found = ours(ids).further
    assert len(found) == depth
    for k in range(depth):
        positions = torch.arange(k + 1, 11)[None]
        hidden = modules.forward_layer(
            k, hidden[:, :-1], positions, None, input_ids=ids[:, k + 1 :]
        )
        expected = theirs.lm_head(hidden)
        name = "transformers.modeling_layers.MtpModel"
        agrees(found[k], expected, name, rtol=1e-4, atol=2e-5)


def test_multi_token_loss_by_definition():
    """The module that reads t_1..t_{i+k} answers for token t_{i+k+1}."""
    ours, ids = build(dataclasses.replace(SMALL, mtp=2)).double(), texts(2, 8)
    further = ours(ids).further
    each = []
    for k, logits in enumerate(further, start=1):
        p = logits.log_softmax(-1)
        each.append(
            -sum(p[b, i, ids[b, i + k + 1]] for b in range(2) for i in range(7 - k))
            / (2 * (7 - k))
        )
    assert_close(multi_token_loss(further, ids), sum(each) / 2)


def test_one_module_predicts_what_two_tokens_ahead_is():
    ours, ids = build(dataclasses.replace(SMALL, mtp=1)), texts(2, 8)
    further = ours(ids).further
    expected = cross_entropy(further[0][:, :-1].flatten(0, 1), ids[:, 2:].flatten())
    assert_close(multi_token_loss(further, ids), expected)


@pytest.mark.parametrize("sizes", [SMALL, SPARSE])
def test_a_later_token_changes_no_earlier_prediction(sizes):
    """Module k reads k tokens more than the main model, and no further."""
    ours = build(dataclasses.replace(sizes, mtp=2)).double().eval()
    ids = texts(1, 10)
    changed = ids.clone()
    changed[0, 6] = (ids[0, 6] + 1) % 31
    before, after = ours(ids), ours(changed)
    pairs = [(before.logits, after.logits)]
    pairs += list(zip(before.further, after.further, strict=True))
    for depth, (old, new) in enumerate(pairs):
        same = torch.isclose(old, new, atol=1e-12).all(dim=-1)[0]
        assert same[: 6 - depth].all()
        assert not same[6 - depth]


def test_without_its_modules_the_model_predicts_the_same():
    ours, ids = build(dataclasses.replace(SMALL, mtp=1)), texts(2, 9)
    before = ours(ids)
    ours.mtp = torch.nn.ModuleList()
    after = ours(ids)
    assert torch.equal(before.logits, after.logits)
    assert after.further == []
    assert multi_token_loss(after.further, ids) == 0


def test_selecting_every_key_is_dense_attention():
    every = dataclasses.replace(SPARSE, selected=20)
    ours, ids = build(every).double(), texts(2, 9)
    dense = build(SMALL).double()
    state = {
        name.replace(".mla.", "."): weight
        for name, weight in ours.state_dict().items()
        if ".indexer." not in name
    }
    dense.load_state_dict(state)
    assert_close(ours(ids).logits, dense(ids).logits)
    assert dense(ids).index_loss == 0
    assert ours(ids).index_loss > 0


def test_the_loss_of_the_indexers_trains_them_alone():
    ours, ids = build(dataclasses.replace(SPARSE, mtp=1)), texts(2, 9)
    predictions = ours(ids)
    predictions.index_loss.backward(retain_graph=True)
    trained = {n for n, w in ours.named_parameters() if w.grad is not None}
    assert trained == {n for n, _ in ours.named_parameters() if ".indexer." in n}
    ours.zero_grad(set_to_none=True)
    loss = next_token_loss(predictions.logits, ids)
    (loss + multi_token_loss(predictions.further, ids)).backward()
    trained = {n for n, w in ours.named_parameters() if w.grad is not None}
    assert not any(".indexer." in n for n in trained)


# Counting


def parameters_of(model, part=""):
    return sum(w.numel() for name, w in model.named_parameters() if part in name)


@pytest.mark.parametrize("sizes", [SMALL, SPARSE])
def test_parameters_of_a_small_model(sizes):
    sizes = dataclasses.replace(sizes, mtp=2)
    ours, theirs = build(sizes), library(sizes)
    total = sum(parameter_parts(sizes).values())
    assert total == theirs.num_parameters()
    assert mtp_parameters(sizes) == parameters_of(ours.mtp)
    assert total + mtp_parameters(sizes) == parameters_of(ours)


def test_parts_of_the_published_module():
    """Shapes by hand: both numbers of README_WEIGHTS.md fit only without M."""
    d, width, experts, vocab = 7168, 2048, 256, 129280
    attention = d * (1536 + 512 + 64) + 1536 * 128 * 192 + 512 * 128 * 256
    attention += 128 * 128 * d + 1536 + 512
    layer = attention + 2 * d + d * experts
    join, norms, expert = 2 * d * d, 3 * d, 3 * d * width
    every, used = layer + 257 * expert + norms, layer + 9 * expert + norms
    assert mtp_parameters(V3) == every + join
    assert mtp_parameters(V3, visited=8) == used + join
    assert round(every / 1e9, 1) == 11.5
    assert round((used + 2 * vocab * d) / 1e9, 1) == 2.4
    assert round((every + join) / 1e9, 1) == 11.6
    assert round((used + join + 2 * vocab * d) / 1e9, 1) == 2.5


@pytest.mark.parametrize(("sizes", "total"), [(V3, 671026404352), (V32, None)])
def test_parameters_of_the_published_models(sizes, total):
    kind = DeepseekV32ForCausalLM if sizes.selected else DeepseekV3ForCausalLM
    with torch.device("meta"):
        theirs = kind(kind.config_class())
    parts = parameter_parts(sizes)
    assert sum(parts.values()) == theirs.num_parameters()
    assert total in (None, theirs.num_parameters())
    assert parts["experts"] == parameters_of(theirs, ".experts.")
    assert parts["shared expert"] == parameters_of(theirs, "shared_experts")
    assert parts["routers"] == parameters_of(theirs, "mlp.gate.")
    indexers = parameters_of(theirs, "indexer") - parameters_of(theirs, "k_norm")
    assert parts["indexers"] == indexers
    assert parts["norms"] == parameters_of(theirs, "norm")
    if not sizes.selected:
        with torch.device("meta"):
            modules = MtpModel(theirs, 1)
        assert mtp_parameters(sizes) == parameters_of(modules.layers)


def test_used_parameters_are_those_that_get_a_gradient_from_one_token():
    sizes = dataclasses.replace(SMALL, dense_layers=0)
    ours, _ = pair(sizes)
    ours(texts(1, 1)).logits.sum().backward()
    found = 0
    for name, weight in ours.named_parameters():
        if name.endswith("mlp.experts.gate_up_proj"):
            visited = weight.grad.flatten(1).any(dim=1).sum().item()
            found += visited * weight[0].numel() * 3 // 2
        elif ".experts." not in name:
            found += weight.numel()
    assert sum(parameter_parts(sizes, sizes.top_k).values()) == found


@pytest.mark.parametrize("sizes", [SMALL, dataclasses.replace(SPARSE, selected=30)])
def test_flops_are_those_that_torch_counts_in_the_library(sizes):
    """Theirs rebuilds keys and values, and computes the scores of all keys."""
    theirs, seq = library(sizes), 20
    with FlopCounterMode(display=False) as counter:
        theirs(texts(1, seq))
    parts = flop_parts(sizes, queries=seq, kv_len=seq, absorbed=False)
    assert sum(parts.values()) == counter.get_total_flops()


@pytest.mark.parametrize("sizes", [SMALL, SPARSE])
def test_flops_are_those_that_torch_counts_in_ours(sizes):
    """Ours absorbs; its sparse attention makes the latent of the queries twice."""
    ours, seq = build(sizes), 20
    with FlopCounterMode(display=False) as counter:
        ours(texts(1, seq))
    parts = flop_parts(sizes, queries=seq, kv_len=seq, absorbed=True)
    twice = 2 * seq * sizes.d_model * sizes.query_dim * sizes.layers
    expected = sum(parts.values()) + (twice if sizes.selected else 0)
    assert counter.get_total_flops() == expected
    total = counter.get_flop_counts()["Global"]
    assert sum(total.values()) == expected


def test_flops_of_a_step_with_a_cache():
    """One new token through the attention of every layer, ten in the cache."""
    ours = build(SMALL)
    x = torch.randn(1, 10, 24)
    cache = []
    layer = ours.layers[0].self_attn
    layer(x[:, :9], cache)
    with FlopCounterMode(display=False) as counter:
        layer(x[:, 9:], cache)
    parts = flop_parts(SMALL, queries=1, kv_len=10, absorbed=True)
    expected = (parts["attention"] + parts["scores and values"]) // SMALL.layers
    assert counter.get_total_flops() == expected


@pytest.mark.parametrize("sizes", [SMALL, SPARSE])
def test_cache_is_that_of_the_library(sizes):
    theirs, seq = library(sizes), 7
    layers = theirs(texts(1, seq), use_cache=True).past_key_values.layers
    stored = 0
    for layer in layers:
        stored += layer.keys.nbytes + layer.values.nbytes
        if sizes.selected:
            stored += layer.indexer_keys.nbytes
    assert cache_bytes(sizes, seq, itemsize=4) == stored


def test_sparse_attention_reads_no_more_than_it_selects():
    few = flop_parts(V32, queries=1, kv_len=4096, absorbed=True)
    many = flop_parts(V32, queries=1, kv_len=2 * 4096, absorbed=True)
    assert few["scores and values"] == many["scores and values"]
    dense = flop_parts(V3, queries=1, kv_len=2048, absorbed=True)
    assert dense["scores and values"] == few["scores and values"]
    short = flop_parts(V32, queries=1, kv_len=100, absorbed=True)
    assert 2048 * short["scores and values"] == 100 * few["scores and values"]


# Edges and bad input


def test_half_precision_stays_finite_and_close():
    ours, ids = build(dataclasses.replace(SPARSE, mtp=1, top_k=12, kept_groups=4)), 0
    ids = texts(2, 4)
    expected = ours(ids)
    found = ours.bfloat16()(ids)
    assert found.logits.dtype == torch.bfloat16
    assert_close(found.logits.float(), expected.logits, atol=0.2, rtol=0.1)
    assert_close(found.further[0].float(), expected.further[0], atol=0.2, rtol=0.1)


def test_a_single_token_is_enough_without_modules():
    assert build(SMALL)(texts(2, 1)).logits.shape == (2, 1, 31)
    assert build(SPARSE)(texts(1, 1)).logits.isfinite().all()


def test_a_text_too_short_for_the_modules_is_refused():
    ours = build(dataclasses.replace(SMALL, mtp=2))
    assert ours(texts(1, 3)).further[1].shape == (1, 1, 31)
    with pytest.raises(ValueError, match="2 tokens for 2 modules"):
        ours(texts(1, 2))


def test_a_loss_of_other_texts_is_refused():
    ours = build(dataclasses.replace(SMALL, mtp=1))
    further = ours(texts(2, 8)).further
    with pytest.raises(ValueError, match="logits of module 1 have shape"):
        multi_token_loss(further, texts(2, 9))


def test_a_base_model_has_no_head():
    with pytest.raises(ValueError, match=r"no lm_head.weight"):
        from_transformers(library(SMALL).model.state_dict())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 0}, "layers=0"),
        ({"mtp": -1}, "mtp=-1"),
        ({"dense_layers": 4}, "dense_layers=4 of 3"),
        ({"top_k": 13}, "top_k=13 of 12 experts"),
        ({"selected": 4}, "an indexer needs all three"),
        ({"index_heads": 2, "index_dim": 4}, "an indexer needs all three"),
    ],
)
def test_impossible_sizes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **changes)


@pytest.mark.parametrize("queries", [0, 6])
def test_queries_that_are_not_the_last_tokens_are_refused(queries):
    with pytest.raises(ValueError, match=f"{queries} queries cannot be the last of 5"):
        flop_parts(SMALL, queries, 5, absorbed=True)


# The language and the training of the variants


def test_the_ideal_reader_by_definition():
    generator = torch.Generator().manual_seed(0)
    table = rules(3, 5, generator)
    assert table.sort(dim=1).values.equal(torch.arange(5).expand(3, 5))
    drawn = texts_of(table, 40, 9, generator)
    known, blind = [], []
    for text in drawn.tolist():
        for now, after in itertools.pairwise(text[1:]):
            p = [0.9 * (table[k, now - 3] == after - 3).item() + 0.02 for k in range(3)]
            known.append(-math.log(p[text[0]]))
            blind.append(-math.log(sum(p) / 3))
    assert_close(
        ideal_loss(table, drawn).item(), sum(known) / len(known), rtol=1e-5, atol=0
    )
    found = ideal_loss(table, drawn, topic_known=False).item()
    assert_close(found, sum(blind) / len(blind), rtol=1e-5, atol=0)


def test_texts_follow_their_rule_nine_times_in_ten():
    generator = torch.Generator().manual_seed(0)
    table = rules(4, 8, generator)
    drawn = texts_of(table, 2000, 12, generator)
    assert drawn[:, 0].unique().tolist() == [0, 1, 2, 3]
    assert drawn[:, 1:].unique().tolist() == [*range(4, 12)]
    follows = table[drawn[:, :1], drawn[:, 1:-1] - 4] == drawn[:, 2:] - 4
    assert abs(follows.float().mean() - (0.9 + 0.1 / 8)) < 0.01


@pytest.mark.parametrize("selected", [3, 12])
def test_fast_layers_compute_the_same(selected):
    ours = training.switched_off("all pieces", seed=0).double()
    for block in training.blocks(ours):
        block.self_attn.top_k = selected
        block.mlp.bias.normal_(std=0.2)
    ids = torch.randint(12, (3, 12))
    expected, fast = ours(ids), training.made_fast(copy.deepcopy(ours)).double()
    found = fast(ids)
    assert isinstance(fast.layers[0].mlp.experts, training.EveryExpert)
    assert_close(found.logits, expected.logits)
    assert_close(found.further[0], expected.further[0])
    assert_close(found.index_loss, expected.index_loss)
    visits = fast.layers[0].mlp.experts.load
    assert visits.sum() == 3 * 12 * 2


def test_runs_side_by_side_are_those_alone():
    both = training.train("all pieces", [3, 5], marks=[2, 4])
    for number, seed in enumerate((3, 5)):
        alone = training.train("all pieces", [seed], marks=[2, 4])
        assert_close(both[:, number], alone[:, 0], rtol=1e-3, atol=1e-4)
    assert both[1, 0] != both[1, 1]


def test_a_step_is_that_of_adamw_on_the_three_losses():
    """A step of training by hand, with the layers of the page."""
    ours = training.switched_off("all pieces", seed=3)
    lessons = training.Lessons(3, topics=4, steps=2)
    for block in training.blocks(ours):
        block.self_attn.top_k = training.SEQ
    optimizer = torch.optim.AdamW(
        ours.parameters(), 0.02, betas=(0.9, 0.99), weight_decay=0.1
    )
    logits, further, index_loss = ours(lessons.batches[0])
    loss = next_token_loss(logits, lessons.batches[0]) + index_loss
    (loss + 0.3 * multi_token_loss(further, lessons.batches[0])).backward()
    for group in optimizer.param_groups:
        group["lr"] = 0.02
    optimizer.step()
    with torch.no_grad():
        logits = ours(lessons.tests).logits[None]
    expected = training.losses_of(logits, lessons.tests[None])[0] - lessons.floor
    found = training.train("all pieces", [3], marks=[1, 2], balance=0.0)
    assert_close(found[0, 0], expected, rtol=1e-3, atol=1e-4)


def test_experts_that_are_visited_too_often_get_a_lower_bias():
    bias = torch.zeros(2, 3)
    buffers = {
        "layers.0.mlp.bias": bias,
        "layers.0.mlp.experts.load": torch.tensor([[6.0, 2.0, 1.0], [3.0, 3.0, 3.0]]),
    }
    training.update_biases(buffers, 0.5)
    assert bias.tolist() == [[-0.5, 0.5, 0.5], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("no MTP", "mtp"),
        ("no experts", "experts"),
        ("no sparsity", "indexer"),
        ("no MLA", "kv_b_proj"),
    ],
)
def test_what_is_switched_off_is_gone(name, missing):
    names = [key for key, _ in training.switched_off(name, 0).named_parameters()]
    assert not any(missing in key for key in names)
    everything = training.switched_off("all pieces", 0).named_parameters()
    assert any(missing in key for key, _ in everything)


def test_without_experts_a_token_uses_as_many_parameters():
    network = training.switched_off("no experts", 0).layers[0].mlp
    used = parameter_parts(training.SIZES, training.SIZES.top_k)
    found = sum(weight.numel() for weight in network.parameters())
    assert found == used["experts"] + used["shared expert"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: training.switched_off("no GRPO", 0), "no variant 'no GRPO'"),
        (lambda: training.train("no MTP", [0], [1], topics=5), "topics=5"),
        (lambda: rules(0, 3, torch.Generator()), "topics=0"),
        (lambda: rules(2, 1, torch.Generator()), "symbols=1"),
        (
            lambda: texts_of(torch.tensor([[1, 0]]), 2, 1, torch.Generator()),
            "seq=1",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

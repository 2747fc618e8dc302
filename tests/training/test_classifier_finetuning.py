"""LoRA against peft, the classifier against transformers, calibration against sklearn.

Temperatures also against an optimum of scipy; calibration errors against loops.
"""

import inspect
import math
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from scipy.optimize import minimize_scalar
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from transformers import GPT2Config, GPT2ForSequenceClassification

from snippets.training import fine_tuning_runs as runs
from snippets.training import two_sources
from snippets.training.calibration import (
    checked,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
)
from snippets.training.classifier_finetuning import (
    as_classifier,
    count_trainable,
    last_token,
    train_only,
)
from snippets.training.lora import LoRALinear, add_lora, merge_lora
from snippets.transformers.gpt import GPT

DOUBLE = torch.float64
SIZES = {"vocab": 11, "n_positions": 16, "d_model": 24, "layers": 2, "heads": 3}


def classifier(classes=3):
    torch.manual_seed(0)
    model = as_classifier(GPT(**SIZES, std=0.3), classes).double()
    nn.init.normal_(model.lm_head.weight)
    return model


def texts(batch=5, seq=7):
    random = torch.Generator().manual_seed(1)
    return torch.randint(11, (batch, seq), generator=random)


# LoRA


def pair(targets, r=3, alpha=7):
    """Our adapted model and that of peft, with equal weights that are not zero."""
    ours, theirs = classifier(), classifier()
    config = LoraConfig(
        r=r,
        lora_alpha=alpha,
        target_modules=list(targets),
        modules_to_save=["lm_head"],
    )
    theirs = get_peft_model(theirs, config)
    add_lora(ours, targets, r, alpha)
    state = {}
    for name, weight in theirs.named_parameters():
        short = name.removeprefix("base_model.model.")
        short = short.replace("modules_to_save.default.", "")
        short = short.replace(".default.weight", "")  # of lora_A and lora_B
        if "original_module" not in short:
            state[short] = weight
    torch.manual_seed(2)
    with torch.no_grad():
        for name, weight in ours.named_parameters():
            if "lora_" in name:
                weight.normal_()
            state[name].copy_(weight)
    return ours, theirs, state


@pytest.mark.parametrize(
    "targets", [["c_attn"], ["attn.c_proj", "c_fc"], list(runs.TARGETS)]
)
def test_outputs_and_gradients_are_those_of_peft(agrees, targets):
    ours, theirs, state = pair(targets)
    weights = torch.randn(5, 7, 3, dtype=DOUBLE)
    for model in (ours, theirs):
        (model(texts()) * weights).sum().backward()
    agrees(ours(texts()), theirs(texts()), "peft.get_peft_model")
    trained = [n for n, w in ours.named_parameters() if w.requires_grad]
    assert {n for n, w in state.items() if w.requires_grad} == set(trained)
    for name in trained:
        found = ours.get_parameter(name).grad
        agrees(found, state[name].grad, "peft.get_peft_model")


def test_merged_weights_are_those_of_peft(agrees):
    ours, theirs, _ = pair(list(runs.TARGETS))
    before, merged = ours(texts()), merge_lora(ours)
    theirs = theirs.merge_and_unload()
    for name, weight in merged.named_parameters():
        if name != "lm_head.weight":
            agrees(weight, theirs.get_parameter(name), "peft.merge_and_unload")
    assert_close(merged(texts()), before)
    assert not any(isinstance(m, LoRALinear) for m in merged.modules())


def test_numbers_to_train_are_those_of_peft():
    ours, theirs, _ = pair(["c_attn"], r=2)
    assert count_trainable(ours) == theirs.get_nb_trainable_parameters()[0]
    assert count_trainable(ours) == 2 * (24 * 2 + 2 * 72) + 3 * 24


def test_an_adapted_layer_by_definition():
    layer = LoRALinear(nn.Linear(5, 4).double(), r=2, lora_alpha=3)
    nn.init.normal_(layer.lora_B)
    x = torch.randn(6, 5, dtype=DOUBLE)
    for row, found in zip(x, layer(x), strict=True):
        W = layer.base_layer.weight + 3 / 2 * layer.lora_B @ layer.lora_A
        assert_close(found, W @ row + layer.base_layer.bias)


def test_a_new_layer_changes_nothing_and_only_B_has_a_gradient():
    linear = nn.Linear(5, 4).double()
    layer = LoRALinear(deepcopy(linear), r=2, lora_alpha=3)
    x = torch.randn(6, 5, dtype=DOUBLE)
    assert torch.equal(layer(x), linear(x))
    layer(x).square().sum().backward()
    assert layer.base_layer.weight.grad is None
    assert layer.lora_B.grad.norm() > 0
    assert layer.lora_A.grad.norm() == 0


def test_the_update_has_the_rank():
    layer = LoRALinear(nn.Linear(7, 9).double(), r=3, lora_alpha=1)
    nn.init.normal_(layer.lora_B)
    update = layer.merged().weight - layer.base_layer.weight
    assert torch.linalg.matrix_rank(update) == 3


def test_a_rank_as_large_as_the_width_can_be_any_update():
    linear, wanted = nn.Linear(4, 4).double(), torch.randn(4, 4, dtype=DOUBLE)
    layer = LoRALinear(linear, r=4, lora_alpha=4)
    with torch.no_grad():
        layer.lora_A.copy_(torch.eye(4))
        layer.lora_B.copy_(wanted)
    assert_close(layer.merged().weight, linear.weight + wanted)


def test_half_precision_stays():
    layer = LoRALinear(nn.Linear(5, 4).bfloat16(), r=2, lora_alpha=3)
    assert layer(torch.ones(2, 5, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert layer.merged().weight.dtype == torch.bfloat16


@pytest.mark.parametrize(("r", "alpha"), [(0, 1), (-1, 1), (5, 1), (2, 0), (2, -3)])
def test_rank_above_the_width_is_refused(r, alpha):
    with pytest.raises(ValueError, match=f"r={r}, lora_alpha={alpha} for 4 x 6"):
        LoRALinear(nn.Linear(6, 4), r=r, lora_alpha=alpha)


@pytest.mark.parametrize("target", ["c_atn", "ttn.c_proj"])
def test_a_target_that_fits_nothing_is_refused(target):
    with pytest.raises(ValueError, match=repr(target)):
        add_lora(classifier(), [target], 2, 2)


def test_a_target_that_is_not_linear_is_refused():
    with pytest.raises(ValueError, match=r"ln_1 is no linear layer: LayerNorm"):
        add_lora(classifier(), ["ln_1"], 2, 2)
    model = classifier()
    add_lora(model, ["c_attn"], 2, 2)
    with pytest.raises(ValueError, match="LoRALinear"):
        add_lora(model, ["c_attn"], 2, 2)


@pytest.mark.parametrize("wrong", ["c_atn", "ln_1"])
def test_a_refused_target_leaves_the_model_as_it_was(wrong):
    model = classifier()
    with pytest.raises(ValueError, match=r"c_atn|ln_1"):
        add_lora(model, ["c_attn", wrong], 2, 2)
    assert not any(isinstance(m, LoRALinear) for m in model.modules())
    assert all(weight.requires_grad for weight in model.parameters())


# The classifier


@pytest.mark.parametrize("padded", [False, True])
def test_logits_are_those_of_transformers(agrees, gpt2, from_gpt2, padded):
    sizes = {"vocab_size": 11, "n_positions": 16, "n_embd": 24, "n_layer": 2}
    ends = {"bos_token_id": 0, "eos_token_id": None, "pad_token_id": 10}
    config = GPT2Config(**sizes, n_head=3, num_labels=3, **ends)
    theirs = GPT2ForSequenceClassification(config).double().eval()
    state = from_gpt2(theirs.state_dict())
    state["lm_head.weight"] = state.pop("score.weight")
    ours = classifier()
    ours.load_state_dict(state)
    ids = texts(4, 9) % 10
    mask = torch.arange(9) < torch.tensor([[9], [1], [4], [8]])
    if padded:
        ids[~mask] = 10
    else:
        mask[:] = True
    expected = theirs(ids, attention_mask=mask.long()).logits
    library = "transformers.GPT2ForSequenceClassification"
    agrees(last_token(ours(ids), mask), expected, library)


def test_what_stands_in_the_padding_does_not_matter():
    model, ids = classifier(), texts(3, 9)
    mask = torch.arange(9) < torch.tensor([[9], [5], [1]])
    first = last_token(model(ids), mask)
    assert torch.equal(last_token(model(torch.where(mask, ids, 7)), mask), first)
    for row, length in enumerate([9, 5, 1]):
        alone = model(ids[row : row + 1, :length])[:, -1]
        assert_close(first[row : row + 1], alone)


def test_no_text_and_a_text_without_a_token_are_refused():
    with pytest.raises(ValueError, match="batch of 0 texts"):
        last_token(torch.zeros(0, 4, 2), torch.zeros(0, 4).long())
    with pytest.raises(ValueError, match=r"without a token: \[1\]"):
        last_token(torch.zeros(2, 3, 2), torch.tensor([[1, 0, 0], [0, 0, 0]]))


def test_a_mask_of_other_texts_is_refused():
    unchecked = inspect.unwrap(last_token)  # as without checks of the annotations
    with pytest.raises(ValueError, match=r"scores \(2, 3, 2\), mask \(2, 2\)"):
        unchecked(torch.zeros(2, 3, 2), torch.ones(2, 2).bool())


def test_the_head_has_the_number_type_of_the_gpt():
    model = as_classifier(GPT(**SIZES).double(), 2)
    assert model(texts()).dtype == DOUBLE


def test_numbers_to_train_are_counted():
    block = 12 * 24**2 + 13 * 24
    model = classifier(classes=5)
    assert train_only(model, "head") == 5 * 24
    assert train_only(model, "last block") == block + 2 * 24 + 5 * 24
    assert train_only(model, "all") == 2 * block + (11 + 16) * 24 + 2 * 24 + 5 * 24
    assert train_only(model, "head") == 5 * 24


def test_only_the_part_gets_gradients():
    model = classifier()
    train_only(model, "last block")
    model(texts()).square().sum().backward()
    touched = {n for n, w in model.named_parameters() if w.grad is not None}
    assert {n.split(".")[0] for n in touched} == {"h", "ln_f", "lm_head"}
    assert not any(n.startswith("h.0.") for n in touched)


def test_a_classifier_starts_undecided_and_leaves_the_gpt_alone():
    gpt = GPT(**SIZES)
    before = deepcopy(gpt.state_dict())
    model = as_classifier(gpt, 4)
    assert_close(model(texts()).softmax(-1), torch.full((5, 7, 4), 0.25))
    train_only(model, "all")
    with torch.no_grad():
        for weight in model.parameters():
            weight += 1
    assert all(torch.equal(w, before[n]) for n, w in gpt.state_dict().items())


def test_bad_parts_and_class_counts_are_refused():
    with pytest.raises(ValueError, match="'body'"):
        train_only(classifier(), "body")
    with pytest.raises(ValueError, match="1 classes"):
        as_classifier(GPT(**SIZES), 1)


# Calibration


def answers(count=400, classes=3, sharpness=3.0):
    random = torch.Generator().manual_seed(4)
    z = torch.randn(count, classes, generator=random, dtype=DOUBLE) * 1.5
    labels = z.softmax(-1).multinomial(1, generator=random)[:, 0]
    return sharpness * z, labels


@pytest.mark.parametrize("bins", [1, 4, 15, 50])
def test_diagram_is_that_of_sklearn(agrees, bins):
    logits, labels = answers()
    found = reliability(logits, labels, bins)
    p, choice = logits.softmax(-1).max(-1)
    right, sure = calibration_curve(choice == labels, p, n_bins=bins)
    kept = found.count > 0
    library = "sklearn.calibration.calibration_curve"
    agrees(found.accuracy[kept], torch.tensor(right), library)
    agrees(found.confidence[kept], torch.tensor(sure), library)


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_calibration_error_by_definition(bins):
    logits, labels = answers(97)
    probability = logits.softmax(-1)
    total = 0.0
    for m in range(1, bins + 1):
        members = []
        for p, y in zip(probability, labels, strict=True):
            if (m - 1) / bins < p.max() <= m / bins:
                members.append((float(p.max()), float(p.argmax() == y)))
        if members:
            sure, right = np.mean(members, axis=0)
            total += len(members) / 97 * abs(right - sure)
    assert_close(expected_calibration_error(logits, labels, bins).item(), total)


def test_an_edge_belongs_to_the_lower_bin():
    logits = torch.zeros(1, 2)  # confidence 1/2
    label = torch.tensor([0])
    assert reliability(logits, label, 2).count.tolist() == [1, 0]
    assert reliability(logits, label, 4).count.tolist() == [0, 1, 0, 0]
    sure = torch.tensor([[1e4, 0.0]])
    assert reliability(sure, label, 3).count.tolist() == [0, 0, 1]


def test_one_bin_hides_what_cancels():
    probability = torch.tensor([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10, dtype=DOUBLE)
    labels = torch.tensor([0] * 6 + [1] * 4 + [0] * 9 + [1])  # right: 60 %, then 90 %
    one = expected_calibration_error(probability.log(), labels, 1)
    two = expected_calibration_error(probability.log(), labels, 4)
    assert_close(one, torch.zeros((), dtype=DOUBLE))
    assert_close(two, torch.tensor(0.3, dtype=DOUBLE))


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_temperature_is_proportional_to_the_logits(factor):
    logits, labels = answers()
    found = fit_temperature(factor * logits, labels)
    assert_close(found, factor * fit_temperature(logits, labels), rtol=1e-9, atol=0)


@pytest.mark.parametrize("sharpness", [0.2, 1.0, 8.0])
def test_temperature_is_the_optimum_of_scipy(agrees, sharpness):
    logits, labels = answers(sharpness=sharpness)

    def loss(log_t):
        return cross_entropy(logits / math.exp(log_t), labels).item()

    best = minimize_scalar(loss, bounds=(-6, 6), options={"xatol": 1e-10})
    found = fit_temperature(logits, labels)
    assert_close(found, math.exp(best.x), rtol=1e-6, atol=0)
    assert abs(found / sharpness - 1) < 0.15  # drawn from logits / sharpness


def test_temperature_is_that_of_sklearn(agrees):
    logits, labels = answers()

    class Scores:
        classes_ = np.arange(3)

        def fit(self, X, y):
            return self

        def decision_function(self, X):
            return X

        def predict(self, X):
            return X.argmax(axis=1)

        def __sklearn_is_fitted__(self):
            return True

        def __sklearn_tags__(self):
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression().__sklearn_tags__()

    model = CalibratedClassifierCV(FrozenEstimator(Scores()), method="temperature")
    model.fit(logits.numpy(), labels.numpy())
    expected = torch.tensor(model.predict_proba(logits.numpy()))
    found = (logits / fit_temperature(logits, labels)).softmax(-1)
    library = "sklearn.calibration.CalibratedClassifierCV"
    agrees(found, expected, library, rtol=1e-6, atol=1e-7)


def test_a_temperature_keeps_each_answer_and_lowers_the_loss():
    logits, labels = answers()
    cooled = logits / fit_temperature(logits, labels)
    assert torch.equal(cooled.argmax(-1), logits.argmax(-1))
    before = negative_log_likelihood(logits, labels)
    assert negative_log_likelihood(cooled, labels) < before - 0.1


def test_where_no_temperature_is_best_none_is_given():
    logits = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
    for labels in (torch.tensor([0, 1]), torch.tensor([1, 0])):  # all right, all wrong
        with pytest.raises(ValueError, match="no temperature fits"):
            fit_temperature(logits, labels)
    with pytest.raises(ValueError, match="no temperature fits"):
        fit_temperature(torch.zeros(2, 2), torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (torch.zeros(0, 2), torch.zeros(0).long(), "0 texts"),
        (torch.zeros(2, 2), torch.tensor([0, 2]), r"labels \[0, 2\], classes=2"),
        (torch.zeros(2, 2), torch.tensor([0, -100]), r"labels \[-100, 0\]"),
        (torch.full((2, 2), math.nan), torch.tensor([0, 1]), "4 logits"),
    ],
)
def test_bad_answers_are_refused(logits, labels, message):
    for function in (reliability, expected_calibration_error, fit_temperature):
        with pytest.raises(ValueError, match=message):
            function(logits, labels)


@pytest.mark.parametrize("count", [1, 3])
def test_a_missing_label_is_refused(count):
    with pytest.raises(ValueError, match=rf"labels \({count},\) for 2 texts"):
        inspect.unwrap(checked)(torch.zeros(2, 2), torch.zeros(count).long())


def test_no_bin_is_refused():
    with pytest.raises(ValueError, match="bins=0"):
        reliability(torch.zeros(1, 2), torch.tensor([0]), 0)


def test_half_precision_is_read_in_double():
    logits, labels = answers(50)
    found = expected_calibration_error(logits.half(), labels)
    assert_close(found, expected_calibration_error(logits.half().double(), labels))


# The experiment


def test_sources_use_every_token_equally_often():
    both = two_sources.tables(3)
    assert_close(both.sum(-1), torch.ones(2, 8, dtype=DOUBLE))
    assert_close(both.sum(-2), torch.ones(2, 8, dtype=DOUBLE))


def test_texts_follow_the_table_of_their_label():
    table = two_sources.tables()
    drawn = two_sources.draw_labeled(table, 4000, torch.Generator().manual_seed(0))
    assert drawn.labels.sum() == 2000
    assert drawn.mask.sum(1).unique().tolist() == list(range(8, 17))
    for source in (0, 1):
        mine = drawn.labels == source
        pairs = drawn.mask[mine][:, 1:]
        old, new = (drawn.ids[mine][:, s][pairs] for s in (slice(-1), slice(1, None)))
        counts = (old * 8 + new).bincount(minlength=64).view(8, 8).double()
        assert (counts / counts.sum(1, keepdim=True) - table[source]).abs().max() < 0.05
    with pytest.raises(ValueError, match="batch=3"):
        two_sources.draw_labeled(table, 3, torch.Generator())


def test_bayes_by_definition():
    table = two_sources.tables()
    drawn = two_sources.draw_labeled(table, 6, torch.Generator().manual_seed(0))
    found = two_sources.bayes_logits(table, drawn)
    for row in range(6):
        text = drawn.ids[row, drawn.mask[row]].tolist()
        for source in (0, 1):
            p = 1 / 8
            for a, b in pairwise(text):
                p *= table[source, a, b].item()
            assert_close(found[row, source].item(), math.log(p))


def test_pair_counts_by_definition():
    table = two_sources.tables()
    drawn = two_sources.draw_labeled(table, 6, torch.Generator().manual_seed(0))
    counts = torch.ones(2, 8, 8, dtype=DOUBLE)
    for row in range(6):
        for old, new in pairwise(drawn.ids[row, drawn.mask[row]].tolist()):
            counts[drawn.labels[row], old, new] += 1
    expected = counts / counts.sum(-1, keepdim=True)
    assert_close(two_sources.count_pairs(drawn), expected)


@pytest.mark.parametrize("way", ["head", "last block", "all", "LoRA"])
def test_runs_side_by_side_are_runs_alone(way):
    table, random = two_sources.tables(), torch.Generator().manual_seed(0)
    labeled = [two_sources.draw_labeled(table, 6, random) for _ in range(2)]
    models = runs.classifiers(runs.new_gpts(2), way)
    weights = runs.fine_tune(models, labeled, [0.3, 0.01], updates=3, batch=6)
    for number, (model, text) in enumerate(zip(models, labeled, strict=True)):
        found = {name: weight[2 + number] for name, weight in weights.items()}
        alone = deepcopy(model)
        free = [w for w in alone.parameters() if w.requires_grad]
        optimizer = torch.optim.AdamW(free, betas=(0.9, 0.99), weight_decay=0.0)
        for step in range(3):
            factor = runs.cosine_with_warmup(step + 1, warmup_steps=0, total_steps=4)
            optimizer.param_groups[0]["lr"] = 0.01 * factor
            optimizer.zero_grad()
            scores = last_token(alone(text.ids), text.mask)
            cross_entropy(scores, text.labels).backward()
            optimizer.step()
        # Not the weights: a bias of keys has no gradient, and Adam enlarges rounding.
        mine = last_token(alone(text.ids), text.mask)
        every = runs.class_logits(model, weights, text)
        assert_close(every[2 + number], mine, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(mine, torch.zeros(()), atol=0.01)
        for name, weight in model.named_parameters():
            if not weight.requires_grad:
                assert torch.equal(found[name], weight)


def test_pretraining_lowers_the_loss_of_copies():
    gpts = runs.new_gpts(2)
    before = deepcopy(gpts[1].state_dict())
    trained = runs.pretrain(gpts, 20)
    assert all(torch.equal(w, before[n]) for n, w in gpts[1].state_dict().items())
    table, random = two_sources.tables(), torch.Generator().manual_seed(0)
    ids = two_sources.draw_ids(table, torch.arange(64) % 2, random)
    for old, new in zip(gpts, trained, strict=True):
        losses = [cross_entropy(m(ids)[:, :-1].mT, ids[:, 1:]) for m in (old, new)]
        assert losses[1] < losses[0] - 0.02

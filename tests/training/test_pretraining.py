"""AdamW and clipping against torch, schedule and loss against transformers."""

import io
import math
from copy import deepcopy

import jaxtyping
import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close
from transformers import (
    get_cosine_schedule_with_warmup,
    get_cosine_with_min_lr_schedule_with_warmup,
)

from snippets.training import faulty_runs, help_tokens
from snippets.training.adamw import AdamW, adamw_update, decay_groups
from snippets.training.markov_source import (
    VOCAB,
    draw_source,
    entropies,
    floor,
    next_tokens,
    pair_frequencies,
    source_loss,
)
from snippets.training.pretraining import (
    IGNORED,
    accumulate_gradients,
    checkpoint,
    clip_gradients,
    cosine_with_warmup,
    draw_texts,
    label_loss,
    resume,
    train,
)
from snippets.transformers.gpt import GPT, next_token_loss

DOUBLE = torch.float64
SIZES = {"vocab": 11, "n_positions": 16, "d_model": 24, "layers": 2, "heads": 3}


def model(**changes):
    torch.manual_seed(0)
    return GPT(**(SIZES | changes), std=0.3).double()


def texts(batch, seq, seed=1):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(11, (batch, seq), generator=random)


def gradients(gpt):
    return [p.grad for p in gpt.parameters()]


# AdamW


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.8, 0.95), (0.0, 0.5)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_each_step_is_that_of_torch(agrees, betas, weight_decay):
    ours, theirs = model(), model()
    settings = {"lr": 0.02, "betas": betas, "weight_decay": weight_decay, "eps": 1e-5}
    mine = AdamW(ours.parameters(), **settings)
    other = torch.optim.AdamW(theirs.parameters(), **settings)
    for step in range(12):
        for gpt, optimizer in ((ours, mine), (theirs, other)):
            optimizer.param_groups[0]["lr"] = 0.02 / (step + 1)
            optimizer.zero_grad()
            next_token_loss(gpt(texts(3, 9, step)), texts(3, 9, step)).backward()
            optimizer.step()
        pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
        for found, expected in pairs:
            agrees(found.detach(), expected.detach(), "torch.optim.AdamW")


def test_state_can_be_handed_to_torch_and_back(agrees):
    ours = model()
    mine = AdamW(decay_groups(ours, 0.1), lr=0.02)
    for step in range(3):
        mine.zero_grad()
        next_token_loss(ours(texts(3, 9, step)), texts(3, 9, step)).backward()
        mine.step()
    theirs = deepcopy(ours)
    other = torch.optim.AdamW(decay_groups(theirs, 0.1), lr=0.02)
    saved = other.state_dict()
    saved["state"] = deepcopy(mine.state_dict()["state"])
    other.load_state_dict(saved)
    for gpt, optimizer in ((ours, mine), (theirs, other)):
        optimizer.zero_grad()
        next_token_loss(gpt(texts(3, 9)), texts(3, 9)).backward()
        optimizer.step()
    for found, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        agrees(found.detach(), expected.detach(), "torch.optim.AdamW")


def test_groups_decay_as_in_torch(agrees):
    ours, theirs = nn.Linear(5, 3).double(), nn.Linear(5, 3).double()
    theirs.load_state_dict(ours.state_dict())
    for layer, kind in ((ours, AdamW), (theirs, torch.optim.AdamW)):
        optimizer = kind(decay_groups(layer, 0.5), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            layer(torch.ones(2, 5, dtype=DOUBLE)).square().sum().backward()
            optimizer.step()
    agrees(ours.weight.detach(), theirs.weight.detach(), "torch.optim.AdamW")
    agrees(ours.bias.detach(), theirs.bias.detach(), "torch.optim.AdamW")


def test_groups_hold_each_parameter_once():
    gpt = model()
    groups = decay_groups(gpt, 0.1)
    assert sum(len(g["params"]) for g in groups) == len(list(gpt.parameters()))
    assert all(p.ndim >= 2 for p in groups[0]["params"])


def test_update_by_definition_with_numbers():
    one = torch.tensor([2.0], dtype=DOUBLE)
    first = adamw_update(
        one, 4 * one, 0 * one, 0 * one, 1, lr=0.5, betas=(0.5, 0.75), weight_decay=0.1
    )
    assert_close(first.exp_avg, 2 * one)
    assert_close(first.exp_avg_sq, 8 * one)
    assert_close(first.weight, one * (1 - 0.05) - 0.5)
    second = adamw_update(
        first.weight,
        one,
        first.exp_avg,
        first.exp_avg_sq,
        2,
        lr=0.5,
        betas=(0.5, 0.75),
        weight_decay=0.0,
    )
    mean, square = (4 / 2 + 2 / 2) / 0.75, (16 * 0.75 + 4 * 0.25) / (1 - 0.75**2)
    assert_close(second.weight, first.weight - 0.5 * mean / math.sqrt(square))


def test_without_gradient_only_the_decay_is_left_and_nothing_is_mutated():
    weight, zero = torch.ones(3), torch.zeros(3)
    new = adamw_update(weight, zero, zero, zero, 1, lr=0.1, weight_decay=0.5)
    assert_close(new.weight, torch.full((3,), 0.95))
    assert torch.equal(weight, torch.ones(3))


def test_a_parameter_without_gradient_stays():
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = AdamW([used, unused], lr=0.1)
    used.sum().backward()
    optimizer.step()
    assert torch.equal(unused, torch.ones(2))
    assert (used < 1).all()


def test_bfloat16_weights_lose_small_updates():
    for dtype, moved in ((torch.float32, True), (torch.bfloat16, False)):
        weight = torch.ones(4, dtype=dtype)
        zero = torch.zeros_like(weight)
        new = adamw_update(weight, weight, zero, zero, 1, lr=1e-3, weight_decay=0.0)
        assert (new.weight < weight).all() == moved
        assert new.weight.dtype == dtype


@pytest.mark.parametrize("size", [1e-4, 300.0])
def test_moments_of_half_precision_are_kept_in_single_precision(size):
    weight = nn.Parameter(torch.ones(3, dtype=torch.float16))
    optimizer = AdamW([weight], lr=0.1, weight_decay=0.0)
    for number in range(1, 4):
        weight.grad = torch.full((3,), size, dtype=torch.float16)
        optimizer.step()
        expected = torch.full_like(weight, 1 - 0.1 * number)
        assert_close(weight.detach(), expected, atol=2e-3, rtol=0)
    assert optimizer.state[weight]["exp_avg_sq"].dtype == torch.float32


@pytest.mark.parametrize(
    "bad",
    [
        {"lr": -1.0},
        {"lr": math.nan},
        {"betas": (1.0, 0.9)},
        {"eps": -1e-8},
        {"eps": math.nan},
        {"weight_decay": -0.1},
    ],
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        AdamW([nn.Parameter(torch.ones(1))], **bad)


def test_step_zero_is_refused():
    one = torch.ones(1)
    with pytest.raises(ValueError, match="step=0"):
        adamw_update(one, one, one, one, 0, lr=0.1)


# Schedule and clipping


@pytest.mark.parametrize(("warm_up", "total"), [(0, 7), (3, 17), (16, 17)])
def test_schedule_is_that_of_transformers(agrees, warm_up, total):
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.5)
    plan = get_cosine_schedule_with_warmup(optimizer, warm_up, total)
    expected, found = [], []
    for step in range(total + 1):
        expected.append(plan.get_last_lr()[0])
        factor = cosine_with_warmup(step, warmup_steps=warm_up, total_steps=total)
        found.append(0.5 * factor)
        optimizer.step()
        plan.step()
    name = "transformers.get_cosine_schedule_with_warmup"
    agrees(torch.tensor(found).double(), torch.tensor(expected).double(), name)


def test_schedule_with_a_final_rate_is_that_of_transformers(agrees):
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    plan = get_cosine_with_min_lr_schedule_with_warmup(
        optimizer, 3, 17, min_lr_rate=0.1
    )
    for step in range(18):
        factor = cosine_with_warmup(step, warmup_steps=3, total_steps=17, final=0.1)
        expected = torch.tensor(plan.get_last_lr()[0]).double()
        name = "transformers.get_cosine_with_min_lr_schedule_with_warmup"
        agrees(torch.tensor(factor).double(), expected, name)
        optimizer.step()
        plan.step()


def test_schedule_stays_at_its_end():
    options = {"warmup_steps": 2, "total_steps": 6, "final": 0.25}
    assert cosine_with_warmup(60, **options) == 0.25


@pytest.mark.parametrize(("step", "warm_up"), [(-1, 2), (0, 6), (0, -1)])
def test_schedules_that_cannot_be_are_refused(step, warm_up):
    with pytest.raises(ValueError, match=f"step={step}, warmup_steps={warm_up}"):
        cosine_with_warmup(step, warmup_steps=warm_up, total_steps=6)


@pytest.mark.parametrize("max_norm", [0.01, 1.0, 1e3])
def test_clipping_is_that_of_torch(agrees, max_norm):
    ours, theirs = model(), model()
    norms = []
    for gpt, clip in ((ours, clip_gradients), (theirs, nn.utils.clip_grad_norm_)):
        next_token_loss(gpt(texts(3, 9)), texts(3, 9)).backward()
        norms.append(clip(gpt.parameters(), max_norm))
    agrees(norms[0], norms[1], "torch.nn.utils.clip_grad_norm_")
    for found, expected in zip(gradients(ours), gradients(theirs), strict=True):
        agrees(found, expected, "torch.nn.utils.clip_grad_norm_")


def test_clipping_keeps_the_direction():
    weights = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    weights[0].grad, weights[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert clip_gradients(weights, 1.0) == 5
    assert_close(weights[0].grad, torch.tensor([0.6, 0.0]))
    assert_close(weights[1].grad, torch.tensor([0.8]))


def test_norm_of_half_precision_does_not_overflow():
    weight = nn.Parameter(torch.zeros(4, dtype=torch.float16))
    weight.grad = torch.full((4,), 6e4, dtype=torch.float16)
    assert clip_gradients([weight], 1.0) == pytest.approx(1.2e5, rel=1e-3)
    assert_close(weight.grad, torch.full((4,), 0.5, dtype=torch.float16))


def test_a_factor_too_small_for_half_precision_still_shrinks():
    weight = nn.Parameter(torch.zeros(4, dtype=torch.float16))
    weight.grad = torch.full((4,), 6e4, dtype=torch.float16)
    clip_gradients([weight], 1e-3)
    expected = torch.full((4,), 5e-4, dtype=torch.float16)
    assert_close(weight.grad, expected, rtol=2e-3, atol=0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_gradients_that_are_not_finite_are_refused(value):
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([1.0, value])
    with pytest.raises(ValueError, match=str(value)):
        clip_gradients([weight], 1.0)


def test_nothing_to_clip_is_refused():
    with pytest.raises(ValueError, match="0 gradients"):
        clip_gradients([nn.Parameter(torch.zeros(2))], 1.0)
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    with pytest.raises(ValueError, match="max_norm=0"):
        clip_gradients([weight], 0.0)


# Accumulation


def answers():
    """Labels of five texts: 8, 8, 2, 1 and 0 of them count."""
    ids = texts(5, 9)
    labels = ids.clone()
    for row, first in enumerate((0, 1, 7, 8, 9)):
        labels[row, :first] = IGNORED
    return ids, labels


@pytest.mark.parametrize("micro_batch", [1, 2, 5, 9])
def test_accumulated_gradient_is_that_of_the_large_batch(
    agrees, gpt2, from_gpt2, micro_batch
):
    theirs, ours = gpt2(), model()
    ours.load_state_dict(from_gpt2(theirs.state_dict()))
    ids, labels = answers()
    found = accumulate_gradients(ours, ids, labels, micro_batch)
    expected = theirs(ids, labels=labels).loss  # one batch
    expected.backward()
    agrees(found, expected.detach(), "transformers.GPT2LMHeadModel")
    agrees(
        ours.wte.weight.grad, theirs.lm_head.weight.grad, "transformers.GPT2LMHeadModel"
    )
    agrees(
        ours.ln_f.bias.grad,
        theirs.transformer.ln_f.bias.grad,
        "transformers.GPT2LMHeadModel",
    )


def test_a_mean_of_means_is_another_gradient():
    ids, labels = answers()
    right, naive = model(), model()
    accumulate_gradients(right, ids[:4], labels[:4], 1)
    for row in range(4):
        accumulate_gradients(naive, ids[row : row + 1], labels[row : row + 1], 1)
    wrong = torch.cat([g.flatten() / 4 for g in gradients(naive)])
    true = torch.cat([g.flatten() for g in gradients(right)])
    assert (wrong - true).norm() > 0.3 * true.norm()


def test_gradients_are_added_to_those_that_are_there():
    ids, labels = answers()
    once, twice = model(), model()
    accumulate_gradients(once, ids, labels, 2)
    for _ in range(2):
        accumulate_gradients(twice, ids, labels, 2)
    assert_close(twice.wte.weight.grad, 2 * once.wte.weight.grad)


def test_ignored_labels_do_not_matter():
    ids, labels = answers()
    expected = -torch.stack(
        [
            model()(ids)[row, t - 1].log_softmax(-1)[labels[row, t]]
            for row in range(5)
            for t in range(1, 9)
            if labels[row, t] != IGNORED
        ]
    ).sum()
    assert_close(label_loss(model()(ids), labels), expected)


def test_a_batch_without_labels_is_refused():
    ids = texts(2, 5)
    with pytest.raises(ValueError, match="0 labels"):
        accumulate_gradients(model(), ids, torch.full_like(ids, IGNORED), 1)
    with pytest.raises(ValueError, match="0 labels"):
        accumulate_gradients(model(), ids[:0], ids[:0], 1)
    with pytest.raises(ValueError, match="micro_batch=0"):
        accumulate_gradients(model(), ids, ids, 0)


def test_labels_of_other_texts_are_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    ids = texts(4, 5)
    with pytest.raises(ValueError, match=r"\(4, 5\) ids, \(8, 5\) labels"):
        accumulate_gradients(model(), ids, texts(8, 5), 4)


def test_labels_may_be_small_integers():
    ids = texts(2, 5)
    expected = label_loss(model()(ids), ids)
    for dtype in (torch.int32, torch.int16, torch.int8):
        assert_close(label_loss(model()(ids), ids.to(dtype)), expected)


# The loop, and checkpoints


def start(kind=AdamW, dtype=torch.float32, **changes):
    gpt = model(**changes).to(dtype)
    return gpt, kind(gpt.parameters()), torch.Generator().manual_seed(3)


def go(parts, first=0, until=12, total=12, **options):
    gpt, optimizer, generator = parts
    corpus = texts(1, 80)[0]
    found = []
    for record in train(
        gpt,
        optimizer,
        lambda: draw_texts(corpus, 4, 10, generator),
        lr=0.01,
        warmup_steps=3,
        total_steps=total,
        start=first,
        **options,
    ):
        found.append(record)
        if record.step == until:
            break
    return found


def test_training_is_that_of_torch(agrees):
    ours, theirs = start(AdamW, DOUBLE), start(torch.optim.AdamW, DOUBLE)
    go(ours, max_norm=0.5)
    gpt, optimizer, generator = theirs
    plan = get_cosine_schedule_with_warmup(optimizer, 3, 12)
    plan.base_lrs = [0.01]
    optimizer.param_groups[0]["lr"] = 0.0
    for _ in range(12):
        ids = draw_texts(texts(1, 80)[0], 4, 10, generator)
        optimizer.zero_grad()
        next_token_loss(gpt(ids), ids).backward()
        nn.utils.clip_grad_norm_(gpt.parameters(), 0.5)
        optimizer.step()
        plan.step()
    for found, expected in zip(ours[0].parameters(), gpt.parameters(), strict=True):
        agrees(found.detach(), expected.detach(), "torch.optim.AdamW")


@pytest.mark.parametrize("kind", [AdamW, torch.optim.AdamW])
def test_a_resumed_run_is_the_same_to_the_bit(kind):
    whole = start(kind)
    records = go(whole)
    half = start(kind)
    go(half, until=7)
    file = io.BytesIO()
    torch.save(checkpoint(7, *half), file)
    file.seek(0)
    torch.manual_seed(99)
    again = start(kind, layers=2)
    for weight in again[0].parameters():
        nn.init.zeros_(weight)
    first = resume(torch.load(file, weights_only=True), *again)
    resumed = go(again, first=first)
    assert [r.step for r in resumed] == [8, 9, 10, 11, 12]
    assert [r.loss for r in resumed] == [r.loss for r in records[7:]]
    assert [r.lr for r in resumed] == [r.lr for r in records[7:]]
    for found, expected in zip(
        again[0].parameters(), whole[0].parameters(), strict=True
    ):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("part", ["model", "optimizer", "generator", "step"])
def test_each_part_of_a_checkpoint_matters(part):
    whole, half, again = start(), start(), start()
    go(whole)
    go(half, until=7)
    saved = checkpoint(7, *half) | {part: checkpoint(0, *start())[part]}
    go(again, first=resume(saved, *again))
    pairs = zip(again[0].parameters(), whole[0].parameters(), strict=True)
    assert not all(torch.equal(found, expected) for found, expected in pairs)


def test_a_checkpoint_is_a_copy():
    parts = start()
    go(parts, until=2)
    saved = checkpoint(2, *parts)
    kept = deepcopy(saved["model"])
    go(parts, first=2)
    assert_close(saved["model"], kept)
    other = start()
    resume(saved, *other)
    go(other, first=2)
    assert saved["optimizer"]["state"][0]["step"] == 2


def test_a_checkpoint_of_another_model_is_refused():
    with pytest.raises(RuntimeError, match="size mismatch"):
        resume(checkpoint(0, *start()), *start(d_model=12))


def test_micro_batches_train_the_same_model():
    one, other = start(AdamW, DOUBLE), start(AdamW, DOUBLE)
    go(one)
    go(other, micro_batch=3)
    for found, expected in zip(one[0].parameters(), other[0].parameters(), strict=True):
        assert_close(found, expected)


def test_autocast_computes_in_bfloat16_and_keeps_single_precision():
    parts, seen = start(), []
    parts[0].lm_head.register_forward_hook(lambda *args: seen.append(args[2].dtype))
    records = go(parts, autocast=True)
    assert set(seen) == {torch.bfloat16}
    assert {g.dtype for g in gradients(parts[0])} == {torch.float32}
    assert records[0].loss.dtype == torch.float32
    assert_close(records[0].loss, go(start())[0].loss, atol=0.05, rtol=0)


def test_texts_are_drawn_from_every_place():
    found = draw_texts(torch.arange(6), 200, 4, torch.Generator().manual_seed(0))
    assert found[:, 0].unique().tolist() == [0, 1, 2]
    assert_close(found[:, 1:], found[:, :-1] + 1)


@pytest.mark.parametrize(("batch", "length"), [(0, 4), (2, 1), (2, 7)])
def test_texts_that_cannot_be_drawn_are_refused(batch, length):
    with pytest.raises(ValueError, match=f"{batch=} of {length=} from 6 tokens"):
        draw_texts(torch.arange(6), batch, length, torch.Generator())


# The source, the faults, and the text


def test_pairs_of_the_source_repeat_themselves():
    table = next_tokens()
    pairs = pair_frequencies(table)
    assert_close(pairs.sum(), torch.ones((), dtype=DOUBLE))
    assert_close(torch.einsum("ab,abc->bc", pairs, table), pairs)


def test_entropies_are_those_of_drawn_texts():
    table, known = next_tokens(), entropies(next_tokens())
    text = draw_source(table, 4000, 40, torch.Generator().manual_seed(0)).numpy()
    codes = text[:, :-2] * VOCAB**2 + text[:, 1:-1] * VOCAB + text[:, 2:]
    counts = np.bincount(codes.flatten(), minlength=VOCAB**3).reshape([VOCAB] * 3)

    def given(joint):
        p = joint / joint.sum(axis=-1, keepdims=True).clip(min=1)
        return -(joint * np.log(p.clip(min=1e-30))).sum() / joint.sum()

    assert given(counts) == pytest.approx(known.two.item(), abs=0.01)
    assert given(counts.sum(axis=0)) == pytest.approx(known.one.item(), abs=0.01)
    assert given(counts.sum(axis=(0, 1))[None]) == pytest.approx(
        known.none.item(), abs=0.01
    )
    assert known.two < known.one < known.none < math.log(VOCAB)


def test_floor_is_the_loss_of_the_true_table():
    table = next_tokens()
    text = draw_source(table, 20000, 5, torch.Generator().manual_seed(0))
    pairs = pair_frequencies(table)
    after_one = pairs / pairs.sum(dim=1, keepdim=True)
    chances = [
        [
            after_one[row[0], row[1]],
            *(table[row[t - 2], row[t - 1], row[t]] for t in (2, 3, 4)),
        ]
        for row in text[:50]
    ]
    assert_close(source_loss(table, text[:50]), -torch.tensor(chances).log().mean())
    expected = source_loss(table, text)
    assert_close(floor(table, 5), expected, atol=0.01, rtol=0)


def test_sources_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="texts of 1 tokens"):
        floor(next_tokens(), 1)
    with pytest.raises(ValueError, match="batch=0"):
        draw_source(next_tokens(), 0, 5, torch.Generator())


def test_shift_of_one_is_the_next_token_loss():
    ids = texts(6, 7).view(2, 3, 7)
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 7, 11)
    expected = torch.stack(
        [next_token_loss(*pair) for pair in zip(logits, ids, strict=True)]
    )
    assert_close(faulty_runs.shifted_loss(logits, ids, 1), expected)
    own = -logits.log_softmax(-1).gather(-1, ids[..., None]).mean(dim=(1, 2, 3))
    assert_close(faulty_runs.shifted_loss(logits, ids, 0), own)
    with pytest.raises(ValueError, match="shift=7"):
        faulty_runs.shifted_loss(logits, ids, 7)


def test_models_side_by_side_have_their_own_rates():
    setting = faulty_runs.Setting
    runs = faulty_runs.compare([setting(lr=0.0), setting(), setting(shift=0)], 30, 15)
    assert runs.logged.shape == (30, 3)
    assert runs.held_out.shape == (3, 3)
    still, learns, leaks = runs.held_out[-1] - runs.held_out[0]
    assert still == 0
    assert learns < -0.2
    assert leaks > 0.5
    assert runs.logged[-1, 2] < 0.7


def test_one_of_several_rates_is_a_step_of_adamw():
    torch.manual_seed(0)
    stacked, single = nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(3))
    both = torch.optim.AdamW([stacked], 1.0, weight_decay=0.5)
    one = torch.optim.AdamW([single], 0.25, weight_decay=0.5)
    for _ in range(3):
        grad = torch.randn(3)
        stacked.grad, single.grad = grad.expand(2, 3).clone(), grad
        faulty_runs.scaled_step(both, [stacked], torch.tensor([0.0, 0.25]))
        one.step()
    assert_close(stacked[0].detach(), torch.ones(3))
    assert_close(stacked[1].detach(), single.detach())


def test_help_becomes_tokens():
    tokenizer, learned, held_out = help_tokens.help_tokens(300)
    text = help_tokens.split_help_text(0)
    assert help_tokens.bytes_of(tokenizer, learned) == len(text[0].encode())
    assert help_tokens.bytes_of(tokenizer, held_out) == len(text[1].encode())
    assert learned.max() < 300
    gpt = GPT(vocab=300, n_positions=8, d_model=12, layers=1, heads=2)
    shown = help_tokens.continuation(gpt, tokenizer, "A\n", 9, temperature=1.0, seed=0)
    assert shown.startswith("A¶")
    cut = learned[:16].view(2, 8)
    expected = next_token_loss(gpt(cut), cut).item()
    assert help_tokens.held_out_loss(gpt, cut) == pytest.approx(expected)
    with pytest.raises(ValueError, match="temperature=0"):
        help_tokens.continuation(gpt, tokenizer, "A", 9, temperature=0.0, seed=0)
    with pytest.raises(ValueError, match="vocab=255"):
        help_tokens.help_tokens(255)

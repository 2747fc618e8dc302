"""Model, loss, training and answers against transformers; facts against Babel."""

import json
from copy import deepcopy

import pytest
import torch
from babel.core import get_global
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from snippets.language.byte_pair_encoding import Tokenizer
from snippets.training import country_pretraining as pretraining
from snippets.training.browser_finetuning import (
    END,
    Row,
    complete,
    encode_pair,
    exact_match,
    fine_tune,
    loss_on,
    pad,
    prompt,
)
from snippets.training.country_facts import ASKED, TOLD, Pair, facts, pairs
from snippets.training.country_task import FOLDER, config, load_model, load_task
from snippets.training.pretraining import IGNORED
from snippets.training.small_neox import GPTNeoX, Size

SIZE = Size(vocab=37, d_model=24, layers=2, heads=3, d_ff=40, rotary=0.5, tied=False)


@pytest.fixture(scope="module")
def task():
    return load_task()


def theirs(size: Size, **changes):
    settings = GPTNeoXConfig(
        **config(size) | {"bos_token_id": 0, "eos_token_id": 1} | changes
    )
    return GPTNeoXForCausalLM(settings).eval()


def twin(size: Size):
    """A model of theirs with random weights and biases, and ours with the same."""
    torch.manual_seed(0)
    model = theirs(size).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 5)
    ours = GPTNeoX(size).double()
    state = {
        k.replace("lm_head", "embed_out"): v for k, v in model.state_dict().items()
    }
    ours.load_state_dict(state)
    return model, ours


@pytest.mark.parametrize("size", [SIZE, SIZE._replace(tied=True, rotary=0.25)])
def test_logits(agrees, size):
    """Reference: GPTNeoXForCausalLM; it computes angles in single precision."""
    model, ours = twin(size)
    ids = torch.randint(0, 37, (5, 17))
    with torch.no_grad():
        agrees(
            ours(ids), model(ids).logits, "transformers.GPTNeoXForCausalLM", atol=1e-5
        )


def rows(count: int) -> list[Row]:
    """Rows of 4 to 9 tokens, with 1 to 3 labels."""
    draw, made = torch.Generator().manual_seed(1), []
    for i in range(count):
        ids = torch.randint(0, 37, (4 + i % 6,), generator=draw).tolist()
        known = len(ids) - 1 - i % 3
        made.append(Row(ids, [IGNORED] * known + ids[known:]))
    return made


def test_loss_and_its_gradient(agrees):
    """Reference: the loss of transformers, which shifts labels itself."""
    model, ours = twin(SIZE)
    some = rows(7)
    ids, labels = pad(some, 0)
    loss = model(input_ids=ids, labels=labels).loss
    mine = loss_on(ours, some, 0)
    agrees(mine, loss, "transformers.GPTNeoXForCausalLM", atol=1e-5, rtol=1e-5)
    loss.backward()
    mine.backward()
    pairs = zip(ours.parameters(), model.parameters(), strict=True)
    for a, b in pairs:
        assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)


def test_five_steps(agrees):
    """Reference: AdamW on the loss of transformers, with all rows in each batch."""
    model, ours = twin(SIZE)
    some = rows(8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
    ids, labels = pad(some, 0)
    losses = []
    for _ in range(5):
        losses.append(model(input_ids=ids, labels=labels).loss)
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    mine = torch.stack(list(fine_tune(ours, some, end=0, steps=5, batch=8, lr=0.01)))
    name = "transformers.GPTNeoXForCausalLM"
    agrees(mine, torch.stack(losses).detach(), name, atol=1e-4, rtol=1e-4)
    assert mine[-1] < 0.9 * mine[0]


def test_padding_changes_nothing():
    """Reference: the definition, row by row."""
    _, model = twin(SIZE)
    some = rows(7)
    total = sum(
        cross_entropy(
            model(torch.tensor([row.ids]))[0, :-1],
            torch.tensor(row.labels[1:]),
            reduction="sum",
        )
        for row in some
    )
    count = sum(label != IGNORED for row in some for label in row.labels)
    assert_close(loss_on(model, some, 0), total / count)


def test_the_answer_and_the_end_are_labels(task):
    for pair in task.held_out:
        row = encode_pair(task.tokenizer, pair)
        learned = [label for label in row.labels if label != IGNORED]
        assert task.tokenizer.decode(learned) == f" {pair.answer}{END}"
        known = row.ids[1 : len(row.ids) - len(learned)]
        assert task.tokenizer.decode(known) == prompt(pair.question)
        whole = f"{prompt(pair.question)} {pair.answer}"
        assert row.ids[1:-1] == task.tokenizer.encode(whole)  # no merge crosses


def test_replay_weighs_both_halves_alike():
    _, model = twin(SIZE)
    new, old = rows(3), [Row([1, 2, 3, 4, 5], [IGNORED, 2, 3, 4, 5])]
    (loss,) = fine_tune(deepcopy(model), new, end=0, steps=1, batch=4, replay=old)
    with torch.no_grad():
        each = loss_on(model, new, 0), loss_on(model, old, 0)
    assert_close(loss, sum(each) / 2)


def test_answers_are_the_greedy_ones(agrees, task):
    """Reference: ``generate`` of transformers, one question at a time."""
    model, size = load_model(), Size()
    reference = theirs(size, bos_token_id=511, eos_token_id=511, pad_token_id=511)
    state = {
        k.replace("embed_out", "lm_head"): v for k, v in model.state_dict().items()
    }
    reference.load_state_dict(state)
    asked = [prompt(pair.question) for pair in task.held_out[:5]]
    mine = complete(model, task.tokenizer, asked, 9)
    for text, said in zip(asked, mine, strict=True):
        ids = torch.tensor([[task.end, *task.tokenizer.encode(text)]])
        made = reference.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=9,
            do_sample=False,
        )
        kept = [i for i in made[0, ids.shape[1] :].tolist() if i != task.end]
        assert said == task.tokenizer.decode(kept).strip()


def test_exact_match_counts_whole_answers(task):
    """A model that always writes one answer is right where it is the answer."""
    some = [pair for pair in task.held_out if pair.kind == "currency"]
    ids = iter(task.tokenizer.encode(" euro") + [task.end] * 9)

    class Parrot(torch.nn.Module):
        def forward(self, read):
            logits = torch.zeros(*read.shape, 512)
            logits[..., next(ids)] = 1
            return logits

    right = exact_match(Parrot(), task.tokenizer, some)
    assert right.tolist() == [pair.answer == "euro" for pair in some]
    assert 0 < right.mean() < 1


def test_more_than_the_answer_is_no_match(task):
    """A model that goes on after a right answer is wrong."""
    (pair,) = [p for p in task.held_out if p.question == "In which country is Tokyo?"]
    ids = iter(task.tokenizer.encode(" Japan and") + [task.end] * 9)

    class Talker(torch.nn.Module):
        def forward(self, read):
            logits = torch.zeros(*read.shape, 512)
            logits[..., next(ids)] = 1
            return logits

    assert exact_match(Talker(), task.tokenizer, [pair]).item() == 0


def test_each_step_draws_anew():
    """With a rate of 0, the loss changes from step to step, and a seed repeats it."""

    def losses(seed):
        model, some = GPTNeoX(SIZE), rows(24)
        found = fine_tune(model, some, end=0, steps=4, batch=3, lr=0.0, seed=seed)
        return torch.stack(list(found)).tolist()

    assert len({*losses(0)}) == 4
    assert losses(0) == losses(0) != losses(1)


def test_facts_are_those_of_babel(task):
    """Reference: Babel; another version of CLDR may have other facts."""
    stored = json.loads((FOLDER / "countries.json").read_text())
    told = sorted([*task.countries, *task.other_countries])
    assert len({fact.country for fact in told}) == len(told) > 100
    if stored["cldr"] == get_global("cldr")["version"]:
        assert told == sorted(facts())


def test_no_question_about_a_held_out_country_is_asked(task):
    names = {fact.country for fact in task.other_countries}
    cities = {fact.city for fact in task.other_countries}
    for pair in task.asked:
        for preposition, known in (("of", names), ("in", names), ("is", cities)):
            assert not any(f" {preposition} {n}?" in pair.question for n in known)
        assert pair.answer not in names | cities
    assert {p.kind for p in task.held_out} == set(ASKED)
    assert not {p.question for p in task.asked} & {p.question for p in task.held_out}
    assert pairs(task.countries) == task.asked
    assert pairs(task.other_countries) == task.held_out


def test_new_prose_is_new_and_has_no_question(task):
    told = sorted([*task.countries, *task.other_countries])
    settings = pretraining.SETTINGS
    texts = pretraining.prose(facts(), settings["stories"], settings["seed"] + 1)
    if told == sorted(facts()):
        assert task.replay == texts[:64]
        assert not {*task.prose} & {*texts}
    assert not any("?" in text or "Answer" in text for text in [*texts, *task.prose])
    assert len(set(task.prose)) == len(task.prose)
    assert not set(task.prose) & set(task.replay)
    assert all("{" not in text for text in texts)
    assert len([s for kind in TOLD.values() for s in kind]) == 16


def test_bad_input(task):
    long = Pair("city", "Why " * 40, "x")
    with pytest.raises(ValueError, match="tokens, longest=40"):
        encode_pair(task.tokenizer, long)
    with pytest.raises(ValueError, match="no rows"):
        pad([], 0)
    with pytest.raises(ValueError, match="3 pairs, 0 to replay, batch=16"):
        next(fine_tune(GPTNeoX(SIZE), rows(3), end=0, steps=1))
    with pytest.raises(ValueError, match="no label to learn"):
        loss_on(GPTNeoX(SIZE), [Row([1, 2, 3], [IGNORED] * 3)], 0)
    with pytest.raises(ValueError, match="width 10 over 3 heads"):
        GPTNeoX(SIZE._replace(d_model=10))
    with pytest.raises(ValueError, match="3 rotated features"):
        GPTNeoX(SIZE._replace(rotary=0.4))
    assert Tokenizer([], [END]).special[END] == 256


def test_an_installed_package_says_that_the_weights_are_elsewhere(tmp_path):
    for load in (load_task, load_model):
        with pytest.raises(FileNotFoundError, match="only a checkout"):
            load(tmp_path)

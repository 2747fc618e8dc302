"""Masks and templates against transformers, offsets against tokenizers."""

import json
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as HFTokenizer
from torch.testing import assert_close
from transformers import PreTrainedTokenizerFast

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train
from snippets.training import tool_answers, tool_runs
from snippets.training.calculator import LONGEST, evaluate
from snippets.training.pretraining import IGNORED
from snippets.training.side_by_side import mean_losses
from snippets.training.tool_loop import Tool, answer, execute, run
from snippets.training.tool_messages import (
    END,
    END_CALL,
    SPECIAL,
    Call,
    Message,
    parse,
    parse_call,
    render,
)
from snippets.training.tool_use_finetuning import (
    encode_with_offsets,
    mask_labels,
    masked_loss,
)
from snippets.transformers.gpt import GPT

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>"
    "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "{% if m.tool_calls %}<|call|>{{ m.tool_calls[0].function | tojson }}<|end_call|>"
    "{% else %}<|end|>{% endif %}{% endgeneration %}"
    "{% else %}{{ m.content }}<|end|>{% endif %}{% endfor %}"
)
TALK = [
    Message("system", "Use the calculator. é 🙂"),
    Message("user", "What is 12*34?\n"),
    Message("assistant", "Let me see: ", Call("calculator", {"expression": "12*34"})),
    Message("tool", "408"),
    Message("assistant", " It is 408. 🙂"),
    Message("user", ""),
    Message("assistant", ""),
]
MERGES = train(word_counts(render(TALK)[0] * 2 + " is it 12 the see, see. me me"), 60)
OURS = Tokenizer(MERGES, SPECIAL)
LIST = Tool(lambda items, upper: [items, upper], {"items": list, "upper": bool})


def as_dicts(messages):
    """The format of ``apply_chat_template``."""
    found = []
    for role, content, call in messages:
        entry = {"role": role, "content": content}
        if call:
            calls = [{"type": "function", "function": call._asdict()}]
            entry["tool_calls"] = calls
        found.append(entry)
    return found


@pytest.fixture(scope="module")
def theirs():
    """The same merges and special tokens in Hugging Face tokenizers."""
    spelled = pre_tokenizers.ByteLevel.alphabet()
    letters = {byte: None for byte in range(256)}
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = iter(range(256, 512))
    for byte in letters:
        letters[byte] = chr(byte) if byte in printable else chr(next(extra))
    assert set(letters.values()) == set(spelled)
    names = ["".join(letters[b] for b in token) for token in OURS.tokens]
    vocab = {name: i for i, name in enumerate(names)}
    pairs = [(names[a], names[b]) for a, b in MERGES]
    fast = HFTokenizer(models.BPE(vocab=vocab, merges=pairs))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    fast.add_special_tokens([AddedToken(s, special=True) for s in SPECIAL])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=fast)
    wrapped.chat_template = TEMPLATE
    return wrapped


def mask(messages, tokenizer=OURS):
    text, spans = render(messages)
    ids, offsets = encode_with_offsets(tokenizer, text)
    return ids, mask_labels(ids, offsets, spans)


# Template and mask against transformers

PLAIN = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12
).filter(lambda text: not any(special in text for special in SPECIAL))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | PLAIN,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(PLAIN, inner, max_size=2)
    ),
    max_leaves=4,
)
CALLS = st.builds(Call, PLAIN, st.dictionaries(PLAIN, VALUES, max_size=3))
MESSAGES = st.lists(
    st.builds(
        Message,
        st.sampled_from(["system", "user", "tool", "assistant"]),
        PLAIN,
        st.none(),
    )
    | st.builds(Message, st.just("assistant"), PLAIN, CALLS),
    min_size=1,
    max_size=5,
)


def test_mask_is_that_of_apply_chat_template(agrees, theirs):
    out = theirs.apply_chat_template(
        as_dicts(TALK),
        return_assistant_tokens_mask=True,
        return_dict=True,
    )
    ids, labels = mask(TALK)
    name = "transformers.PreTrainedTokenizerFast.apply_chat_template"
    agrees(torch.tensor(ids), torch.tensor(out["input_ids"]), name)
    found = torch.tensor([int(label != IGNORED) for label in labels])
    agrees(found, torch.tensor(out["assistant_masks"]), name)
    text = theirs.apply_chat_template(as_dicts(TALK), tokenize=False)
    assert text == render(TALK)[0]


@settings(deadline=None, max_examples=60, derandomize=True)
@given(messages=MESSAGES)
def test_any_conversation_has_the_mask_of_transformers(theirs, messages):
    if all(message.role != "assistant" for message in messages):
        return
    out = theirs.apply_chat_template(
        as_dicts(messages), return_assistant_tokens_mask=True, return_dict=True
    )
    ids, labels = mask(messages)
    assert ids == out["input_ids"]
    assert [int(label != IGNORED) for label in labels] == out["assistant_masks"]


def test_offsets_are_those_of_tokenizers(theirs):
    text, _ = render(TALK)
    expected = theirs(text, return_offsets_mapping=True, add_special_tokens=False)
    ids, offsets = encode_with_offsets(OURS, text)
    assert ids == expected["input_ids"]
    assert offsets == expected["offset_mapping"]


def test_loss_is_that_of_transformers(agrees, gpt2, from_gpt2):
    theirs = gpt2()
    ours = GPT(vocab=11, n_positions=16, d_model=24, layers=2, heads=3).double()
    ours.load_state_dict(from_gpt2(theirs.state_dict()))
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(11, (4, 9), generator=random)
    labels = ids.where(torch.rand(4, 9, generator=random) < 0.4, IGNORED)
    labels[3] = IGNORED
    found = masked_loss(ours(ids), labels)
    expected = theirs(ids, labels=labels).loss
    agrees(found.detach(), expected.detach(), "transformers.GPT2LMHeadModel")
    found.backward()
    expected.backward()
    grad = theirs.lm_head.weight.grad
    agrees(ours.wte.weight.grad, grad, "transformers.GPT2LMHeadModel")


def test_new_rows_are_those_of_resize_token_embeddings(agrees, gpt2, from_gpt2):
    theirs = gpt2()
    ours = GPT(vocab=11, n_positions=16, d_model=24, layers=2, heads=3).double()
    ours.load_state_dict(from_gpt2(theirs.state_dict()))
    wider = tool_runs.with_new_tokens(ours, 3)
    theirs.resize_token_embeddings(14)  # draws with a covariance of 1e-9
    ids = torch.tensor([[12, 3, 5, 13, 0]])
    with torch.no_grad():
        expected = theirs(ids).logits
        assert_close(wider(ids), expected, atol=1e-4, rtol=1e-3)
        old = ours(ids[:, 1:3]).softmax(dim=-1)
        new = wider(ids[:, 1:3]).softmax(dim=-1)
    assert (new[..., 11:].sum(dim=-1) <= 3 / 14 + 1e-12).all()
    assert_close(new[..., :11] / new[..., :11].sum(dim=-1, keepdim=True), old)
    assert ours.wte.weight.shape == (11, 24)
    assert wider.lm_head.weight is wider.wte.weight
    assert wider.wte.weight.requires_grad


# Round trip


@settings(deadline=None, max_examples=200, derandomize=True)
@given(messages=MESSAGES)
def test_what_is_rendered_can_be_parsed(messages):
    text, spans = render(messages)
    assert parse(text) == messages
    written = [m for m in messages if m.role == "assistant"]
    assert len(spans) == len(written)
    for (start, end), message in zip(spans, written, strict=True):
        assert text[:start].endswith("<|assistant|>")
        assert text[start:end].startswith(message.content)
        assert text[start:end].endswith(END_CALL if message.call else END)


@pytest.mark.parametrize(
    "text",
    ["", "Hi", "<|user|>Hi", "<|user|>Hi<|end|>x", "<|user|><|user|>Hi<|end|>",
     '<|user|><|call|>{"name": "a", "arguments": {}}<|end_call|>',
     "<|judge|>Hi<|end|>"],
)  # fmt: skip
def test_what_is_no_conversation_is_refused(text):
    with pytest.raises(ValueError, match=r"not whole turns|no message|contains"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "not JSON"), ("[]", "name and arguments"), ("1", "name and arguments"),
     ('{"name": "a"}', "name and arguments"),
     ('{"name": 1, "arguments": {}}', "name and arguments"),
     ('{"name": "a", "arguments": "b"}', "name and arguments"),
     ('{"name": "a", "arguments": {}, "id": 1}', "name and arguments"),
     ("[" * 200_000, "not JSON"), ("1" * 5000, "not JSON")],
)  # fmt: skip
def test_malformed_calls_are_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_call(text)


@pytest.mark.parametrize("special", SPECIAL)
def test_special_tokens_in_a_text_are_refused(special):
    with pytest.raises(ValueError, match=r"contains <\|"):
        render([Message("user", f"a {special} b")])
    with pytest.raises(ValueError, match=r"contains <\|"):
        render([Message("assistant", "", Call("a", {"b": special}))])


def test_messages_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="0 messages"):
        render([])
    with pytest.raises(ValueError, match="role='judge'"):
        render([Message("judge", "")])
    with pytest.raises(ValueError, match="role='tool'"):
        render([Message("tool", "", Call("a", {}))])


# Labels


def test_segments_that_are_encoded_apart_are_other_tokens():
    tokenizer = Tokenizer(train(word_counts("A: yes A: yes A: yes"), 4))
    joined, _ = encode_with_offsets(tokenizer, "A: yes")
    assert joined != tokenizer.encode("A: ") + tokenizer.encode("yes")
    _, offsets = encode_with_offsets(tokenizer, "A: yes")
    assert mask_labels(joined, offsets, [(3, 6)])[-1] == joined[-1]


def test_between_special_tokens_segments_may_be_encoded_apart():
    text, spans = render(TALK)
    cuts = [0, *(place for span in spans for place in span)]
    parts = [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    apart = [i for part in parts for i in OURS.encode(part, allowed=SPECIAL)]
    assert apart == OURS.encode(text, allowed=SPECIAL)


def test_end_of_turn_is_a_label_and_the_result_is_not():
    ids, labels = mask(TALK[:5])
    kept = [i for i in labels if i != IGNORED]
    written = TALK[2].content + "<|call|>" + json.dumps(TALK[2].call._asdict())
    assert OURS.decode(kept) == written + END_CALL + TALK[4].content + END
    assert labels[ids.index(OURS.special["<|tool|>"])] == IGNORED


def test_conversations_without_labels_are_refused():
    with pytest.raises(ValueError, match="no label among"):
        mask([Message("user", "Hi")])
    logits = torch.zeros(2, 3, 5)
    with pytest.raises(ValueError, match=r"batch of \(2, 3\)"):
        masked_loss(logits, torch.full((2, 3), IGNORED))
    with pytest.raises(ValueError, match=r"batch of \(0, 3\)"):
        masked_loss(logits[:0], torch.zeros(0, 3, dtype=torch.int64))


def test_loss_is_a_mean_over_labels_in_single_precision():
    logits = torch.randn(2, 4, 5)
    labels = torch.tensor([[0, 1, IGNORED, 2], [0, IGNORED, IGNORED, 3]])
    logp = logits.log_softmax(-1)
    expected = -(logp[0, 0, 1] + logp[0, 2, 2] + logp[1, 2, 3]) / 3
    assert_close(masked_loss(logits, labels), expected)
    half = masked_loss(logits.half(), labels)
    assert half.dtype == torch.float32
    assert_close(half, expected, atol=5e-3, rtol=0)


# Calculator and loop


@settings(deadline=None, derandomize=True)
@given(expression=st.text("0123456789+-*() ", max_size=20))
def test_calculator_is_python_or_refuses(expression):
    try:
        found = evaluate(expression)
    except ValueError:
        return
    assert found == eval(expression.strip())  # only digits and signs


@pytest.mark.parametrize(
    "expression",
    ["", "1/2", "2**9", "1.5", "True", "a", "f(1)", "__import__('os')", "1;2", "1 2",
     "'a'*9", "~1", "\0", "(1,2)", "9" * (LONGEST + 1), "1<2", "lambda: 1"],
)  # fmt: skip
def test_calculator_refuses_all_else(expression):
    with pytest.raises(ValueError, match=r"cannot|not an expression|characters"):
        evaluate(expression)


def test_calls_are_checked_before_they_run():
    tools = {"list": LIST}
    assert execute(Call("list", {"upper": True, "items": [1]}), tools) == "[[1], True]"
    for arguments in ({}, {"items": [1]}, {"items": [1], "upper": 1},
                      {"items": [1], "upper": True, "more": 1}):  # fmt: skip
        with pytest.raises(ValueError, match="list takes"):
            execute(Call("list", arguments), tools)
    with pytest.raises(ValueError, match=r"no tool 'rm'.*\['list'\]"):
        execute(Call("rm", {}), tools)


def test_failures_are_answered_without_special_tokens():
    for bad in ("{", '{"name": "<|end|>", "arguments": {}}'):
        found = answer(f"<|call|>{bad}", tool_runs.TOOLS)
        (message,) = parse(found)
        assert message.role == "tool"
        assert message.content.startswith("error: ")
    tools = {"int": Tool(int, {"x": list})}
    found = answer('<|call|>{"name": "int", "arguments": {"x": []}}', tools)
    assert "error: " in found  # a TypeError
    right = '<|call|>{"name": "calculator", "arguments": {"expression": "6*7"}}'
    assert answer(right, tool_runs.TOOLS) == "<|tool|>42<|end|>"


def test_loop_calls_until_a_turn_ends():
    encode = partial(tool_runs.TOKENIZER.encode, allowed=tool_runs.TOKENIZER.special)
    begin = encode("<|user|>?<|end|><|assistant|>")
    call = (
        '<|call|>{"name": "calculator", "arguments": {"expression": "%s"}}<|end_call|>'
    )
    seen = []

    def complete(texts):
        seen.append(len(texts))
        calls = [text.count(tool_runs.TOKENIZER.special[END_CALL]) for text in texts]
        wants = [text[0] != begin[0] for text in texts]
        return [
            encode(call % f"{n}+1") if want and n < 2 else encode("done<|end|>")
            for n, want in zip(calls, wants, strict=True)
        ]

    other = encode("<|system|>!<|end|><|assistant|>")
    found = run(complete, tool_runs.TOKENIZER, tool_runs.TOOLS, [begin, other])
    assert seen == [2, 1, 1]
    assert [m.content for m in parse(tool_runs.TOKENIZER.decode(found[1]))] == [
        "!", "", "1", "", "2", "done"
    ]  # fmt: skip
    assert found[0] == begin + encode("done<|end|>")
    assert other == encode("<|system|>!<|end|><|assistant|>")
    endless = run(
        lambda texts: [encode(call % "1") for _ in texts],
        tool_runs.TOKENIZER, tool_runs.TOOLS, [begin], max_turns=3,
    )  # fmt: skip
    assert endless[0].count(tool_runs.TOKENIZER.special[END_CALL]) == 3
    with pytest.raises(ValueError, match="0 prompts"):
        run(complete, tool_runs.TOKENIZER, tool_runs.TOOLS, [])


# The experiment


def test_models_side_by_side_are_trained_on_their_labels():
    chat = tool_runs.conversations(calls=False)
    learn, held_out = tool_runs.split(100)
    assert sorted([*learn.tolist(), *held_out.tolist()]) == list(range(68**2))
    pair = [tool_runs.chat_model(0), tool_runs.chat_model(0)]
    only_end = chat.labels.where(chat.ids == tool_runs.TOKENIZER.special[END], IGNORED)
    losses = tool_runs.train_abreast(pair, chat.ids, [chat.labels, only_end], learn, 40)
    assert losses.shape == (40, 2)
    assert losses[-1, 1] < 0.1 < 1 < losses[-1, 0]
    ids = tool_runs.places(chat.ids[:5])
    found = mean_losses(
        torch.stack([model(ids[:, :-1]) for model in pair]),
        tool_runs.places(torch.stack([chat.labels[:5], only_end[:5]])),
    )
    expected = masked_loss(pair[1](ids), tool_runs.places(only_end[:5]))
    assert_close(found[1], expected)
    costs = tool_answers.token_losses(pair, chat.ids[:5])
    assert_close(costs[0, 7:].mean(), found[0].detach())
    with pytest.raises(ValueError, match="4624 of 4624 conversations"):
        tool_runs.train_abreast(
            pair[:1], chat.ids, [torch.full_like(chat.ids, IGNORED)], learn, 1
        )
    with pytest.raises(ValueError, match="0 models"):
        tool_runs.train_abreast([], chat.ids, [], learn, 1)
    with pytest.raises(ValueError, match="new=0"):
        tool_runs.with_new_tokens(pair[0], 0)


def test_padding_does_not_change_what_is_written():
    model = tool_runs.with_new_tokens(tool_runs.chat_model(1), len(tool_runs.ADDED))
    texts = tool_answers.prompts(["32*32", "32*33"])
    texts[1] = texts[1][:5]
    both = tool_answers.write(model, texts)
    assert both == [tool_answers.write(model, [text])[0] for text in texts]
    free = tool_answers.write(model, texts, stops=())
    assert [len(a) + len(b) for a, b in zip(texts, free, strict=True)] == [40, 40]
    banned = (free[0][0], free[1][0])
    found = tool_answers.write(model, texts, stops=(), banned=banned)
    assert not {token for text in found for token in text} & set(banned)


def test_scores_read_the_texts(monkeypatch):
    encode = partial(tool_runs.TOKENIZER.encode, allowed=tool_runs.TOKENIZER.special)
    numbers = ["32*32", "32*33"]  # 1024, 1056
    gpt = tool_runs.chat_model(0)
    monkeypatch.setattr(
        tool_answers, "write", lambda *_, **__: [encode("1024<|end|>")] * 2
    )
    assert tool_answers.right_answers(gpt, numbers) == 0.5
    texts = ["<|tool|>7<|end|><|assistant|>8<|end|>", "<|tool|>7<|end|><|assistant|>"]
    monkeypatch.setattr(
        tool_answers, "write", lambda *_, **__: [encode(text) for text in texts]
    )
    assert tool_answers.invented_results(gpt, numbers) == ["7", None]

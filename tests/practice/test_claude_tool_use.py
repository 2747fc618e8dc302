"""Rules and loop against the SDK's types and runner, schemas against jsonschema."""

import collections.abc
import functools
import inspect
import json
import re
import textwrap
import threading
import time
import typing

import anthropic
import jsonschema
import pytest
import torch
from anthropic.types import (
    Message,
    RawMessageStreamEvent,
    StopReason,
    ToolChoiceParam,
    ToolUnionParam,
    message_create_params,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from snippets.practice.claude_tool_use import (
    STEPS,
    Tool,
    answer,
    converse,
    execute,
    result,
)
from snippets.practice.message_rules import problems
from snippets.practice.message_thread import threaded
from snippets.practice.scripted_server import post, serving
from snippets.practice.tool_rules import FIXED_NAMES
from snippets.practice.tool_schema import has_type, mismatches
from snippets.training.calculator import evaluate

MODEL = "claude-opus-5-5"
ASK = {"role": "user", "content": "12*34 and 56*78?"}
REQUEST = {"model": MODEL, "max_tokens": 1024, "messages": [ASK]}
SCHEMA = {
    "type": "object",
    "properties": {"expression": {"type": "string"}},
    "required": ["expression"],
    "additionalProperties": False,
}
DEFINITION = {"name": "calculator", "description": "d", "input_schema": SCHEMA}
TOOLS = {"calculator": Tool(evaluate, DEFINITION)}
WEB = {"type": "web_search_20260318", "name": "web_search"}
DONE = {"content": [{"type": "text", "text": "Done."}], "stop_reason": "end_turn"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search",
          "input": {"query": "q"}}  # fmt: skip


def call(n, expression="6*7", name="calculator"):
    given = {"expression": expression}
    return {"type": "tool_use", "id": f"toolu_{n}", "name": name, "input": given}


def reply(*content, stop_reason="tool_use"):
    return {"content": list(content), "stop_reason": stop_reason}


def talk(*contents):
    """A request whose messages alternate between the user and the assistant."""
    roles = ["user", "assistant"] * len(contents)
    pairs = zip(roles, contents, strict=False)
    return {**REQUEST, "messages": [{"role": r, "content": c} for r, c in pairs]}


def strict_types(value):
    """The value with all iterables read: pydantic checks them only when they are."""
    if isinstance(value, dict):
        return {key: strict_types(item) for key, item in value.items()}
    if isinstance(value, collections.abc.Iterable) and not isinstance(value, str):
        return [strict_types(item) for item in value]
    return value


@functools.cache
def model_of(kind):
    """A model of pydantic with one field: the SDK hands on its base class."""
    return type("Of", (anthropic.BaseModel,), {"__annotations__": {"value": kind}})


def fits(value, kind=message_create_params.MessageCreateParamsNonStreaming):
    """Whether the types of the SDK accept a value."""
    try:
        strict_types(model_of(kind)(value=value).value)
    except ValueError:
        return False
    return True


def text(content):
    return {"type": "text", "text": content}


def answered(n, **more):
    return {"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": "42", **more}


GOOD = {
    "plain": REQUEST,
    "warm the cache": {**REQUEST, "max_tokens": 0},
    "a tool": {**REQUEST, "tools": [DEFINITION], "tool_choice": {"type": "auto"}},
    "custom": {**REQUEST, "tools": [{**DEFINITION, "type": "custom"}]},
    "one tool": {**REQUEST, "tools": [DEFINITION],
                 "tool_choice": {"type": "tool", "name": "calculator"}},
    "one call": {**REQUEST, "tool_choice": {"type": "any",
                                            "disable_parallel_tool_use": True}},
    "web": {**REQUEST, "tools": [WEB, DEFINITION]},
    "toolset": {**REQUEST, "tools": [{"type": "computer_toolset_20260801"}]},
    "no date": {**REQUEST, "tools": [{"type": "tool_search_tool_bm25",
                                      "name": "tool_search_tool_bm25"}]},
    "system": {**REQUEST, "messages": [ASK, {"role": "system", "content": "Hm"}]},
    "any order": talk("?", [text("!"), call(1), call(2)], [answered(2), answered(1)]),
    "an error": talk("?", [call(1)], [answered(1, is_error=True)]),
    "no content": talk("?", [call(1)], [{"type": "tool_result",
                                         "tool_use_id": "toolu_1"}]),
    "blocks": talk("?", [call(1)], [answered(1, content=[text("42")])]),
    "text after": talk("?", [call(1)], [answered(1), text("Go on.")]),
    "paused": talk("?", [SEARCH]),
    "no type": {**REQUEST, "tools": [{**DEFINITION, "type": None}]},
    "name of 128 letters": {**REQUEST, "tools": [{**DEFINITION, "name": "a" * 128}]},
    "results in two messages": {**REQUEST, "messages": [
        ASK, {"role": "assistant", "content": [call(1), call(2)]},
        {"role": "user", "content": [answered(2)]},
        {"role": "user", "content": [answered(1)]}, ASK]},
    "mixed": talk("?", [SEARCH, call(1)], [answered(1)]),
}  # fmt: skip
BAD = {
    "no max_tokens": {"model": MODEL, "messages": [ASK]},
    "role tool": {**REQUEST, "messages": [ASK, {"role": "tool", "content": "42"}]},
    "no content": {**REQUEST, "messages": [{"role": "user", "content": None}]},
    "messages are an object": {**REQUEST, "messages": {"role": "user"}},
    "type of a block is a list": talk([{"type": ["text"], "text": "?"}]),
    "message is a string": {**REQUEST, "messages": ["Hi"]},
    "messages are missing": {"model": MODEL, "max_tokens": 9},
    "tool is a string": {**REQUEST, "tools": ["calculator"]},
    "type is a list": {**REQUEST, "tools": [{**DEFINITION, "type": ["custom"]}]},
    "no tools": {**REQUEST, "tools": None},
    "string as block": {**REQUEST, "messages": [{"role": "user", "content": ["Hi"]}]},
    "result without id": talk("", [call(1)], [{"type": "tool_result", "content": ""}]),
    "result is an object": talk("?", [call(1)], [answered(1, content={"n": 2})]),
    "input is text": talk("?", [{**call(1), "input": "{}"}], [answered(1)]),
    "OpenAI's tool": {**REQUEST, "tools": [
        {"type": "function", "function": {"name": "a", "parameters": SCHEMA}}]},
    "no schema": {**REQUEST, "tools": [{"name": "a"}]},
    "no name": {**REQUEST, "tools": [{"input_schema": SCHEMA}]},
    "name of the web tool": {**REQUEST, "tools": [{**WEB, "name": "search"}]},
    "no name of the web tool": {**REQUEST, "tools": [{"type": WEB["type"]}]},
    "unknown date": {**REQUEST, "tools": [{**WEB, "type": "web_search_20240101"}]},
    "choice is a string": {**REQUEST, "tool_choice": "auto"},
    "OpenAI's choice": {**REQUEST, "tool_choice": {"type": "required"}},
    "choice without a name": {**REQUEST, "tool_choice": {"type": "tool"}},
}  # fmt: skip
BEYOND = {  # the types accept these; the documentation does not
    "space in a name": {**REQUEST, "tools": [{**DEFINITION, "name": "a b"}]},
    "long name": {**REQUEST, "tools": [{**DEFINITION, "name": "a" * 129}]},
    "schema of an array": {**REQUEST, "tools": [
        {"name": "a", "input_schema": {"type": "array"}}]},
    "name twice": {**REQUEST, "tools": [DEFINITION, DEFINITION]},
    "chosen tool is missing": {**REQUEST, "tool_choice": {"type": "tool", "name": "a"}},
    "none, one at a time": {**REQUEST, "tool_choice": {
        "type": "none", "disable_parallel_tool_use": True}},
    "negative limit": {**REQUEST, "max_tokens": -1},
    "no message": {**REQUEST, "messages": []},
    "no result": talk("?", [call(1), call(2)], [answered(1)]),
    "text instead": talk("?", [call(1)], "42"),
    "same id": talk("?", [call(1), call(1)], [answered(1)]),
    "id of a turn before": talk(
        "?", [call(1)], [answered(1)], [call(1)], [answered(1)]),
    "text between results": {**REQUEST, "messages": [
        ASK, {"role": "assistant", "content": [call(1), call(2)]},
        {"role": "user", "content": [answered(2)]}, ASK,
        {"role": "user", "content": [answered(1)]}]},
    "space in a property": {**REQUEST, "tools": [{**DEFINITION, "input_schema": {
        "type": "object", "properties": {"a b": {}}}}]},
    "call at the end": talk("?", [call(1)]),
    "text first": talk("?", [call(1)], [text("Here:"), answered(1)]),
    "another id": talk("?", [call(1)], [answered(1), answered(2)]),
    "two results": talk("?", [call(1)], [answered(1), answered(1)]),
    "result late": talk("?", [call(1)], [answered(1)], "42.", [answered(1)]),
    "result at the start": talk([answered(1)]),
    "call by the user": talk([call(1)], "?"),
    "text while a search waits": talk("?", [SEARCH, call(1)], [answered(1), text("?")]),
    "result by the assistant": talk("?", [answered(1)]),
}  # fmt: skip


def test_rules_agree_with_the_types_of_the_sdk(agrees):
    cases = [*GOOD.values(), *BAD.values()]
    ours = torch.tensor([not problems(request) for request in cases])
    theirs = torch.tensor([fits(request) for request in cases])
    agrees(ours, theirs, "anthropic.types")
    assert theirs.tolist() == [True] * len(GOOD) + [False] * len(BAD)


@pytest.mark.parametrize("name", BEYOND)
def test_rules_that_the_types_do_not_know(name):
    assert fits(BEYOND[name])
    assert problems(BEYOND[name])


def test_a_waiting_search_is_named_as_in_the_documentation():
    (problem,) = problems(BEYOND["text while a search waits"])
    assert problem == (
        "messages.1: `web_search` tool use with id `srvtoolu_1` was found without a "
        "corresponding `web_search_tool_result` block"
    )


def test_pydantic_leaves_iterables_unread():
    kind = message_create_params.MessageCreateParamsNonStreaming
    assert model_of(kind)(value=BAD["result without id"])


def test_names_of_tools_are_those_of_the_sdk(agrees):
    """Each of ours is one of theirs, with the same name; theirs may be more."""
    theirs = {}
    for tool in typing.get_args(ToolUnionParam):
        hints = typing.get_type_hints(tool)
        if hints.get("type") != typing.Optional[typing.Literal["custom"]]:  # noqa: UP045
            (name,) = typing.get_args(hints.get("name")) or (None,)
            theirs |= dict.fromkeys(typing.get_args(hints["type"]), name)
    same = torch.tensor([theirs.get(k, "none") == n for k, n in FIXED_NAMES.items()])
    agrees(same, torch.ones_like(same), "anthropic.types")


def test_each_stop_reason_has_a_step():
    assert set(STEPS) == set(typing.get_args(StopReason))


# Schemas

PLAIN = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0, "a"])
)
VALUES = st.recursive(
    PLAIN,
    lambda v: st.lists(v, max_size=2) | st.dictionaries(st.sampled_from("ab"), v),
    max_leaves=5,
)
KINDS = st.sampled_from(
    ["null", "boolean", "integer", "number", "string", "array", "object"]
)
BOUNDS = {"minimum": st.integers(-2, 2), "maximum": st.integers(-2, 2)}
LEAVES = st.fixed_dictionaries(
    {}, optional={"type": KINDS | st.lists(KINDS, min_size=1, unique=True),
                  "enum": st.lists(VALUES, min_size=1, max_size=3), **BOUNDS},
)  # fmt: skip
SCHEMAS = st.recursive(
    LEAVES,
    lambda s: st.fixed_dictionaries(
        {}, optional={"type": KINDS, "items": s, "required": st.lists(
            st.sampled_from("ab"), unique=True), "additionalProperties": st.booleans(),
            "properties": st.dictionaries(st.sampled_from("ab"), s)},
    ),
    max_leaves=4,
)  # fmt: skip


@settings(deadline=None, max_examples=400, derandomize=True)
@given(value=VALUES, schema=SCHEMAS)
def test_inputs_are_judged_as_by_jsonschema(value, schema):
    theirs = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (mismatches(value, schema) == []) == theirs


def test_inputs_of_a_tool_are_judged_as_by_jsonschema(agrees):
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1},
            "unit": {"enum": ["C", "F"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["n"],
        "additionalProperties": False,
    }
    inputs = [{"n": 2}, {"n": 2.0}, {"n": True}, {"n": "2"}, {"n": 0}, {}, {"N": 2},
              {"n": 2, "unit": "K"}, {"n": 2, "unit": "C", "tags": ["a"]},
              {"n": 2, "tags": ["a", 1]}, [2], None]  # fmt: skip
    validator = jsonschema.Draft202012Validator(schema)
    ours = torch.tensor([not mismatches(x, schema) for x in inputs])
    theirs = torch.tensor([validator.is_valid(x) for x in inputs])
    agrees(ours, theirs, "jsonschema.Draft202012Validator")
    assert ours.sum() == 3


def test_keywords_that_are_not_checked_are_refused():
    with pytest.raises(ValueError, match=r"input: the schema has \['pattern'\]"):
        mismatches("a", {"type": "string", "pattern": "^b"})
    with pytest.raises(ValueError, match="additionalProperties is"):
        mismatches({"a": 1}, {"additionalProperties": {}})
    with pytest.raises(ValueError, match="no type 'int'"):
        has_type(1, "int")
    assert not has_type(float("inf"), "integer")
    assert not has_type(float("nan"), "integer")
    assert has_type(10**400, "integer")
    assert has_type(10**400, "number")
    assert not has_type(True, "integer")


# Loop


@pytest.fixture
def sdk():
    """Makes the ``create`` of a real client for a server."""
    clients = []

    def sdk(server, **options):
        options = {"api_key": "none", "max_retries": 0, **options}
        clients.append(anthropic.Anthropic(base_url=server.url, **options))
        return clients[-1]

    yield sdk
    for client in clients:
        client.close()


def create_with(client):
    return lambda **request: client.messages.create(**request).to_dict()


SCRIPT = [
    reply(text("Two products."), call(1, "12*34"), call(2, "9**9")),
    reply(call(3, "56*78")),
    DONE,
]


def test_the_sdk_talks_to_the_scripted_server(sdk):
    with serving(SCRIPT) as server:
        messages, reason = converse(create_with(sdk(server)), REQUEST, TOOLS)
    assert reason == "end_turn"
    assert [exchange.status for exchange in server.exchanges] == [200] * 3
    assert all(fits(exchange.request) for exchange in server.exchanges)
    assert [m["role"] for m in messages] == ["user", "assistant"] * 3
    assert messages[1]["content"] == SCRIPT[0]["content"]
    wrong = "ValueError: cannot compute '9**9'"
    assert messages[2]["content"] == [
        answered(1, content="408"),
        answered(2, content=wrong, is_error=True),
    ]
    with serving(SCRIPT) as server:
        without, _ = converse(
            lambda **request: post(server.url, request), REQUEST, TOOLS
        )
    assert without == messages


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_loop_takes_the_steps_of_the_tool_runner(agrees, sdk):
    """Requests and runs of the function, for each stop reason and some scripts."""
    scripts = [[reply(call(1), stop_reason=reason), DONE] for reason in STEPS]
    scripts[list(STEPS).index("pause_turn")] = [
        reply(SEARCH, stop_reason="pause_turn"), DONE]  # fmt: skip
    scripts += [SCRIPT, [reply(text("No call."))], [reply(call(1, name="a")), DONE],
                [reply(call(1), stop_reason="new"), DONE]]  # fmt: skip
    ours, theirs, runs = [], [], []

    def calculator(expression: str) -> str:
        runs.append(expression)
        return str(evaluate(expression))

    described = anthropic.beta_tool(
        calculator, description="d", input_schema=DEFINITION["input_schema"]
    )
    for script in scripts:
        runs.clear()
        with serving(script) as server:
            tools = {"calculator": Tool(calculator, DEFINITION)}
            converse(lambda **r: post(server.url, r), REQUEST, tools)
        ours.append((len(server.exchanges), len(runs)))
        runs.clear()
        with serving(script) as server:
            runner = sdk(server).beta.messages.tool_runner(tools=[described], **REQUEST)
            runner.until_done()
        theirs.append((len(server.exchanges), len(runs)))
        assert {exchange.status for exchange in server.exchanges} == {200}
    agrees(torch.tensor(ours), torch.tensor(theirs), "anthropic.Anthropic")
    assert ours[: len(STEPS)] == [
        {"run the calls": (2, 1), "send it back": (2, 0), "stop": (1, 0)}[step]
        for step in STEPS.values()
    ]


def test_functions_of_one_turn_run_at_the_same_time_and_those_of_the_runner_do_not(sdk):
    script = [reply(call(1), call(2), call(3)), DONE]
    lock, running, peaks = threading.Lock(), [], []

    def calculator(expression: str) -> str:
        with lock:
            running.append(expression)
            peaks.append(len(running))
        time.sleep(0.05)
        with lock:
            running.pop()
        return "42"

    with serving(script) as server:
        tools = {"calculator": Tool(calculator, DEFINITION)}
        converse(lambda **request: post(server.url, request), REQUEST, tools)
    assert max(peaks) == 3
    peaks.clear()
    with serving(script) as server:
        described = anthropic.beta_tool(calculator)
        runner = sdk(server).beta.messages.tool_runner(tools=[described], **REQUEST)
        runner.until_done()
    assert peaks == [1, 1, 1]
    results = server.exchanges[1].request["messages"][-1]["content"]
    assert [block["tool_use_id"] for block in results] == [
        f"toolu_{n}" for n in (1, 2, 3)
    ]


def test_loop_has_at_most_25_lines():
    body = inspect.getsource(converse).split('"""')[2]
    assert len([line for line in body.splitlines() if line.strip()]) <= 25


def test_failures_become_results():
    unknown = execute(call(1, name="shell"), TOOLS)
    assert unknown["content"] == "ValueError: no tool 'shell'; there are ['calculator']"
    wrong = execute({**call(1), "input": {"x": 1}}, TOOLS)
    assert wrong["content"] == (
        "ValueError: input: 'expression' is missing; input: 'x' is not a property"
    )
    assert unknown["is_error"] is wrong["is_error"] is True
    assert execute(call(1), TOOLS) == answered(1)


def test_a_late_function_is_answered():
    waits = threading.Event()
    tools = {"calculator": Tool(lambda expression: waits.wait(5), DEFINITION),
             "now": Tool(lambda expression: 42, DEFINITION)}  # fmt: skip
    late, now = answer([call(1), text("!"), call(2, name="now")], tools, timeout=0.1)
    waits.set()
    assert late == answered(1, content="no result in 0.1 s", is_error=True)
    assert now == answered(2)
    assert answer([text("!")], TOOLS, timeout=1.0) == []


def test_loop_ends_and_leaves_its_arguments_alone(sdk):
    endless = [reply(call(n)) for n in range(9)]
    before = json.dumps(REQUEST)
    with serving(endless) as server:
        create = create_with(sdk(server))
        messages, reason = converse(create, REQUEST, TOOLS, max_turns=3)
        assert reason == "max_turns"
        assert len(messages) == 7
        assert not problems({**REQUEST, "messages": messages})
    assert json.dumps(REQUEST) == before
    with pytest.raises(ValueError, match="max_turns=0"):
        converse(create, REQUEST, TOOLS, max_turns=0)
    with pytest.raises(ValueError, match="'other': 'calculator'"):
        converse(create, REQUEST, {"other": TOOLS["calculator"]})
    with pytest.raises(ValueError, match="a call without an id"):
        result({"name": "calculator", "input": {}}, "42")
    with pytest.raises(ValueError, match="a call without an id"):
        answer([{**call(1), "id": None}], TOOLS, timeout=1.0)


# Server


@pytest.mark.parametrize("name", ["text first", "no result", "no max_tokens"])
def test_mistakes_are_answered_with_400(sdk, name):
    with serving([DONE]) as server:
        post(server.url, REQUEST)
        with pytest.raises(ValueError, match="400: "):
            post(server.url, BAD.get(name) or BEYOND[name])
        if name != "no max_tokens":  # the SDK does not send that one
            with pytest.raises(
                anthropic.BadRequestError, match="without `tool_result`"
            ):
                sdk(server).messages.create(**BEYOND[name])


def test_headers_paths_and_the_end_of_the_script(sdk):
    with serving([]) as server:
        with pytest.raises(anthropic.InternalServerError, match="no further reply"):
            sdk(server).messages.create(**REQUEST)
        with pytest.raises(anthropic.NotFoundError, match="count_tokens"):
            sdk(server).messages.count_tokens(model=MODEL, messages=[ASK])
        headers = {"anthropic-version": "2020-01-01"}
        with pytest.raises(anthropic.BadRequestError, match="want anthropic-version"):
            sdk(server, default_headers=headers).messages.create(**REQUEST)


def test_the_runner_sends_new_messages_alone_and_the_server_knows_the_rest(sdk):
    described = anthropic.beta_tool(lambda expression: "42", name="calculator",
                                    description="d", input_schema=SCHEMA)  # fmt: skip
    sent = []
    for options in ({}, {"thread": False}):
        with serving(SCRIPT) as server:
            messages = sdk(server).beta.messages
            messages.tool_runner(tools=[described], **REQUEST, **options).until_done()
        assert [exchange.status for exchange in server.exchanges] == [200] * 3
        requests = [exchange.request for exchange in server.exchanges]
        sent.append([len(request["messages"]) for request in requests])
        if not options:
            theirs = [{k: v for k, v in r.items() if k != "tools"} for r in requests]
    assert sent == [[1, 1, 1], [1, 3, 5]]
    with serving(SCRIPT) as server:
        tools = {"calculator": Tool(lambda expression: "42", DEFINITION)}
        converse(threaded(lambda **r: post(server.url, r)), REQUEST, tools)
    ours = [{**exchange.request} for exchange in server.exchanges]
    del ours[0]["tools"]
    assert ours == theirs
    sent = []
    send = threaded(lambda **request: sent.append(request) or {"id": "msg_1"})
    for _ in range(2):
        send(**REQUEST, tools=[DEFINITION], system="s", tool_choice={"type": "auto"})
    assert {*sent[0]} - {*sent[1]} == {"tools", "system"}
    lost = {**REQUEST, "thread": {"type": "continue", "previous_message_id": "msg_9"}}
    with serving([DONE]) as server, pytest.raises(ValueError, match="thread_not_found"):
        post(server.url, lost)
    with serving([SCRIPT[1], DONE]) as server:
        first = post(server.url, {**REQUEST, "thread": {"type": "create"}})
        later = {"type": "continue", "previous_message_id": first["id"]}
        with pytest.raises(ValueError, match="without `tool_result`"):
            post(server.url, {**REQUEST, "thread": later})


def test_the_sdk_retries_a_server_error_twice(sdk):
    with serving([]) as server:
        client = sdk(server, max_retries=2)
        with pytest.raises(anthropic.InternalServerError):
            client.messages.create(**REQUEST)
    assert len(server.exchanges) == 3
    assert anthropic.DEFAULT_MAX_RETRIES == 2


# Article


def kinds_of_json(root):
    """The JSON in the article, each piece with the type that it must have."""
    article = (root / "docs/practice/claude_tool_use.rst").read_text("utf-8")
    pattern = r"(?m)^( *)\.\. code-block:: json\n\n((?:\1   .*\n|\n)+)"
    pieces = [found[2] for found in re.finditer(pattern, article)]
    for piece in pieces:
        value = json.loads(textwrap.dedent(piece))
        if "max_tokens" in value:
            yield value, message_create_params.MessageCreateParamsNonStreaming
        elif "stop_reason" in value:
            yield value, Message
        elif "role" in value:
            yield value, anthropic.types.MessageParam
        elif "input_schema" in value or value["type"] in FIXED_NAMES:
            yield value, ToolUnionParam
        elif value["type"] in ("auto", "any", "tool", "none"):
            yield value, ToolChoiceParam
        else:
            yield value, RawMessageStreamEvent


def test_json_of_the_article_has_the_types_of_the_sdk(root):
    pieces = list(kinds_of_json(root))
    assert len(pieces) == 6
    for value, kind in pieces:
        assert fits(value, kind), value
        if "max_tokens" in value:
            assert problems(value) == []

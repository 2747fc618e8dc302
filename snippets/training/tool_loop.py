"""The loop that runs the calls of a model: stop, read, check, execute, append.

Schick et al. (2023), Toolformer, https://arxiv.org/abs/2302.04761, section 2: decoding
is interrupted where the model expects a result, and goes on after it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from snippets.language.byte_pair_encoding import Tokenizer
from snippets.training.tool_messages import (
    CALL,
    END_CALL,
    Call,
    Message,
    parse_call,
    render,
)


class Tool(NamedTuple):
    """A function, and the types of its arguments by name."""

    function: Callable[..., object]
    arguments: dict[str, type]


def execute(call: Call, tools: Mapping[str, Tool]) -> str:
    """The result of a call, as text.

    Raises
    ------
    ValueError
        If the tool is unknown, or an argument is missing, unknown or of a wrong type.
    """
    if call.name not in tools:
        raise ValueError(f"no tool {call.name!r}; there are {sorted(tools)}")
    tool = tools[call.name]
    given = {name: type(value) for name, value in call.arguments.items()}
    if given != tool.arguments:
        takes = {name: kind.__name__ for name, kind in tool.arguments.items()}
        raise ValueError(f"{call.name} takes {takes}, got {call.arguments}")
    return str(tool.function(**call.arguments))


def answer(written: str, tools: Mapping[str, Tool]) -> str:
    """What is appended after a turn that ends in a call: the result, or what failed.

    Whatever a tool raises is told to the model: one failure must not end the loop.
    """
    try:
        result = execute(parse_call(written.split(CALL)[-1]), tools)
        return render([Message("tool", result)])[0]
    except Exception as error:
        message = str(error).replace("<|", "< |")  # no special token from outside
        return render([Message("tool", f"error: {message}")])[0]


def run(
    complete: Callable[[list[list[int]]], list[list[int]]],
    tokenizer: Tokenizer,
    tools: Mapping[str, Tool],
    prompts: Sequence[Sequence[int]],
    max_turns: int = 4,
) -> list[list[int]]:
    """Continue conversations until the assistant ends a turn without a call.

    Parameters
    ----------
    complete
        Writes a turn for each text. A turn stops after END or END_CALL, or is cut off.
    prompts
        Ids of conversations that end in the token of the assistant.

    Raises
    ------
    ValueError
        If there is no prompt.
    """
    if not prompts or max_turns < 1:
        raise ValueError(f"{len(prompts)} prompts, {max_turns=}")
    texts, active = [list(prompt) for prompt in prompts], list(range(len(prompts)))
    for _ in range(max_turns):
        turns = complete([texts[i] for i in active])
        calling = []
        for i, written in zip(active, turns, strict=True):
            texts[i] += written
            if written[-1:] == [tokenizer.special[END_CALL]]:
                call = tokenizer.decode(written[:-1])
                reply = answer(call, tools) + "<|assistant|>"
                texts[i] += tokenizer.encode(reply, allowed=tokenizer.special)
                calling.append(i)
        active = calling
        if not active:
            break
    return texts

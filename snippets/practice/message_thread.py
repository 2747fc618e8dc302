"""Requests of a message thread: the server keeps the conversation, for a while.

The page on message threads, https://platform.claude.com/docs/en/build-with-claude, and
the parameter ``thread`` of the SDK's beta namespace, ``anthropic`` 2.14.
"""

from collections.abc import Callable
from typing import Any

Send = Callable[..., dict[str, Any]]


def threaded(create: Send) -> Send:
    """A function that sends through ``create`` what the server does not have yet.

    The first request is whole. A later one has the id of the last response and the
    messages after it. It has no ``tools`` and no ``system``: the thread keeps them. The
    API also wants the beta header ``message-threads-2026-08-12``.

    Examples
    --------
    >>> sent = []
    >>> def create(**request):
    ...     sent.append(request)
    ...     return {"id": "msg_1"}
    >>> send = threaded(create)
    >>> _ = send(model="m", max_tokens=9, messages=["question"], tools=["search"])
    >>> _ = send(model="m", max_tokens=9, messages=["question", "call", "result"])
    >>> sent[1]["messages"], sent[1]["thread"]
    (['result'], {'type': 'continue', 'previous_message_id': 'msg_1'})
    """
    known, last = 0, None

    def send(**request: Any) -> dict[str, Any]:
        nonlocal known, last
        messages, body = request["messages"], {**request, "thread": {"type": "create"}}
        if last is not None:
            body = {k: v for k, v in request.items() if k not in ("system", "tools")}
            body["messages"] = messages[known + 1 :]  # the server wrote message `known`
            body["thread"] = {"type": "continue", "previous_message_id": last}
        answer = create(**body)
        known, last = len(messages), answer["id"]
        return answer

    return send

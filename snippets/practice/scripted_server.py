"""A server on loopback that speaks the Messages API and plays a script.

It checks headers and requests, answers mistakes with status 400 as the API does, and
otherwise gives the next reply of its script. No model runs. It keeps every exchange,
and the conversations of message threads, a beta of November 2026: a request that
continues a thread has new messages alone.
"""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from snippets.practice.message_rules import problems

VERSION = "2026-10-21"  # the value of the header anthropic-version


class Exchange(NamedTuple):
    """A request, the status of its answer, and the answer."""

    request: dict[str, Any]
    status: int
    response: dict[str, Any]


class ScriptedServer(ThreadingHTTPServer):
    """Plays ``script``, the fields of each reply; keeps ``exchanges``."""

    def __init__(self, script: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)  # any free port
        self.script = list(script)
        self.exchanges: list[Exchange] = []
        self.threads: dict[str, dict[str, Any]] = {}  # by the id of the last reply
        self.url = f"http://127.0.0.1:{self.server_port}"

    def play(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """The next reply of the script; None after the last."""
        played = sum(exchange.status == 200 for exchange in self.exchanges)
        if played == len(self.script):
            return None
        return {
            "id": f"msg_{played + 1}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},  # nothing is counted
            **self.script[played],
        }


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: ScriptedServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status, answer = self.reply(json.loads(body))
        self.server.exchanges.append(Exchange(json.loads(body), status, answer))
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def reply(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer."""
        if self.path.split("?")[0] != "/v1/messages":
            return error(404, "not_found_error", f"no {self.path}")
        if not (self.headers["authorization"] or self.headers["x-api-key"]):
            return error(401, "authentication_error", "no authorization, no x-api-key")
        if self.headers["anthropic-version"] != VERSION:
            return error(
                400, "invalid_request_error", f"want anthropic-version {VERSION}"
            )
        thread = request.get("thread") or {}
        if thread.get("type") == "continue":
            held = self.server.threads.get(thread.get("previous_message_id"))
            if held is None:
                return error(404, "not_found_error", "thread_not_found")
            request = {**held, "messages": held["messages"] + request["messages"]}
        if found := problems(request):
            return error(400, "invalid_request_error", "; ".join(found))
        answer = self.server.play(request)
        if answer is None:
            return error(500, "api_error", "the script has no further reply")
        if thread:
            said = {"role": "assistant", "content": answer["content"]}
            held = {**request, "messages": [*request["messages"], said]}
            self.server.threads[answer["id"]] = held
        return 200, answer

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


def error(status: int, kind: str, message: str) -> tuple[int, dict[str, Any]]:
    """The body of an error of the API."""
    return status, {"type": "error", "error": {"type": kind, "message": message}}


@contextmanager
def serving(script: Sequence[Mapping[str, Any]]) -> Iterator[ScriptedServer]:
    """A running server; it stops at the end of the block."""
    with ScriptedServer(script) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def post(url: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request without the SDK.

    Raises
    ------
    ValueError
        If the status is not 200; the message is the API's.
    """
    headers = {
        "content-type": "application/json",
        "authorization": "Bearer none",
        "anthropic-version": VERSION,
    }
    data = json.dumps(request).encode()
    made = urllib.request.Request(f"{url}/v1/messages", data, headers)
    try:
        with urllib.request.urlopen(made, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError as failed:
        with failed:
            told = json.load(failed)["error"]["message"]
        raise ValueError(f"{failed.code}: {told}") from None

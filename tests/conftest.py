"""Fixtures for every test. Imports nothing of ``snippets``: jaxtyping hooks that."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portal.inspect import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from torch import Tensor
    from transformers import GPT2LMHeadModel

pytest_plugins = "sphinx.testing.fixtures"


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """The installed browser. While it runs, asyncio cannot: it ends with the module."""
    if browser.installed() is None:
        pytest.skip("no Chromium installed: Debian's package is chromium")
    with browser.launch() as started:
        yield started


@pytest.fixture
def gpt2() -> Callable[..., "GPT2LMHeadModel"]:
    """Makes a small GPT-2 of transformers, in double precision.

    It has 11 tokens, 16 positions, width 24, two layers, and three heads.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    def gpt2(**options: object) -> GPT2LMHeadModel:
        sizes = {"n_positions": 16, "n_embd": 24, "n_layer": 2, "n_head": 3}
        ends = {"bos_token_id": 0, "eos_token_id": None}
        config = GPT2Config(vocab_size=11, **sizes, **ends, **options)
        return GPT2LMHeadModel(config).double().eval()

    return gpt2


@pytest.fixture
def from_gpt2() -> Callable[[dict[str, "Tensor"]], dict[str, "Tensor"]]:
    """Gives tensors of GPT-2 our names and layout: matrices of blocks transposed."""

    def from_gpt2(state: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
        return {
            name.removeprefix("transformer."): (
                weight.T if ".h." in name and weight.ndim == 2 else weight
            )
            for name, weight in state.items()
        }

    return from_gpt2


@pytest.fixture
def compiled(root: Path, tmp_path: Path) -> Callable[[str], list[str]]:
    """Runs a program that compiles Triton kernels, without a GPU; gives its lines."""

    def run(program: str) -> list[str]:
        cache = {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | cache,
            cwd=root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run

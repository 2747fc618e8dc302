"""Pre-trains the small model of the page on fine-tuning in the browser.

``python -m snippets.training.country_pretraining`` writes three files into
``widgets/finetuning``, in about a quarter of an hour on one CPU core:

``countries.safetensors``
    the weights, in 16 bits
``countries.json``
    merges of the tokenizer, facts, questions, and prose that was not trained on
``countries_log.json``
    settings, seeds, versions, the loss of updates, and the SHA-256 of the weights
"""

import argparse
import hashlib
import json
import platform
import random
import time
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from babel.core import get_global

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train as train_merges
from snippets.training.browser_finetuning import END, prompt
from snippets.training.country_facts import Fact, facts, pairs, split, story
from snippets.training.country_task import FOLDER, config, in_16_bits
from snippets.training.pretraining import Record, draw_texts, train
from snippets.training.small_neox import GPTNeoX, Size

SETTINGS = {
    "updates": 5000,
    "batch": 24,
    "length": 64,
    "lr": 2e-3,
    "warmup_steps": 100,
    "weight_decay": 0.01,
    "betas": [0.9, 0.98],
    "stories": 60_000,
    "asked": 0.6,
    "seed": 0,
}


def prose(told: list[Fact], count: int, seed: int) -> list[str]:
    """Stories about all countries."""
    draw = random.Random(seed)
    return [story(told, draw) for _ in range(count)]


def make_task(told: list[Fact], texts: list[str], settings: dict) -> dict:
    """What the page and the browser read: merges, questions, and new prose.

    The tokenizer also reads the questions that are asked, not those held out. A short
    story may be drawn twice: those that are among the texts are not new.
    """
    seed = settings["seed"]
    asked, held_out = split(told, settings["asked"], seed)
    known = set(texts)
    new = [text for text in prose(told, 96, seed + 2) if text not in known]
    words = word_counts(" ".join(texts[:20_000]))
    form = "\n".join(prompt(p.question) + " " + p.answer for p in pairs(asked) * 20)
    merges = train_merges(words + word_counts(form), Size().vocab - 257)
    return {
        "cldr": get_global("cldr")["version"],
        "config": config(Size()),
        "merges": merges,
        "facts": {"asked": asked, "held_out": held_out},
        "asked": pairs(asked),
        "held_out": pairs(held_out),
        "prose": new[:48],
        "replay": texts[:64],
    }


def tokens_of(texts: list[str], tokenizer: Tokenizer) -> torch.Tensor:
    """One long row of ids; an end of text goes before each text."""
    end = tokenizer.special[END]
    return torch.tensor([i for text in texts for i in [end, *tokenizer.encode(text)]])


def updates(model: GPTNeoX, ids: torch.Tensor, settings: dict) -> Iterator[Record]:
    """The run: AdamW, warm-up and cosine, over random places of the long row."""
    optimizer = torch.optim.AdamW(
        model.parameters(),
        betas=tuple(settings["betas"]),
        weight_decay=settings["weight_decay"],
    )
    draw = torch.Generator().manual_seed(settings["seed"])
    sizes = settings["batch"], settings["length"]
    yield from train(
        model,
        optimizer,
        partial(draw_texts, ids, *sizes, draw),
        lr=settings["lr"],
        warmup_steps=settings["warmup_steps"],
        total_steps=settings["updates"],
    )


def start(settings: dict) -> tuple[dict, GPTNeoX, torch.Tensor]:
    """The task, the model with random weights, and the ids of the prose."""
    told = facts()
    texts = prose(told, settings["stories"], settings["seed"] + 1)
    task = make_task(told, texts, settings)
    tokenizer = Tokenizer([tuple(pair) for pair in task["merges"]], [END])
    return task, GPTNeoX(Size(), settings["seed"]), tokens_of(texts, tokenizer)


def run(settings: dict) -> tuple[dict, bytes, dict]:
    """The task, the file of weights, and the log of a whole run."""
    begin = time.process_time()
    task, model, ids = start(settings)
    losses = {
        record.step: round(record.loss.item(), 5)
        for record in updates(model, ids, settings)
        if record.step <= 10 or record.step % 50 == 0
    }
    weights = in_16_bits(model)
    log = {
        "settings": settings,
        "tokens_of_prose": len(ids),
        "versions": {name: version(name) for name in ("torch", "babel")},
        "python": platform.python_version(),
        "cpu_seconds": round(time.process_time() - begin),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "losses": losses,
    }
    return task, weights, log


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--updates", type=int, default=SETTINGS["updates"])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    task, weights, log = run(SETTINGS | {"updates": chosen.updates})
    chosen.folder.mkdir(parents=True, exist_ok=True)
    (chosen.folder / "countries.safetensors").write_bytes(weights)
    for name, content in (("countries", task), ("countries_log", log)):
        text = json.dumps(content, indent=1 if name.endswith("log") else None)
        (chosen.folder / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

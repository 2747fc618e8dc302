# sphinx_gallery_data = ../../widgets/finetuning/countries.json
# sphinx_gallery_data = ../../widgets/finetuning/countries.safetensors
"""The pre-trained small model, its tokenizer, and its questions, as they are stored.

:mod:`snippets.training.country_pretraining` made the files.
"""

import json
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import load_file, save

from snippets.language.byte_pair_encoding import Tokenizer
from snippets.training.browser_finetuning import END, Row, encode_pair, encode_prose
from snippets.training.country_facts import Fact, Pair
from snippets.training.small_neox import GPTNeoX, Size

FOLDER = Path(__file__).parents[2] / "widgets/finetuning"


class Task(NamedTuple):
    tokenizer: Tokenizer
    countries: list[Fact]  # whose questions are asked
    other_countries: list[Fact]  # whose questions are held out
    asked: list[Pair]
    held_out: list[Pair]
    prose: list[str]  # new
    replay: list[str]  # of pre-training

    @property
    def end(self) -> int:
        return self.tokenizer.special[END]

    def rows(self, part: str) -> list[Row]:
        """Pairs or texts, encoded."""
        encode = encode_pair if part in ("asked", "held_out") else encode_prose
        return [encode(self.tokenizer, one) for one in getattr(self, part)]


def find(folder: Path, name: str) -> Path:
    """A file of the task.

    Raises
    ------
    FileNotFoundError
        If there is none, as in an installed package.
    """
    if not (file := folder / name).is_file():
        raise FileNotFoundError(
            f"{file}: only a checkout of the repository has it; run this there"
        )
    return file


def load_task(folder: Path = FOLDER) -> Task:
    data = json.loads(find(folder, "countries.json").read_text("utf-8"))
    tokenizer = Tokenizer([tuple(pair) for pair in data["merges"]], [END])
    sides = [[Fact(*f) for f in data["facts"][part]] for part in ("asked", "held_out")]
    both = [[Pair(*pair) for pair in data[part]] for part in ("asked", "held_out")]
    return Task(tokenizer, *sides, *both, data["prose"], data["replay"])


def load_model(folder: Path = FOLDER) -> GPTNeoX:
    """With the pre-trained weights, in 32 bits."""
    state = load_file(find(folder, "countries.safetensors"))
    state = {name: tensor.float() for name, tensor in state.items()}
    state["embed_out.weight"] = state["gpt_neox.embed_in.weight"]
    model = GPTNeoX(Size())
    model.load_state_dict(state)
    return model


def config(size: Size) -> dict[str, object]:
    """The sizes, in the words of ``config.json`` in transformers."""
    return {
        "vocab_size": size.vocab,
        "hidden_size": size.d_model,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "intermediate_size": size.d_ff,
        "rotary_pct": size.rotary,
        "tie_word_embeddings": size.tied,
        "max_position_embeddings": 64,
    }


def in_16_bits(model: GPTNeoX) -> bytes:
    """A file in the format safetensors; a tied output layer is stored once."""
    state = {
        name: tensor.half().contiguous()
        for name, tensor in model.state_dict().items()
        if not (model.size.tied and name == "embed_out.weight")
    }
    said = {name: json.dumps(value) for name, value in config(model.size).items()}
    return save(state, said)

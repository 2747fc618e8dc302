"""Parameters and FLOPs by part: those of the models in transformers."""

import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MixtralConfig,
)

from snippets.foundations.resource_accounting import Decoder
from snippets.transformers.published_shapes import (
    PUBLISHED,
    flop_parts,
    parameter_parts,
)

LLAMA = {"vocab_size": 128256, "num_key_value_heads": 8, "intermediate_size": 14336}
CONFIGURATIONS = {
    "GPT-2": GPT2Config(),
    "Llama 3 8B": LlamaConfig(**LLAMA),
    "Mixtral 8x7B": MixtralConfig(),
}
SMALL = {
    "layers": 2,
    "d_model": 16,
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 4,
    "d_ff": 24,
    "vocab": 50,
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_parts_add_up_to_the_model_of_transformers(name):
    with torch.device("meta"):
        theirs = AutoModelForCausalLM.from_config(CONFIGURATIONS[name])
    parts = parameter_parts(PUBLISHED[name])
    assert sum(parts.values()) == theirs.num_parameters()

    def of(pattern):
        named = theirs.named_parameters()
        return sum(weight.numel() for key, weight in named if re.search(pattern, key))

    assert parts["tables"] == of(r"embed|wte|wpe|lm_head")
    assert parts["attention"] == of(r"attn\..*weight")
    assert parts["rest"] == of(r"norm|ln_|bias|mlp\.gate\.weight")


@pytest.mark.parametrize(
    ("configuration", "experts"),
    [
        (LlamaConfig, {}),
        (MixtralConfig, {"num_local_experts": 8, "num_experts_per_tok": 2}),
    ],
)
def test_flops_are_those_that_torch_counts(configuration, experts):
    config = configuration(
        num_hidden_layers=2,
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=24,
        vocab_size=50,
        attn_implementation="eager",
        experts_implementation="eager",
        **experts,
    )
    theirs = AutoModelForCausalLM.from_config(config)
    with FlopCounterMode(display=False) as counter:
        theirs(torch.zeros(1, 20, dtype=torch.long))
    ours = Decoder(**SMALL, **({"experts": 8, "top_k": 2} if experts else {}))
    parts = flop_parts(ours, seq=20)
    assert sum(parts.values()) == counter.get_total_flops()
    assert parts["scores and values"] == 2 * 2 * 2 * 20 * 20 * 16
    assert parts["head"] == 2 * 20 * 16 * 50


def test_a_text_twice_as_long_has_four_times_the_scores():
    short, long = (flop_parts(PUBLISHED["Mixtral 8x7B"], seq) for seq in (512, 1024))
    factors = {part: long[part] / short[part] for part in short}
    assert factors.pop("scores and values") == 4
    assert set(factors.values()) == {2}

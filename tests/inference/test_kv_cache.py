"""The decoder and its cache against transformers' Llama and DynamicCache."""

from copy import deepcopy
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    DynamicCache,
    FalconConfig,
    FalconForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
)

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.kv_cache import (
    KVCache,
    bytes_per_token,
    bytes_split_by_batch,
    bytes_split_by_heads,
    generate,
    generate_without_cache,
    step_flops,
    tokens_that_fit,
)
from snippets.inference.timed_passes import timed_passes
from snippets.inference.tiny_decoder import TinyDecoder


def shape(layers, d_model, heads, kv_heads, head_dim, d_ff, vocab, **others):
    return Decoder(
        layers=layers,
        d_model=d_model,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        d_ff=d_ff,
        vocab=vocab,
        **others,
    )


SIZES = shape(3, 24, 6, 2, 4, 40, 29)
LLAMA_3_8B = shape(32, 4096, 32, 8, 128, 14336, 128256)
OPT_13B = shape(
    *(40, 5120, 40, 40, 128, 20480, 50272),
    **dict(gated=False, biases=True, tied=True, positions=2050),
)


def lively() -> TinyDecoder:
    """Weights enlarged so that attention chooses and text does not repeat itself."""
    torch.manual_seed(0)
    model = TinyDecoder(SIZES).requires_grad_(False)
    for layer in model.layers:
        for weight in layer.parameters():
            weight *= 3
    return model


@pytest.fixture(scope="module")
def model() -> TinyDecoder:
    torch.manual_seed(0)
    return TinyDecoder(SIZES).double().requires_grad_(False)


def as_llama(model: TinyDecoder) -> LlamaForCausalLM:
    config = LlamaConfig(
        num_hidden_layers=3,
        hidden_size=24,
        num_attention_heads=6,
        num_key_value_heads=2,
        intermediate_size=40,
        vocab_size=29,
        rms_norm_eps=1e-6,
    )
    renamed = {
        name if name.startswith("lm_head") else f"model.{name}": weight
        for name, weight in model.state_dict().items()
    }
    for name in [name for name in renamed if "_proj" in name and "attn" not in name]:
        left, right = name.rsplit(".", 2)[0], name.rsplit(".", 2)[1:]
        renamed[".".join([left, "mlp", *right])] = renamed.pop(name)
    llama = LlamaForCausalLM(config).to(model.lm_head.weight.dtype).eval()
    llama.load_state_dict(renamed)
    return llama.requires_grad_(False)


def prompts(batch: int, seq: int) -> torch.Tensor:
    return torch.randint(29, (batch, seq), generator=torch.Generator().manual_seed(1))


def new_cache(batch: int, capacity: int) -> KVCache:
    return KVCache(SIZES, batch=batch, capacity=capacity, dtype=torch.float64)


def test_decoder_agrees_with_llama(agrees, model):
    tokens = prompts(2, 11)
    ours = model.lm_head(model(tokens))
    agrees(ours, as_llama(model)(tokens).logits, "transformers.LlamaForCausalLM")


def test_decoding_agrees_with_llama_and_its_cache(agrees, model):
    """Keys, values and bytes, after a prompt of seven and four tokens more."""
    llama, cache, theirs = as_llama(model), new_cache(2, 11), DynamicCache()
    for part in prompts(2, 11).split([7, 1, 1, 2], dim=1):
        logits = llama(part, None, None, theirs).logits[:, -1]
        agrees(model.logits(part, cache), logits, "transformers.LlamaForCausalLM")
    keys = torch.stack([layer.keys for layer in theirs.layers])
    values = torch.stack([layer.values for layer in theirs.layers])
    agrees(cache.keys, keys, "transformers.DynamicCache")
    agrees(cache.values, values, "transformers.DynamicCache")
    assert cache.nbytes == keys.nbytes + values.nbytes
    assert cache.nbytes == 2 * 11 * bytes_per_token(SIZES, itemsize=8)


def test_generation_agrees_with_llama(agrees):
    """In float32, as ``generate`` is used; no token is close to a second one."""
    model, tokens = lively(), prompts(2, 5)
    llama = as_llama(model)
    llama.generation_config.eos_token_id = None
    seen = torch.ones_like(tokens)
    theirs = llama.generate(tokens, attention_mask=seen, max_new_tokens=17)
    agrees(generate(model, tokens, 17), theirs, "transformers.generate")
    assert theirs[:, 5:].unique().numel() > 5


def test_tokens_are_the_same_with_and_without_the_cache():
    model, tokens = lively(), prompts(3, 4)
    expected = generate_without_cache(model, tokens, 23)
    assert torch.equal(generate(model, tokens, 23), expected)
    assert torch.equal(generate(model, tokens, 0), tokens)


@settings(max_examples=15, deadline=None)
@given(cuts=st.sets(st.integers(1, 12)))
def test_pieces_do_not_matter(cuts):
    """A prompt in any pieces leaves the same state and the same cache."""
    model, tokens = lively().double(), prompts(2, 13)
    whole, pieces = new_cache(2, 13), new_cache(2, 13)
    expected = model.logits(tokens, whole)
    for start, end in pairwise([0, *sorted(cuts), 13]):
        last = model.logits(tokens[:, start:end], pieces)
    assert_close(last, expected)
    assert_close(pieces.keys, whole.keys)
    assert_close(pieces.values, whole.values)


def test_the_cache_of_a_prefix_does_not_depend_on_what_follows(model):
    first, second = new_cache(1, 9), new_cache(1, 9)
    tokens = prompts(2, 9)
    tokens[1, :6] = tokens[0, :6]
    model(tokens[:1], first)
    model(tokens[1:], second)
    assert_close(first.keys[..., :6, :], second.keys[..., :6, :])
    assert not torch.allclose(first.keys[..., 6:, :], second.keys[..., 6:, :])


def test_what_lies_behind_the_last_token_is_not_read(model):
    tokens, dirty = prompts(1, 6), new_cache(1, 50)
    dirty.keys.fill_(torch.nan)
    dirty.values.fill_(torch.nan)
    assert_close(model.logits(tokens, dirty), model.logits(tokens))


def test_an_update_copies_no_old_key():
    """The result is a view of the memory that was allocated."""
    cache = new_cache(2, 9)
    key = torch.ones(2, 2, 3, 4, dtype=torch.float64)
    keys, values = cache.update(key, 2 * key, 1)
    assert keys.untyped_storage().data_ptr() == cache.keys.untyped_storage().data_ptr()
    assert (keys == 1).all()
    assert (values == 2).all()


@pytest.mark.parametrize(("q_len", "kv_len"), [(7, 7), (1, 12), (5, 9)])
def test_operations_are_those_that_pytorch_counts(model, q_len, kv_len):
    cache = new_cache(1, kv_len)
    cache.length = kv_len - q_len
    with FlopCounterMode(display=False) as counter:
        model.logits(prompts(1, q_len), cache)
    assert counter.get_total_flops() == step_flops(SIZES, q_len, kv_len)


PUBLISHED = {
    "Llama 3 8B": (
        LLAMA_3_8B,
        LlamaForCausalLM,
        LlamaConfig(
            num_hidden_layers=32,
            hidden_size=4096,
            num_attention_heads=32,
            num_key_value_heads=8,
            intermediate_size=14336,
            vocab_size=128256,
        ),
    ),
    "OPT-13B": (
        OPT_13B,
        OPTForCausalLM,
        OPTConfig(
            num_hidden_layers=40,
            hidden_size=5120,
            num_attention_heads=40,
            ffn_dim=20480,
            word_embed_proj_dim=5120,
        ),
    ),
    "Falcon 7B": (
        shape(32, 4544, 71, 1, 64, 18176, 65024, gated=False, tied=True),
        FalconForCausalLM,
        FalconConfig(),
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_keep_what_transformers_keeps(name):
    """Without memory, on the device ``meta``: three tokens, in 16 bits."""
    sizes, architecture, config = PUBLISHED[name]
    with torch.device("meta"):
        theirs = architecture(config)
        tokens = torch.zeros(1, 3, dtype=torch.int64)
        layers = theirs(tokens, use_cache=True).past_key_values.layers
    numbers = sum(layer.keys.numel() + layer.values.numel() for layer in layers)
    assert 2 * numbers == 3 * bytes_per_token(sizes)
    if name != "Falcon 7B":  # it has fewer norms than the formula counts
        weights = 2 * sum(weight.numel() for weight in theirs.parameters())
        left = int((0.9 * 80e9 - weights) // (2 * numbers // 3))
        assert tokens_that_fit(sizes, 80e9) == left


@pytest.mark.parametrize(("batch", "devices"), [(5, 1), (5, 2), (5, 3), (3, 7)])
def test_splitting_leaves_no_device_less_than_its_part(batch, devices):
    """By brute force: heads or sequences are dealt out one by one."""
    one = bytes_per_token(SIZES) // SIZES.kv_heads
    heads = [0] * devices
    for head in range(SIZES.kv_heads):
        heads[head % devices] += batch * one
    sequences = [0] * devices
    for sequence in range(batch):
        sequences[sequence % devices] += SIZES.kv_heads * one
    assert bytes_split_by_heads(SIZES, batch, devices) == max(heads)
    assert bytes_split_by_batch(SIZES, batch, devices) == max(sequences)


def test_too_many_tokens_are_refused(model):
    cache = new_cache(1, 6)
    model(prompts(1, 5), cache)
    with pytest.raises(ValueError, match="7 tokens in a cache for 6"):
        model(prompts(1, 2), cache)
    with pytest.raises(ValueError, match="batch=0 and capacity=6"):
        new_cache(0, 6)
    with pytest.raises(ValueError, match="batch=1 and capacity=0"):
        new_cache(1, 0)


def test_keys_that_would_be_repeated_are_refused(model):
    """An assignment would broadcast one sequence, head or feature to all."""
    key = torch.zeros(3, 2, 5, 4, dtype=torch.float64)
    for small in (key[:1], key[:, :1], key[..., :1]):
        cache = new_cache(3, 11)
        with pytest.raises(ValueError, match=r"in a cache for \(3, 2, 5, 4\)"):
            cache.update(small, small, 0)
    with pytest.raises(ValueError, match=r"in a cache for \(3, 2, 4, 4\)"):
        model.logits(prompts(1, 4), new_cache(3, 11))


def test_empty_prompts_are_refused(model):
    with pytest.raises(ValueError, match="0 queries"):
        generate(model, prompts(1, 0), 2)


def test_a_device_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match=r"16.1 GB of weights .* 16.0 GB, 90% usable"):
        tokens_that_fit(LLAMA_3_8B, 16e9)
    with pytest.raises(ValueError, match="leave nothing"):
        tokens_that_fit(LLAMA_3_8B, 80e9, workspace=60e9)


@pytest.mark.parametrize(
    "other", [{"biases": True}, {"gated": False}, {"experts": 2}, {"head_dim": 6}]
)
def test_other_shapes_are_refused(other):
    sizes = {**vars(SIZES), **other}
    with pytest.raises(ValueError, match="not the shape of a Llama"):
        TinyDecoder(Decoder(**sizes))


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16])
def test_the_cache_has_the_type_of_the_model(model, kind):
    same = deepcopy(model).to(kind)
    tokens = generate(same, prompts(2, 5), 4)
    assert tokens.shape == (2, 9)
    if kind == torch.float64:
        assert_close(tokens, generate_without_cache(same, prompts(2, 5), 4))


def test_no_new_token_leaves_the_prompt(model):
    assert_close(generate(model, prompts(1, 1), 0), prompts(1, 1))


@pytest.mark.parametrize("capacity", [None, 26])
def test_timed_passes_write_the_same_text_and_count_their_operations(capacity):
    model, tokens = lively(), prompts(1, 4)
    cache = None if capacity is None else KVCache(SIZES, batch=1, capacity=capacity)
    text, seconds, operations = timed_passes(model, tokens, 23, cache)
    assert torch.equal(text, generate_without_cache(model, tokens, 23))
    lengths = range(4, 27)
    read = [n if cache is None or n == 4 else 1 for n in lengths]
    expected = [step_flops(SIZES, q, n) for q, n in zip(read, lengths, strict=True)]
    assert operations == expected
    assert min(seconds) >= 0

"""Rounding against PyTorch's quantizers and kernel, GPTQ against definitions."""

import math
from dataclasses import replace
from io import BytesIO

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.ao.quantization import PerChannelMinMaxObserver
from torch.testing import assert_close
from torchao.quantization import Int8WeightOnlyConfig

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.digits_network import trained_middle_layer
from snippets.inference.int4_kernel import cpu_times, is_available, packed_layer
from snippets.inference.quantization import (
    awq,
    bits_per_weight,
    dequantize,
    fit_grid,
    gptq,
    inverse_root,
    output_error,
    pack,
    round_to_nearest,
    unpack,
)
from snippets.inference.quantized_checkpoint import load_quantized, save_quantized
from snippets.inference.quantized_model import (
    linear_layers,
    perplexity,
    quantized,
    record_inputs,
)
from snippets.inference.spelled_words import (
    ALPHABET,
    Language,
    draw_texts,
    help_language,
    least_perplexity,
    trained_speller,
)
from snippets.inference.tiny_decoder import TinyDecoder
from snippets.inference.unpacking_cost import (
    Machine,
    time_4,
    time_4_overlapped,
    time_16,
)


def random_layer(outputs: int, inputs: int, samples: int, dtype=torch.float64):
    """A weight, and inputs that go together, of different sizes."""
    torch.manual_seed(0)
    weight = torch.randn(outputs, inputs, dtype=dtype)
    mix = torch.randn(inputs, inputs, dtype=dtype) / inputs**0.5
    recorded = torch.randn(samples, inputs, dtype=dtype) @ (mix + mix.T)
    return weight, recorded * torch.linspace(0.2, 4, inputs, dtype=dtype)


@pytest.mark.parametrize(("bits", "group"), [(4, 12), (3, 4), (2, 6), (8, 3)])
def test_rounding_agrees_with_pytorch(agrees, bits, group):
    """Scale and zero of its observer, values of its fake quantization."""
    weight, _ = random_layer(5, 12, 1, torch.float32)
    rows, top = weight.reshape(-1, group), 2**bits - 1
    observer = PerChannelMinMaxObserver(dtype=torch.quint8, quant_min=0, quant_max=top)
    observer(rows)
    scale, zero = observer.calculate_qparams()
    ours = round_to_nearest(weight, group=group, bits=bits)
    agrees(ours.scale.flatten(), scale, "torch.ao.PerChannelMinMaxObserver")
    agrees(ours.zero.flatten(), zero.float(), "torch.ao.PerChannelMinMaxObserver")
    theirs = torch.fake_quantize_per_channel_affine(rows, scale, zero, 0, 0, top)
    reference = "torch.fake_quantize_per_channel_affine"
    agrees(dequantize(ours), theirs.reshape(5, 12), reference)


@pytest.mark.skipif(not is_available(), reason="a private kernel of PyTorch")
def test_layer_agrees_with_the_kernel_of_pytorch():
    """Up to bfloat16, in which the kernel takes inputs, scales and zeros."""
    weight, recorded = random_layer(32, 128, 7, torch.float32)
    ours = round_to_nearest(weight, group=64)
    theirs = packed_layer(ours)(recorded.bfloat16()).float()
    right = recorded @ dequantize(ours).T
    assert (theirs - right).norm() < 0.01 * right.norm()


def test_a_missing_kernel_is_said_to_be_missing(monkeypatch):
    monkeypatch.delattr(torch, "_weight_int4pack_mm_for_cpu", raising=False)
    with pytest.raises(ValueError, match="no kernel for four bits"):
        packed_layer(round_to_nearest(torch.ones(32, 64), group=64))


def test_times_are_those_of_each_layer():
    calls = []
    layers = {bits: lambda x, bits=bits: calls.append(bits) or x for bits in (16, 4)}
    times = cpu_times(layers, torch.ones(1), 3)
    assert calls == [16, 4] * 4
    assert all(len(seconds) == 3 and min(seconds) >= 0 for seconds in times.values())


def test_gptq_agrees_with_exact_compensation(agrees):
    """Column by column: round it, then solve for the best values of the others."""
    weight, recorded = random_layer(5, 12, 40)
    ours = gptq(weight, recorded, group=4, bits=3)
    moments = recorded.T @ recorded
    moments += 0.01 * moments.diagonal().mean() * torch.eye(12, dtype=torch.float64)
    left, codes = weight.clone(), []
    for column in range(12):
        if column % 4 == 0:
            scale, zero = fit_grid(left[:, column : column + 4], 3)
        code = ((left[:, column] / scale).round() + zero).clamp(0, 7)
        error = (code - zero) * scale - left[:, column]
        rest = slice(column + 1, 12)
        change = torch.linalg.solve(moments[rest, rest], moments[rest, column])
        left[:, rest] -= error[:, None] * change
        codes.append(code)
    agrees(ours.codes.double(), torch.stack(codes, 1), "torch.linalg.solve")


def test_root_gives_the_inverse(agrees):
    _, recorded = random_layer(1, 9, 30)
    root = inverse_root(recorded, damping=0.0)
    moments = recorded.T @ recorded
    agrees(root.T @ root, torch.linalg.inv(moments), "torch.linalg.inv")
    assert_close(root, root.triu())


def test_gptq_lies_between_nearest_and_the_best_of_all_codes():
    """Brute force: six weights in three bits, 262,144 ways to code a row."""
    weight, recorded = random_layer(5, 6, 60)
    recorded = recorded.flip(1)  # large inputs first
    rounded = round_to_nearest(weight, group=6, bits=3)
    found = gptq(weight, recorded, group=6, bits=3)
    assert_close(rounded.scale, found.scale)
    moments = recorded.T @ recorded

    def costs(codes, row):
        error = (codes - rounded.zero[row]) * rounded.scale[row] - weight[row]
        return ((error @ moments) * error).sum(dim=-1)

    every = torch.cartesian_prod(*[torch.arange(8.0, dtype=torch.float64)] * 6)
    best, ours, nearest = torch.tensor(
        [
            [
                costs(every, row).min(),
                costs(found.codes[row].double(), row),
                costs(rounded.codes[row].double(), row),
            ]
            for row in range(5)
        ]
    ).T
    assert (best <= ours * (1 + 1e-6)).all()
    assert best.sum() < ours.sum() < nearest.sum()


def test_gptq_is_nearest_when_inputs_have_nothing_in_common():
    weight, _ = random_layer(5, 12, 1)
    recorded = torch.diag(torch.linspace(1, 3, 12, dtype=torch.float64))
    ours = gptq(weight, recorded, group=4)
    assert torch.equal(ours.codes, round_to_nearest(weight, group=4).codes)


def test_awq_is_nearest_when_all_inputs_are_equally_large():
    weight, _ = random_layer(5, 12, 1)
    recorded = torch.sign(torch.randn(20, 12, dtype=torch.float64))
    quantized, factor = awq(weight, recorded, group=4)
    assert_close(factor, torch.ones_like(factor))
    assert torch.equal(quantized.codes, round_to_nearest(weight, group=4).codes)


def test_awq_takes_the_best_of_its_trials():
    """The search by loops over the definition, in plain numbers."""
    weight, recorded = random_layer(5, 12, 30)
    quantized, factor = awq(weight, recorded, group=4, bits=3)
    size = recorded.abs().mean(dim=0)
    errors = []
    for alpha in torch.arange(20, dtype=torch.float64) / 20:
        large = weight * size**alpha
        rounded = dequantize(round_to_nearest(large, group=4, bits=3)) / size**alpha
        errors.append(((rounded - weight) @ recorded.T).square().sum())
    ours = dequantize(quantized) / factor
    assert_close(((ours - weight) @ recorded.T).square().sum(), min(errors))
    assert min(errors) < 0.95 * errors[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.integers(1, 8), st.sampled_from([1, 3, 6]))
def test_no_weight_moves_by_more_than_half_a_step(seed, bits, group):
    """By a whole step at the ends, where the zero was rounded."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(4, 6, generator=generator, dtype=torch.float64)
    quantized = round_to_nearest(weight, group=group, bits=bits)
    step = quantized.scale.repeat_interleave(group, dim=1)
    assert ((dequantize(quantized) - weight).abs() <= step * (1 + 1e-9)).all()
    inner = (quantized.codes > 0) & (quantized.codes < 2**bits - 1)
    error = (dequantize(quantized) - weight)[inner].abs()
    assert (error <= step[inner] * (0.5 + 1e-9)).all()


def test_error_has_the_variance_of_a_uniform_one():
    torch.manual_seed(0)
    weight = torch.randn(40, 256, dtype=torch.float64)
    quantized = round_to_nearest(weight, group=64, bits=6)
    step = quantized.scale.repeat_interleave(64, dim=1)
    error = (dequantize(quantized) - weight) / step
    assert error.square().mean().item() == pytest.approx(1 / 12, rel=0.05)


def test_zeros_stay_zeros():
    weight = torch.tensor([[0.0, 0.0, 0.0], [5.0, 0.0, 7.0], [-1.0, 0.0, -3.0]])
    found = dequantize(round_to_nearest(weight, group=3, bits=2))
    assert (found[weight == 0] == 0).all()
    assert found.isfinite().all()


def test_packing_by_loops():
    codes = torch.randint(16, (3, 10), dtype=torch.uint8)
    packed = pack(codes)
    for row in range(3):
        for byte in range(5):
            low, high = codes[row, 2 * byte].item(), codes[row, 2 * byte + 1].item()
            assert packed[row, byte].item() == low + 16 * high
    assert torch.equal(unpack(packed), codes)
    assert 2 * packed.nbytes == codes.nbytes


def test_bits_count_what_is_stored():
    codes, scale, zero = round_to_nearest(torch.randn(5, 24), group=8)
    stored = 8 * pack(codes).nbytes + 16 * (scale.numel() + zero.numel())
    assert stored / codes.numel() == bits_per_weight(4, group=8)


def test_error_of_a_layer_by_its_definition():
    weight, recorded = random_layer(5, 12, 30)
    near = dequantize(round_to_nearest(weight, group=4))
    outputs = torch.nn.functional.linear(recorded, weight)
    off = torch.nn.functional.linear(recorded, near) - outputs
    expected = (off.norm() / outputs.norm()).item() ** 2
    assert output_error(near, weight, recorded) == pytest.approx(expected)


MACHINE = Machine(flops=300.0, bandwidth=2.0, scalar=20.0, tokens_per_unpack=16)


@pytest.mark.parametrize("bandwidth", [2.0, 1e6])  # waits for memory, or does not
def test_times_by_counting(bandwidth):
    """A layer of 12 by 8 and 17 tokens, its operations and bytes one by one."""
    machine = replace(MACHINE, bandwidth=bandwidth)
    compute = sum(2 for _ in range(17) for _ in range(12) for _ in range(8)) / 300
    unpack = (12 * 8 * 2) * 2 / 20  # twice, for 16 tokens and for one
    moved = 2 * 17 * (12 + 8)
    assert time_16(machine, 17, 12, 8) == max(compute, (2 * 12 * 8 + moved) / bandwidth)
    packed = 12 * 8 / 2 + 12 * 8 / 4 * (2 + 2)
    expected = max(compute + unpack, (packed + moved) / bandwidth)
    assert time_4(machine, 17, 12, 8, group=4) == pytest.approx(expected)


def test_overlapped_time_is_the_largest_of_its_parts():
    """Products 34 * 96 / 300, unpacking 2 * 192 / 20, reading at two bandwidths."""
    for bandwidth, expected in ((1e6, 19.2), (2.0, (96 + 2 * 17 * 20) / 2)):
        machine = replace(MACHINE, bandwidth=bandwidth)
        found = time_4_overlapped(machine, 17, 12, 8, group=8)
        assert found == pytest.approx(expected)
        assert found <= time_4(machine, 17, 12, 8, group=8)


def small_model():
    torch.manual_seed(0)
    sizes = Decoder(
        layers=2, d_model=24, heads=6, kv_heads=2, head_dim=4, d_ff=40, vocab=11
    )
    return TinyDecoder(sizes).requires_grad_(False)


def test_recorded_inputs_give_the_outputs_of_the_layers():
    model, tokens = small_model(), torch.randint(11, (3, 5))
    recorded = record_inputs(model, tokens)
    assert set(recorded) == set(linear_layers(model))
    assert "lm_head" not in recorded
    x = model.layers[0].input_layernorm(model.embed_tokens(tokens)).flatten(0, 1)
    assert_close(recorded["layers.0.self_attn.q_proj"], x)
    assert recorded["layers.1.down_proj"].shape == (15, 40)
    assert not any(layer._forward_pre_hooks for layer in model.modules())


def test_quantized_copies_and_rounds_all_but_the_head():
    model = small_model()
    recorded = record_inputs(model, torch.randint(11, (3, 5)))
    copy = quantized(model, recorded, lambda weight, inputs: weight + len(inputs))
    for name, layer in linear_layers(model).items():
        assert torch.equal(copy.get_submodule(name).weight, layer.weight + 15)
    assert torch.equal(copy.lm_head.weight, model.lm_head.weight)


def test_perplexity_of_a_model_that_guesses_is_the_vocabulary():
    model = small_model()
    model.lm_head.weight.data.zero_()
    assert perplexity(model, torch.randint(11, (3, 5))) == pytest.approx(11)


def test_perplexity_by_its_definition():
    """Inverse geometric mean of the probability that the next token was given."""
    model, tokens = small_model(), torch.randint(11, (3, 5))
    model.lm_head.weight.data *= 5
    logs = [
        model.logits(text[None, :end]).log_softmax(dim=-1)[0, text[end]].item()
        for text in tokens
        for end in range(1, 5)
    ]
    expected = torch.tensor(logs).mean().neg().exp().item()
    assert perplexity(model, tokens) == pytest.approx(expected, rel=1e-4)


def test_torchao_rounds_as_we_do_and_the_file_keeps_it(agrees):
    """All layers but the head; 8 bits, one step for each row."""
    model, tokens, file = small_model(), torch.randint(11, (3, 5)), BytesIO()
    save_quantized(model, Int8WeightOnlyConfig(), file)
    file.seek(0)
    loaded = load_quantized(TinyDecoder(model.sizes), file)

    def nearest(weight, inputs):
        step = weight.abs().amax(dim=1, keepdim=True) / 127.5
        return (weight / step).round().clamp(-128, 127) * step

    ours = quantized(model, record_inputs(model, tokens), nearest)
    agrees(ours.logits(tokens), loaded.logits(tokens), "torchao", 1e-3, 1e-3)
    assert not torch.equal(loaded.logits(tokens), model.logits(tokens))
    assert torch.equal(loaded.lm_head.weight, model.lm_head.weight)


def test_least_perplexity_is_the_share_of_words_that_go_on_so():
    """Of "ab", "ac" and "b": count the words that begin with what was written."""
    language = Language(["ab ", "ac ", "b "], torch.tensor([0.5, 0.25, 0.25]))
    text = torch.tensor([[ALPHABET.index(letter) for letter in "ab b ac"]])
    shares = [2 / 3, 1, 0.25, 1, 0.75, 1 / 3]
    expected = math.prod(shares) ** (-1 / 6)
    assert least_perplexity(language, text) == pytest.approx(expected)


def test_texts_are_made_of_the_words_in_their_shares():
    language = help_language(5)
    assert language.chances.sum().item() == pytest.approx(1)
    texts = draw_texts(language, 400, 40, torch.Generator().manual_seed(0))
    lines = ["".join(ALPHABET[i] for i in text) for text in texts.tolist()]
    whole = [word + " " for line in lines for word in line.split(" ")[:-1]]
    assert set(whole) == set(language.words)
    for word, chance in zip(*language, strict=True):
        share = whole.count(word) / len(whole)
        assert share == pytest.approx(chance.item(), abs=0.03)


def test_a_speller_learns_the_words():
    torch.manual_seed(0)
    language = help_language(4)
    texts = draw_texts(language, 200, 20)
    before = perplexity(trained_speller(texts, steps=1), texts)
    after = perplexity(trained_speller(texts, steps=40), texts)
    assert after < 1.15 * least_perplexity(language, texts) < 0.2 * before


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_gptq_takes_layers_in_half_precision(kind):
    """Codes are those of the same numbers in single precision."""
    weight, recorded = (each.to(kind) for each in random_layer(5, 12, 30))
    ours = gptq(weight, recorded, group=4)
    wide = gptq(weight.float(), recorded.float(), group=4)
    assert torch.equal(ours.codes, wide.codes)


def test_the_middle_layer_is_cut_out_of_a_network_that_reads():
    """Inputs are not negative, and the images are split without overlap."""
    torch.manual_seed(0)
    found = trained_middle_layer(steps=2)
    assert found.weight.shape == (256, 256)
    assert found.inputs.shape == (1797, 256)
    assert found.inputs.min() == 0
    assert sorted([*found.seen.tolist(), *found.unseen.tolist()]) == list(range(1797))


def test_one_token_gains_what_the_bytes_shrink():
    gain = time_16(MACHINE, 1, 512, 1024) / time_4(MACHINE, 1, 512, 1024)
    assert gain == pytest.approx(16 / 4.25, rel=0.02)


@pytest.mark.parametrize("method", [round_to_nearest, gptq, awq])
def test_groups_that_do_not_divide_are_refused(method):
    weight, recorded = random_layer(5, 12, 30)
    data = (weight,) if method is round_to_nearest else (weight, recorded)
    for group in (5, 24, 0):
        with pytest.raises(ValueError, match=f"12 columns .* groups of {group}"):
            method(*data, group=group)


def test_bad_input_is_refused():
    weight = torch.ones(2, 6)
    with pytest.raises(ValueError, match="bits=9 do not fit"):
        round_to_nearest(weight, group=3, bits=9)
    with pytest.raises(ValueError, match="5 codes up to 3"):
        pack(torch.full((2, 5), 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match="4 codes up to 16"):
        pack(torch.full((2, 4), 16, dtype=torch.uint8))
    with pytest.raises(ValueError, match="7 recorded inputs, and all are zero"):
        gptq(weight, torch.zeros(7, 6), group=3)
    with pytest.raises(ValueError, match="no machine with bandwidth=0"):
        Machine(flops=1.0, bandwidth=0.0, scalar=1.0, tokens_per_unpack=1)


def test_a_channel_that_is_always_zero_does_not_spoil_the_search():
    torch.manual_seed(0)
    weight, inputs = torch.randn(12, 16), torch.randn(50, 16)
    inputs[:, 5] *= 30
    inputs[:, 3] = 0
    found, factor = awq(weight, inputs, group=8, bits=3)
    nearest = dequantize(round_to_nearest(weight, group=8, bits=3))
    error = output_error(dequantize(found) / factor, weight, inputs)
    assert factor.isfinite().all()
    assert (factor > 0).all()
    assert error < 0.7 * output_error(nearest, weight, inputs)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_of_the_inputs_do_not_matter(scale):
    torch.manual_seed(0)
    weight, inputs = torch.randn(12, 16), torch.randn(50, 16).abs().pow(3)
    for method in (awq, gptq):
        one = method(weight, inputs, group=8, bits=3)
        two = method(weight, scale * inputs, group=8, bits=3)
        codes = (one[0].codes, two[0].codes) if method is awq else (one[0], two[0])
        assert_close(*codes)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_large_weights_and_errors_do_not_overflow_in_half_precision(kind):
    """The largest float16 is 65504: a span of 80,000 and squares of 300 exceed it."""
    weight = torch.tensor([[-40_000.0, 40_000.0, 0.0, 10_000.0]], dtype=kind)
    found = dequantize(round_to_nearest(weight, group=4))
    assert ((found - weight).abs() < 3000).all()
    inputs = torch.full((50, 4), 300.0, dtype=kind)
    close = torch.full((1, 4), 1.01, dtype=kind)
    error = output_error(close, torch.ones_like(close), inputs)
    assert 5e-5 < error < 2e-4


def test_inputs_that_are_all_zero_are_refused_by_both_methods():
    for method in (awq, gptq):
        with pytest.raises(ValueError, match="7 recorded inputs, and all are zero"):
            method(torch.randn(5, 8), torch.zeros(7, 8), group=8)


def test_eight_bits_fill_a_byte():
    weight = torch.linspace(-0.3, 1, 512)[None]
    rounded = round_to_nearest(weight, group=512, bits=8)
    assert rounded.codes.min() == 0
    assert rounded.codes.max() == 255

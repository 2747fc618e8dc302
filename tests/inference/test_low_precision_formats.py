"""Small floats against PyTorch, ml_dtypes and transformers, blocks against loops."""

import math

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.low_precision_formats import (
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    Blocks,
    Minifloat,
    bits_per_value,
    decode,
    dequantize,
    encode,
    float_quantize,
    mx_quantize,
    mx_scale,
    nvfp4_quantize,
    split_blocks,
)
from snippets.inference.quantization import pack
from snippets.inference.quantized_model import linear_layers
from snippets.inference.rounded_model import (
    ROUNDINGS,
    integer_round,
    log_probabilities,
    mxint8_round,
    rounded,
    stored_bits,
    with_large_channels,
)
from snippets.inference.tiny_decoder import TinyDecoder

FORMS = {
    "float8_e4m3fn": E4M3,
    "float8_e5m2": E5M2,
    "float6_e3m2fn": E3M2,
    "float6_e2m3fn": E2M3,
    "float4_e2m1fn": E2M1,
}
FNUZ = {
    "float8_e4m3fnuz": Minifloat(4, 3, bias=8),
    "float8_e5m2fnuz": Minifloat(5, 2, bias=16),
}
NAMES = {form: name for name, form in FORMS.items()}


def codes_of(form):
    return torch.arange(form.top + 1, dtype=torch.uint8)


def trials(form):
    """All numbers of a format, all ties, their neighbors, and others; both signs."""
    torch.manual_seed(0)
    grid = decode(codes_of(form), form)
    ties = (grid[1:] + grid[:-1]) / 2
    below, above = (ties.nextafter(torch.tensor(to)) for to in (0.0, 1e9))
    others = torch.randn(2000) * form.largest / 3, (4 * torch.randn(2000)).exp()
    values = torch.cat([grid, ties, below, above, *others])
    values = values.clamp(-form.largest, form.largest)
    return torch.cat([values, -values])


@pytest.mark.parametrize("name", [*FORMS, *FNUZ])
def test_numbers_agree_with_ml_dtypes(agrees, name):
    form = {**FORMS, **FNUZ}[name]
    codes = codes_of(form)
    theirs = codes.numpy().view(getattr(ml_dtypes, name)).astype(np.float32)
    agrees(decode(codes, form), torch.from_numpy(theirs), f"ml_dtypes.{name}")


@pytest.mark.parametrize("name", FORMS)
def test_codes_agree_with_ml_dtypes(agrees, name):
    values = trials(FORMS[name])
    theirs = values.numpy().astype(getattr(ml_dtypes, name)).view(np.uint8)
    agrees(encode(values, FORMS[name]), torch.from_numpy(theirs), f"ml_dtypes.{name}")


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_codes_agree_with_pytorch(agrees, name):
    kind, form = getattr(torch, name), FORMS[name]
    values = trials(form)
    agrees(encode(values, form), values.to(kind).view(torch.uint8), f"torch.{name}")
    codes = codes_of(form)
    agrees(decode(codes, form), codes.view(kind).float(), f"torch.{name}")


@pytest.mark.parametrize("name", FNUZ)
def test_fnuz_agrees_with_pytorch(agrees, name):
    """Values, since a negative zero becomes a positive one there."""
    values = trials(FNUZ[name])
    ours = decode(encode(values, FNUZ[name]), FNUZ[name])
    agrees(ours, values.to(getattr(torch, name)).float(), f"torch.{name}")


def test_reserved_codes_are_not_numbers():
    """For every code with a sign bit of 0, as PyTorch reads it."""
    codes = torch.arange(128, dtype=torch.uint8)
    for form in (E4M3, E5M2):
        theirs = codes.view(getattr(torch, NAMES[form])).float()
        assert_close(decode(codes, form), theirs, equal_nan=True)
    assert decode(torch.tensor([0xFC], dtype=torch.uint8), E5M2).item() == -math.inf


def test_scales_agree_with_e8m0(agrees):
    """A scale is an E8M0 number: the cast leaves it as it is, down to 2^-127."""
    peak = torch.tensor([2.0**n * m for n in range(-126, 128) for m in (1, 1.3, 1.99)])
    for form in FORMS.values():
        scale = mx_scale(peak, form)
        theirs = scale.to(torch.float8_e8m0fnu).float()
        agrees(scale, theirs, "torch.float8_e8m0fnu")
        inside = (peak >= form.largest * 2.0**-126) & (peak < 2.0**127)
        ratio = (peak / scale)[inside]
        top = 2.0 ** math.floor(math.log2(form.largest))
        assert (ratio >= top).all()
        assert (ratio < 2 * top).all()


def test_mxfp4_agrees_with_transformers(agrees):
    """Its reader of the checkpoints of gpt-oss, on our codes and scales."""
    torch.manual_seed(0)
    values = torch.randn(2, 5, 96) * torch.logspace(-3, 3, 5)[:, None]
    codes, scale, _ = ours = mx_quantize(values, E2M1)
    packed = pack(codes.flatten(0, -2)).reshape(2, 5, 3, 16)
    exponents = scale.squeeze(-1).to(torch.float8_e8m0fnu).view(torch.uint8)
    theirs = convert_moe_packed_tensors(packed, exponents, dtype=torch.float32)
    name = "transformers.integrations.mxfp4.convert_moe_packed_tensors"
    agrees(dequantize(ours, E2M1), theirs.transpose(1, 2), name)


def test_nvfp4_agrees_with_a_composition_of_casts(agrees):
    """E4M3 scales by PyTorch, E2M1 codes by ml_dtypes."""
    torch.manual_seed(0)
    values = torch.randn(7, 48) * torch.logspace(-3, 1, 7)[:, None]
    codes, scale, tensor_scale = nvfp4_quantize(values)
    split = values.unflatten(1, (3, 16))
    peak = split.abs().amax(dim=-1, keepdim=True)
    whole = values.abs().max() / 6 / 448
    theirs = (peak / 6 / whole).to(torch.float8_e4m3fn).float()
    agrees(scale, theirs, "torch.float8_e4m3fn")
    near = (split / (theirs * whole)).numpy().astype(ml_dtypes.float4_e2m1fn)
    theirs = torch.from_numpy(near.view(np.uint8))
    agrees(codes, theirs, "ml_dtypes.float4_e2m1fn")
    assert_close(tensor_scale, whole)


@pytest.mark.parametrize("bits", [8, 4])
def test_integers_agree_with_pytorch(agrees, bits):
    torch.manual_seed(0)
    values, top = torch.randn(5, 12), 2 ** (bits - 1) - 1
    scale = values.abs().amax(dim=1) / top
    zero = torch.zeros(5, dtype=torch.int32)
    theirs = torch.fake_quantize_per_channel_affine(values, scale, zero, 0, -top, top)
    name = "torch.fake_quantize_per_channel_affine"
    agrees(integer_round(values, bits, 12), theirs, name)


def test_product_agrees_with_scaled_mm():
    """Up to bfloat16, which PyTorch returns."""
    torch.manual_seed(0)
    one, two = (float_quantize(torch.randn(n, 64), E4M3, 64) for n in (7, 16))
    kind = torch.nn.functional.ScalingType.RowWise
    a, b = (x.codes.flatten(1).view(torch.float8_e4m3fn) for x in (one, two))
    scales = one.scale[:, 0], two.scale[:, 0].T
    found = torch.nn.functional.scaled_mm(a, b.T, scales[0], kind, scales[1], kind)
    right = dequantize(one, E4M3) @ dequantize(two, E4M3).T
    assert (found.float() - right).norm() < 0.01 * right.norm()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_nearest_by_definition(form):
    """Distances to all numbers; of two nearest, the one with the even code."""
    grid = decode(codes_of(form), form).double()
    values = trials(form)[::23].double()
    for value, code in zip(values, encode(values, form), strict=True):
        far = (grid - value.abs()).abs()
        nearest = [n for n in range(len(grid)) if far[n] == far.min()]
        expected = (
            nearest[0] if len(nearest) == 1 else min(nearest, key=lambda n: n % 2)
        )
        assert code % 2 ** (form.bits - 1) == expected


def test_larger_values_become_the_largest():
    for form in FORMS.values():
        values = torch.tensor([1.01 * form.largest, 1e30, torch.inf, -torch.inf])
        found = decode(encode(values, form), form)
        assert found.tolist() == [form.largest] * 3 + [-form.largest]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.sampled_from(list(FORMS)), st.integers(-20, 20))
def test_microscaling_commutes_with_powers_of_two_and_signs(seed, name, power):
    torch.manual_seed(seed)
    values, form = torch.randn(3, 64), FORMS[name]
    near = dequantize(mx_quantize(values, form), form)
    scaled = dequantize(mx_quantize(-values * 2.0**power, form), form)
    assert torch.equal(scaled, -near * 2.0**power)
    assert torch.equal(dequantize(mx_quantize(near, form), form), near)


def test_blocks_do_not_disturb_each_other():
    torch.manual_seed(0)
    values = torch.randn(1, 96)
    other = values.clone()
    other[0, 40] = 1e6
    one, two = (dequantize(mx_quantize(x, E2M1), E2M1) for x in (values, other))
    same = (one == two).reshape(3, 32)
    assert same[[0, 2]].all()
    assert not same[1].all()


def test_microscaling_by_loops():
    """Plain numbers: the exponent of the peak, then the nearest element."""
    torch.manual_seed(0)
    values = torch.randn(5, 12) * torch.logspace(-2, 2, 5)[:, None]
    found = dequantize(mx_quantize(values, E2M1, block=4), E2M1)
    grid = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    for row in range(5):
        for start in range(0, 12, 4):
            block = values[row, start : start + 4].tolist()
            scale = 2.0 ** (math.floor(math.log2(max(map(abs, block)))) - 2)
            for place, value in enumerate(block):
                size = min(grid, key=lambda g: abs(g - min(abs(value) / scale, 6)))
                expected = math.copysign(size * scale, value)
                assert found[row, start + place].item() == expected


def test_fp8_uses_the_whole_range_of_each_row():
    torch.manual_seed(0)
    found = float_quantize(torch.randn(5, 24), E4M3, 24)
    assert (decode(found.codes, E4M3).abs().amax(dim=-1) == 448).all()


def test_mxint8_by_its_definition():
    """Steps of a 64th of the largest power of two up to the peak, 127 at most."""
    values = torch.tensor([[1.0, 0.5, 0.01, -1.999]])
    found = mxint8_round(values, block=4)
    assert found.tolist() == [[1.0, 0.5, 1 / 64, -127 / 64]]


@pytest.mark.parametrize("name", ROUNDINGS)
def test_zeros_and_blocks_of_zeros_stay_zero(name):
    values = torch.zeros(3, 64)
    assert not ROUNDINGS[name](values).any()
    values[1, :32] = 5.0
    found = ROUNDINGS[name](values)
    assert found.isfinite().all()
    assert torch.equal(found == 0, values == 0)


@pytest.mark.parametrize("name", ROUNDINGS)
@pytest.mark.parametrize("size", [1e-30, 1e-42, 1e30])
def test_tiny_and_huge_values_stay_finite(name, size):
    torch.manual_seed(0)
    values = torch.randn(3, 64) * size
    assert ROUNDINGS[name](values).isfinite().all()
    if size != 1e-42:  # a subnormal number, of which little is left
        off = ROUNDINGS[name](values).double() - values
        assert off.norm() < 0.2 * values.double().norm()


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ROUNDINGS)
def test_other_precisions_give_the_same(name, kind):
    torch.manual_seed(0)
    values = torch.randn(3, 64).to(torch.bfloat16).to(kind)
    single = ROUNDINGS[name](values.float())
    assert_close(ROUNDINGS[name](values).float(), single, rtol=1e-6, atol=0)


def test_small_blocks_of_nvfp4_vanish_beside_a_large_one():
    """Their scales are subnormal E4M3 numbers, down to 2^-9, and then zero."""
    values = torch.full((1, 64), 2688.0)  # 6 * 448: the scale of the tensor is 1
    for block, power in enumerate((-8, -9, -11), start=1):
        values[0, 16 * block : 16 * block + 16] = 6 * 2.0**power
    found = nvfp4_quantize(values)
    assert found.tensor_scale == 1
    assert found.scale.flatten().tolist() == [448, 2.0**-8, 2.0**-9, 0]
    near = dequantize(found, E2M1)
    assert torch.equal(near[:, :48], values[:, :48])
    assert not near[:, 48:].any()
    assert torch.equal(
        dequantize(mx_quantize(values[:, 32:], E2M1, 16), E2M1), values[:, 32:]
    )


def test_bits_count_what_is_stored():
    codes, scale, _ = mx_quantize(torch.randn(5, 64), E2M1)
    stored = 8 * pack(codes.flatten(0, -2)).nbytes + 8 * scale.numel()
    assert stored / codes.numel() == bits_per_value(4, 8, 32) == stored_bits("MXFP4", 9)
    assert stored_bits("NVFP4", 64) == stored_bits("INT4", 64) == 4.5
    assert stored_bits("INT8", 64) == 8.25
    assert stored_bits("FP8", 64) == 8.5
    assert stored_bits("MXFP6 E2M3", 64) == 6.25


def test_bad_input_is_refused():
    values = torch.ones(2, 48)
    for block in (5, 0, 96):
        with pytest.raises(ValueError, match=f"48 values .* blocks of {block}"):
            mx_quantize(values, E2M1, block)
    with pytest.raises(ValueError, match=r"48 values .* blocks of 32"):
        mx_quantize(values, E2M1)
    with pytest.raises(ValueError, match="0 values do not split"):
        nvfp4_quantize(torch.ones(2, 0))
    values[0, 3], values[1, 5] = torch.nan, torch.inf
    for method in (nvfp4_quantize, lambda x: float_quantize(x, E4M3, 48)):
        with pytest.raises(ValueError, match="2 values are NaN or infinite"):
            method(values)
    with pytest.raises(ValueError, match="1 of 96 values are NaN"):
        encode(values, E4M3)
    with pytest.raises(ValueError, match="bits=1 give no symmetric grid"):
        integer_round(torch.ones(2, 4), 1, 4)


def test_values_beyond_32_bits_are_refused():
    values = torch.ones(1, 32, dtype=torch.float64)
    values[0, 3] = 1e39
    for method in (nvfp4_quantize, lambda x: mx_quantize(x, E2M1)):
        with pytest.raises(ValueError, match="1 values are NaN or infinite in 32 bits"):
            method(values)


def test_scale_of_a_small_peak_in_half_precision():
    peak = torch.tensor([1e-7], dtype=torch.float16)  # 2^-23 in this type
    assert mx_scale(peak, E4M3).item() == 2.0**-31


def test_single_values_and_rows_without_values():
    assert dequantize(mx_quantize(torch.tensor([3.0]), E4M3, 1), E4M3).item() == 3
    assert encode(torch.empty(0), E2M1).shape == (0,)
    assert split_blocks(torch.ones(0, 32), 32)[0].shape == (0, 1, 32)
    for rounding in ROUNDINGS.values():
        assert rounding(torch.ones(0, 32)).shape == (0, 32)


def small_model():
    torch.manual_seed(0)
    sizes = Decoder(
        layers=2, d_model=32, heads=4, kv_heads=2, head_dim=8, d_ff=64, vocab=11
    )
    return TinyDecoder(sizes).requires_grad_(False)


def test_rounded_copies_weights_and_rounds_inputs():
    model, tokens = small_model(), torch.randint(11, (3, 5))
    weights = rounded(model, torch.round)
    for name, layer in linear_layers(model).items():
        assert torch.equal(weights.get_submodule(name).weight, layer.weight.round())
    assert torch.equal(weights.lm_head.weight, model.lm_head.weight)
    seen = []
    both = rounded(model, torch.clone, lambda x: seen.append(x.shape) or 0 * x)
    nothing = both(tokens)
    assert len(seen) == len(linear_layers(model))
    assert_close(nothing, model.norm(model.embed_tokens(tokens)))


def test_large_channels_change_inputs_and_no_prediction():
    model, tokens = small_model(), torch.randint(11, (3, 5))
    large = with_large_channels(model, [3, 7], 30.0)
    one, two = (log_probabilities(each, tokens) for each in (model, large))
    assert_close(one, two, rtol=1e-4, atol=1e-4)
    assert_close(one.exp().sum(dim=-1), torch.ones(3, 5))
    norm = large.layers[1].input_layernorm.weight
    assert norm.tolist() == [30.0 if n in (3, 7) else 1.0 for n in range(32)]


def test_blocks_of_three_axes_keep_their_shape():
    found = mx_quantize(torch.randn(2, 3, 64), E3M2)
    assert isinstance(found, Blocks)
    assert found.codes.shape == (2, 3, 2, 32)
    assert dequantize(found, E3M2).shape == (2, 3, 64)

"""FlashAttention against PyTorch's fused attention, autograd, Triton's interpreter."""

import math
from inspect import unwrap

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from snippets.attention.attention_traffic import (
    naive_backward_traffic,
    naive_traffic,
    tiled_backward_traffic,
    tiled_traffic,
)
from snippets.attention.flash_attention import (
    flash_attention,
    flash_forward,
    naive_attention,
    online_softmax,
)
from snippets.foundations.peak_memory import PeakMemory

try:
    from snippets.attention import flash_attention_backward_kernel as backward
    from snippets.attention import flash_attention_kernel as kernel
except ImportError:
    backward = kernel = None

SDPA = "torch.nn.functional.scaled_dot_product_attention"
TILES = {"q_tile": 8, "kv_tile": 5}
needs_triton = pytest.mark.skipif(kernel is None, reason="Triton is not installed")


def random_heads(q_len: int, kv_len: int, head_dim: int = 16) -> list[torch.Tensor]:
    shapes = [(2, 3, q_len, head_dim), *2 * [(2, 3, kv_len, head_dim)]]
    return [2 * torch.randn(shape, dtype=torch.float64) for shape in shapes]


def seen(q_len: int, kv_len: int) -> torch.Tensor:
    """The mask of a causal head whose last query stands at the last key."""
    return torch.ones(q_len, kv_len, dtype=torch.bool).tril(kv_len - q_len)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("q_len", "kv_len"), [(37, 37), (7, 23), (1, 9)])
def test_output_and_gradients_agree_with_fused_attention(agrees, q_len, kv_len, causal):
    inputs = [x.requires_grad_() for x in random_heads(q_len, kv_len)]
    ours = flash_attention(*inputs, causal=causal, **TILES)
    mask = seen(q_len, kv_len) if causal else None
    theirs = scaled_dot_product_attention(*inputs, attn_mask=mask)
    agrees(ours, theirs, SDPA)
    grad_out = torch.randn_like(ours)
    grads = (torch.autograd.grad(out, inputs, grad_out) for out in (ours, theirs))
    for our_grad, their_grad in zip(*grads, strict=True):
        agrees(our_grad, their_grad, SDPA)


@pytest.mark.parametrize("causal", [False, True])
def test_gradients_agree_with_autograd_of_the_naive_form(agrees, causal):
    inputs = [x.requires_grad_() for x in random_heads(11, 13)]
    grad_out = torch.randn(2, 3, 11, 16, dtype=torch.float64)
    outs = (
        flash_attention(*inputs, causal=causal, **TILES),
        naive_attention(*inputs, causal),
    )
    grads = (torch.autograd.grad(out, inputs, grad_out) for out in outs)
    for ours, theirs in zip(*grads, strict=True):
        agrees(ours, theirs, "torch.autograd.grad")


def test_gradients_pass_finite_differences():
    inputs = [x[:1, :1].requires_grad_() for x in random_heads(4, 5, head_dim=3)]

    def tiled(*heads):
        return flash_attention(*heads, causal=True, q_tile=3, kv_tile=2)

    assert torch.autograd.gradcheck(tiled, inputs)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("q_tile", "kv_tile"), [(4, 1), (3, 7), (50, 2), (50, 50)])
def test_tiles_do_not_matter(q_tile, kv_tile, causal):
    heads = random_heads(17, 19)
    tiled = flash_attention(*heads, causal=causal, q_tile=q_tile, kv_tile=kv_tile)
    assert_close(tiled, naive_attention(*heads, causal))


def test_online_softmax_agrees_with_its_definition(agrees):
    """Also for scores whose exponentials no float64 holds."""
    scores = 400 * torch.randn(3, 12, dtype=torch.float64)
    value = torch.randn(12, 5, dtype=torch.float64)
    state = scores.new_full((3, 1), -math.inf), scores.new_zeros(3, 1), value[:3] * 0
    for start, stop in ((0, 4), (4, 5), (5, 12)):
        state = online_softmax(*state, scores[:, start:stop], value[start:stop])
    row_max, row_sum, acc = state
    for row in range(3):
        largest = max(scores[row].tolist())
        weights = [math.exp(score - largest) for score in scores[row].tolist()]
        mix = sum(w * v for w, v in zip(weights, value, strict=True)) / sum(weights)
        agrees(acc[row] / row_sum[row], mix, "its definition as loops")
        assert row_max[row] == largest


def test_log_sum_exp_agrees_with_pytorch(agrees):
    query, key, value = random_heads(9, 14)
    _, lse = flash_forward(query, key, value, False, 4, 3)
    theirs = (query @ key.mT / 4).logsumexp(dim=-1, keepdim=True)
    agrees(lse, theirs, "torch.logsumexp")


def test_rows_without_a_key_so_far_stay_finite():
    hidden = torch.tensor([[-math.inf, -math.inf], [-math.inf, 0.0]])
    nothing = torch.full((2, 1), -math.inf), torch.zeros(2, 1), torch.zeros(2, 3)
    value = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    state = online_softmax(*nothing, hidden, value)
    assert_close(state[1], torch.tensor([[0.0], [1.0]]))
    assert_close(state[2], torch.tensor([[0.0, 0.0, 0.0], [4.0, 5.0, 6.0]]))
    _, row_sum, acc = online_softmax(*state, torch.zeros(2, 2), value)
    assert_close(acc / row_sum, torch.tensor([[2.5, 3.5, 4.5], [3.0, 4.0, 5.0]]))


def test_future_keys_do_not_matter():
    query, key, value = random_heads(11, 11)
    before = flash_attention(query, key, value, causal=True, **TILES)
    key[:, :, 6:] += 1
    after = flash_attention(query, key, value, causal=True, **TILES)
    assert_close(after[:, :, :6], before[:, :, :6], rtol=0, atol=0)
    assert not torch.allclose(after[:, :, 6:], before[:, :, 6:])


def peak(attend, seq: int) -> int:
    heads = [torch.randn(1, 1, seq, 16) for _ in range(3)]
    with PeakMemory() as memory:
        attend(*heads)
    return memory.peak


def test_naive_memory_is_the_scores_and_the_weights():
    assert peak(lambda *heads: naive_attention(*heads, False), 256) == 2 * 256**2 * 4


def test_tiled_memory_grows_with_the_length_alone():
    """Each token more costs its output and its log sum, 17 numbers."""
    grown = peak(flash_attention, 1024) - peak(flash_attention, 512)
    assert grown == 512 * 17 * 4


def test_peak_memory_counts_what_lives_at_the_same_time():
    with PeakMemory() as memory:
        x = torch.zeros(10)
        view = x[2:5]
        y = x + 1
        del y
        y = x.repeat(2)
    assert view.shape == (3,)
    assert (memory.peak, memory.live) == (40 + 80, 40 + 80)
    del x, y, view
    assert (memory.peak, memory.live) == (120, 0)


def test_peak_memory_sees_the_backward_pass():
    x = torch.zeros(1000, requires_grad=True)
    with PeakMemory() as memory:
        x.exp().sum().backward()  # keeps its result for the gradient
    assert memory.live == x.grad.nbytes
    assert memory.peak >= 2 * x.grad.nbytes


def test_traffic_by_walking_through_the_tiles():
    q_len, kv_len, head_dim, q_tile, kv_tile = 21, 13, 6, 8, 5
    moved = 0
    for row in range(0, q_len, q_tile):
        rows = min(q_tile, q_len - row)
        moved += rows * head_dim  # queries in
        for column in range(0, kv_len, kv_tile):
            moved += 2 * min(kv_tile, kv_len - column) * head_dim  # keys, values in
        moved += rows * (head_dim + 1)  # output and log sum out
    assert tiled_traffic(q_len, kv_len, head_dim, q_tile) == moved


def test_naive_traffic_by_adding_up_three_operations():
    query, key, value = (x[0, 0] for x in random_heads(7, 11, head_dim=5))
    scores = query @ key.T
    weights = scores.softmax(dim=-1)
    operations = (query, key, scores), (scores, weights), (weights, value, query)
    moved = sum(tensor.numel() for operation in operations for tensor in operation)
    assert naive_traffic(7, 11, 5) == moved


def test_naive_backward_traffic_by_adding_up_five_operations():
    query, key, value = (x[0, 0] for x in random_heads(7, 11, head_dim=5))
    weights, grad_out = query @ key.T, query
    operations = (
        (weights, grad_out, value),
        (grad_out, value, weights),
        (weights, weights, weights),  # of the softmax: gradient, weights, result
        (weights, key, query),
        (weights, query, key),
    )
    moved = sum(tensor.numel() for operation in operations for tensor in operation)
    assert naive_backward_traffic(7, 11, 5) == moved


@needs_triton
@pytest.mark.parametrize(("q_tile", "kv_tile"), [(16, 32), (64, 16)])
def test_kernel_agrees_with_fused_attention(agrees, q_tile, kv_tile):
    query, key, value = (x.float() for x in random_heads(45, 45))
    out, lse = kernel.flash_attention_kernel(
        query, key, value, q_tile=q_tile, kv_tile=kv_tile
    )
    agrees(out, scaled_dot_product_attention(query, key, value), SDPA)
    theirs = (query @ key.mT / 4).logsumexp(dim=-1, keepdim=True)
    agrees(lse, theirs, "torch.logsumexp")


def random_grouped(seq: int, heads: int, kv_heads: int) -> list[torch.Tensor]:
    """Query, key, value and the gradient of the output, in single precision."""
    shapes = [(2, n, seq, 16) for n in (heads, kv_heads, kv_heads, heads)]
    return [torch.randn(shape) for shape in shapes]


@needs_triton
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("heads", "kv_heads"), [(3, 3), (4, 2), (3, 1)])
@pytest.mark.parametrize(("q_tile", "kv_tile"), [(16, 32), (32, 16)])
def test_kernels_agree_with_fused_attention_and_its_gradients(
    agrees, causal, heads, kv_heads, q_tile, kv_tile
):
    """Causal or not, heads of their own or shared, a length that no tile divides."""
    *inputs, grad_out = random_grouped(45, heads, kv_heads)
    options = {"causal": causal, "q_tile": q_tile, "kv_tile": kv_tile}
    out, lse = kernel.flash_attention_kernel(*inputs, **options)
    ours = backward.flash_attention_backward(*inputs, out, lse, grad_out, **options)
    for x in inputs:
        x.requires_grad_()
    theirs = scaled_dot_product_attention(*inputs, is_causal=causal, enable_gqa=True)
    agrees(out, theirs.detach(), SDPA)
    grads = torch.autograd.grad(theirs, inputs, grad_out)
    for our_grad, their_grad in zip(ours, grads, strict=True):
        agrees(our_grad, their_grad, SDPA)


@needs_triton
def test_backward_kernels_take_half_precision():
    """Against gradients in single precision of the same rounded inputs."""
    *inputs, grad_out = (x.half() for x in random_grouped(20, 2, 1))
    tiles = {"q_tile": 16, "kv_tile": 16}
    out, lse = kernel.flash_attention_kernel(*inputs, **tiles)
    ours = backward.flash_attention_backward(*inputs, out, lse, grad_out, **tiles)
    exact = [x.float().requires_grad_() for x in inputs]
    theirs = scaled_dot_product_attention(*exact, enable_gqa=True)
    grads = torch.autograd.grad(theirs, exact, grad_out.float())
    assert lse.dtype == torch.float32
    for a, b in zip(ours, grads, strict=True):
        assert a.dtype == torch.float16
        assert (a.float() - b).norm() < 0.01 * b.norm()


@needs_triton
@pytest.mark.parametrize(("q_tile", "kv_tile"), [(16, 16), (32, 16)])
def test_backward_kernels_move_the_numbers_of_the_formula(agrees, q_tile, kv_tile):
    *heads, grad_out = (x[:1, :1] for x in random_grouped(45, 1, 1))
    tiles = {"q_tile": q_tile, "kv_tile": kv_tile}
    outs = kernel.flash_attention_kernel(*heads, **tiles)
    counted = kernel.numbers_moved(
        lambda: backward.flash_attention_backward(*heads, *outs, grad_out, **tiles)
    )
    formula = tiled_backward_traffic(45, 45, 16, **tiles)
    agrees(formula, counted, "triton.runtime.interpreter")


@needs_triton
def test_kernel_takes_half_precision_and_any_layout():
    heads = [x.half().mT.contiguous().mT for x in random_heads(20, 20)]
    out, _ = kernel.flash_attention_kernel(*heads, q_tile=16, kv_tile=16)
    assert out.dtype == torch.float16
    theirs = scaled_dot_product_attention(*(x.float() for x in heads))
    assert_close(out.float(), theirs, rtol=0.01, atol=0.01)


@needs_triton
@pytest.mark.parametrize(("q_tile", "kv_tile"), [(16, 16), (32, 16)])
def test_kernel_moves_the_numbers_of_the_formula(agrees, q_tile, kv_tile):
    heads = [x[:1, :1].float() for x in random_heads(45, 45)]
    counted = kernel.numbers_moved(
        lambda: kernel.flash_attention_kernel(*heads, q_tile=q_tile, kv_tile=kv_tile)
    )
    formula = tiled_traffic(45, 45, head_dim=16, q_tile=q_tile)
    agrees(formula, counted, "triton.runtime.interpreter")


@pytest.mark.parametrize(
    ("sizes", "options", "cause"),
    [
        ((3, 0), {}, "kv_len=0"),
        ((3, 4), {"q_tile": 0}, "q_tile=0"),
        ((3, 4), {"kv_tile": -1}, "kv_tile=-1"),
        ((3, 2), {"causal": True}, "3 queries cannot be the last of 2 keys"),
    ],
)
def test_bad_sizes_are_refused(sizes, options, cause):
    with pytest.raises(ValueError, match=cause):
        flash_attention(*random_heads(*sizes), **options)


@needs_triton
def test_kernel_refuses_sizes_that_are_no_power_of_two():
    heads = [x.float() for x in random_heads(5, 5, head_dim=24)]
    with pytest.raises(ValueError, match="24 is not a power of two"):
        kernel.flash_attention_kernel(*heads)
    with pytest.raises(ValueError, match="8 is not a power of two"):
        kernel.flash_attention_kernel(*(x[..., :16] for x in heads), q_tile=8)


@needs_triton
def test_kernel_refuses_heads_that_cannot_be_shared():
    *inputs, _ = random_grouped(20, 3, 2)
    with pytest.raises(ValueError, match="3 query heads cannot share 2 key heads"):
        kernel.flash_attention_kernel(*inputs)


KEY_SHAPE = (2, 1, 32, 16)


@needs_triton
@pytest.mark.parametrize(
    ("key_shape", "value_shape"),
    [
        ((1, 1, 32, 16), (1, 1, 32, 16)),  # would read past the end
        ((2, 1, 20, 16), (2, 1, 20, 16)),
        ((2, 1, 32, 32), (2, 1, 32, 32)),
        (KEY_SHAPE, (2, 1, 20, 16)),
        (KEY_SHAPE, (2, 1, 32, 32)),
        (KEY_SHAPE, (2, 2, 32, 16)),
    ],
)
def test_kernels_refuse_shapes_that_do_not_fit(key_shape, value_shape):
    """Without the annotations, which are checked in tests alone."""
    query = torch.randn(2, 2, 32, 16)
    key, value = torch.randn(key_shape), torch.randn(value_shape)
    cause = r"query \(2, 2, 32, 16\), key .* do not fit"
    with pytest.raises(ValueError, match=cause):
        unwrap(kernel.flash_attention_kernel)(query, key, value)
    results = query, query[..., :1], query
    with pytest.raises(ValueError, match=cause):
        unwrap(backward.flash_attention_backward)(query, key, value, *results)


@needs_triton
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_kernels_refuse_numbers_that_would_be_wrong_in_silence(dtype):
    """The interpreter takes bfloat16 for integers; doubles would not compile."""
    query = torch.randn(1, 1, 32, 16)
    other = query.to(dtype)
    lse = query[..., :1]
    with pytest.raises(ValueError, match=f"{dtype}: kernels take one type"):
        kernel.flash_attention_kernel(other, other, other)
    with pytest.raises(ValueError, match=f"{dtype}.*: kernels take one type"):
        kernel.flash_attention_kernel(query, query, other)
    for results in [(other, lse, query), (query, lse, other)]:
        with pytest.raises(ValueError, match=f"{dtype}.*: kernels take one type"):
            backward.flash_attention_backward(query, query, query, *results)


@needs_triton
@pytest.mark.parametrize("bad", ["out", "lse", "grad_out"])
def test_backward_kernels_refuse_results_of_another_shape(bad):
    query, key = torch.randn(2, 2, 32, 16), torch.randn(KEY_SHAPE)
    results = {"out": query, "lse": query[..., :1], "grad_out": query}
    results[bad] = results[bad][:1]
    with pytest.raises(ValueError, match=rf"{bad}.shape=torch.Size\(\[1, 2, 32, "):
        unwrap(backward.flash_attention_backward)(query, key, key, **results)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("leading", [(0, 3), (2, 0)])
def test_an_empty_batch_or_no_heads_give_empty_outputs(causal, leading):
    query = torch.randn(*leading, 5, 16)
    theirs = scaled_dot_product_attention(query, query, query, is_causal=causal)
    assert_close(flash_attention(query, query, query, causal=causal), theirs)
    assert_close(naive_attention(query, query, query, causal), theirs)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_as_exact_as_fused_attention(dtype, causal):
    """Sums of a tile have 32 bits: logarithms of sums with 16 would ruin gradients."""
    torch.manual_seed(0)
    inputs = [x.to(dtype).requires_grad_() for x in random_heads(200, 200, 64)]
    wide = [x.detach().double().requires_grad_() for x in inputs]
    ours = flash_attention(*inputs, causal=causal, q_tile=64, kv_tile=32)
    exact = scaled_dot_product_attention(*wide, is_causal=causal)
    grad_out = torch.randn_like(ours)
    grads = torch.autograd.grad(ours, inputs, grad_out)
    exact_grads = torch.autograd.grad(exact, wide, grad_out.double())
    assert ours.dtype == naive_attention(*inputs, causal).dtype == dtype
    for a, b in zip((ours, *grads), (exact, *exact_grads), strict=True):
        assert (a.double() - b).norm() < 0.01 * b.norm()


def test_one_query_one_key_and_tiles_of_one():
    query, key, value = random_heads(1, 1)
    ours = flash_attention(query, key, value, causal=True, q_tile=1, kv_tile=1)
    assert_close(ours, value)

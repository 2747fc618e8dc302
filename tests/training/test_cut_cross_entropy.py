"""Cut cross-entropy against torch.nn.functional and autograd; kernels beside it."""

from inspect import unwrap

import pytest
import torch
from torch.nn.functional import cross_entropy, linear_cross_entropy
from torch.testing import assert_close

from snippets.foundations.peak_memory import PeakMemory
from snippets.training.cut_cross_entropy import cut_cross_entropy
from snippets.training.cut_cross_entropy_passes import (
    cut_backward,
    cut_forward,
    vocabulary_order,
)
from snippets.training.pretraining import IGNORED
from snippets.training.skewed_head import skewed_head

try:
    from snippets.training import cut_cross_entropy_kernel as kernel
except ImportError:
    kernel = None

CROSS_ENTROPY = "torch.nn.functional.cross_entropy"
LINEAR = "torch.nn.functional.linear_cross_entropy"
BLOCKS = {"token_block": 8, "vocab_block": 5}
needs_triton = pytest.mark.skipif(kernel is None, reason="Triton is not installed")


def inputs(tokens=19, d_model=7, vocab=23, dtype=torch.float64, scale=1.0):
    torch.manual_seed(0)
    hidden = scale * torch.randn(tokens, d_model, dtype=dtype)
    classifier = torch.randn(vocab, d_model, dtype=dtype)
    return hidden, classifier, torch.randint(vocab, (tokens,))


def with_gradients(loss_of, hidden, classifier):
    """Loss and both gradients; the upstream gradient is not 1."""
    leaves = hidden.clone().requires_grad_(), classifier.clone().requires_grad_()
    loss = loss_of(*leaves)
    return loss.detach(), *torch.autograd.grad(3 * loss, leaves)


def all_logits(targets):
    return lambda hidden, classifier: cross_entropy(hidden @ classifier.T, targets)


@pytest.mark.parametrize(("token_block", "vocab_block"), [(8, 5), (1, 23), (50, 1)])
@pytest.mark.parametrize("ignored", [0, 1, 18])
def test_loss_and_gradients_agree_with_cross_entropy(
    agrees, token_block, vocab_block, ignored
):
    hidden, classifier, targets = inputs()
    targets[:ignored] = IGNORED
    blocks = {"token_block": token_block, "vocab_block": vocab_block}
    ours = with_gradients(
        lambda e, c: cut_cross_entropy(e, c, targets, **blocks), hidden, classifier
    )
    theirs = with_gradients(all_logits(targets), hidden, classifier)
    for a, b in zip(ours, theirs, strict=True):
        agrees(a, b, CROSS_ENTROPY)


@pytest.mark.parametrize("chunk", [None, 4, 19])
def test_loss_and_gradients_agree_with_linear_cross_entropy(agrees, chunk):
    hidden, classifier, targets = inputs()
    targets[2:5] = IGNORED
    options = chunk and torch.nn.LinearCrossEntropyOptions(batch_chunk_size=chunk)
    theirs = with_gradients(
        lambda e, c: linear_cross_entropy(e, c, targets, options=options),
        hidden,
        classifier,
    )
    ours = with_gradients(
        lambda e, c: cut_cross_entropy(e, c, targets, **BLOCKS), hidden, classifier
    )
    for a, b in zip(ours, theirs, strict=True):
        agrees(a, b, LINEAR)


def test_gradients_pass_finite_differences():
    hidden, classifier, targets = inputs(5, 3, 7)
    leaves = hidden.requires_grad_(), classifier.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda e, c: cut_cross_entropy(e, c, targets, **BLOCKS), leaves
    )


def test_log_sum_exp_agrees_with_pytorch(agrees):
    """Also for logits whose exponentials no float64 holds."""
    hidden, classifier, targets = inputs(scale=1000)
    loss, lse = cut_forward(hidden, classifier, targets, 8, 5)
    logits = hidden @ classifier.T
    assert logits.abs().max() > 1000
    agrees(lse, logits.logsumexp(dim=-1), "torch.logsumexp")
    agrees(loss, cross_entropy(logits, targets, reduction="none"), CROSS_ENTROPY)


def test_the_order_of_the_vocabulary_does_not_matter_without_a_filter():
    *tensors, targets = inputs()
    _, lse = cut_forward(*tensors, targets, 8, 5)
    plain = cut_backward(*tensors, targets, lse, 8, 5)
    order = torch.randperm(23)
    shuffled = cut_backward(*tensors, targets, lse, 8, 5, order=order)
    assert_close(shuffled, plain)


def test_vocabulary_order_is_that_of_the_mean_logits(agrees):
    hidden, classifier, _ = inputs()
    mean = (hidden @ classifier.T).mean(dim=0)
    order = vocabulary_order(hidden, classifier)
    agrees(mean[order], mean.sort(descending=True).values, "torch.sort")


def test_the_filter_leaves_out_blocks_without_a_large_entry(agrees):
    """Against autograd's gradient by the logits, with those blocks set to zero."""
    hidden, classifier, targets = inputs(scale=3)
    logits = (hidden @ classifier.T).requires_grad_()
    loss = cross_entropy(logits, targets, reduction="sum")
    (grad,) = torch.autograd.grad(loss, logits)
    order, eps = vocabulary_order(hidden, classifier), 0.2
    kept = []
    for row in range(0, 19, 8):
        for column in range(0, 23, 5):
            ids = order[column : column + 5]
            block = grad[row : row + 8, ids]
            kept.append(block.abs().max() >= eps)
            grad[row : row + 8, ids] = block * kept[-1]
    assert 0 < sum(kept) < len(kept) == 15
    _, lse = cut_forward(hidden, classifier, targets, 8, 5)
    options = {"filter_eps": eps, "order": order}
    ours = cut_backward(hidden, classifier, targets, lse, 8, 5, **options)
    assert ours.kept.tolist() == torch.tensor(kept).view(3, 5).tolist()
    agrees(ours.hidden, grad @ classifier.detach(), "torch.autograd.grad")
    agrees(ours.classifier, grad.T @ hidden.detach(), "torch.autograd.grad")
    leaves = hidden.requires_grad_(), classifier.requires_grad_()
    loss = cut_cross_entropy(*leaves, targets, filter_eps=eps, **BLOCKS)
    for a, b in zip(torch.autograd.grad(loss, leaves), ours[:2], strict=True):
        assert_close(a, b / 19)


def test_a_block_with_a_target_is_skipped_if_the_target_is_certain():
    """The filter looks at probability minus one, not at the probability."""
    classifier = torch.eye(4)
    hidden, targets = 20 * classifier[:2], torch.arange(2)
    _, lse = cut_forward(hidden, classifier, targets, 2, 2)
    grads = cut_backward(hidden, classifier, targets, lse, 2, 2, filter_eps=2**-12)
    assert not grads.kept.any()
    assert not grads.hidden.any()


@pytest.mark.parametrize("filter_eps", [0.0, 2**-12])
def test_nan_is_not_filtered(filter_eps):
    hidden, classifier, targets = inputs()
    hidden[3, 2] = torch.nan
    hidden.requires_grad_()
    loss = cut_cross_entropy(hidden, classifier, targets, filter_eps=filter_eps)
    loss.backward()
    assert loss.isnan()
    assert hidden.grad[3].isnan().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_has_exact_sums(dtype):
    """Against double precision of the same rounded inputs."""
    hidden, classifier, targets = inputs(300, 32, 500, dtype=dtype)
    theirs = with_gradients(all_logits(targets), hidden.double(), classifier.double())
    ours = with_gradients(
        lambda e, c: cut_cross_entropy(e, c, targets), hidden, classifier
    )
    assert ours[0].dtype == torch.float32
    assert ours[1].dtype == ours[2].dtype == dtype
    assert_close(ours[0].double(), theirs[0], rtol=1e-6, atol=0)
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        assert (a.double() - b).norm() < 0.005 * b.norm()


@pytest.mark.parametrize("inside", [False, True])
def test_autocast_does_not_round_the_logits(inside):
    """Rounded in one pass alone, the probabilities would not add up to 1."""
    hidden, classifier, targets = inputs(64, 32, 500, torch.float32, scale=2)
    exact = with_gradients(all_logits(targets), hidden, classifier)
    leaves = hidden.requires_grad_(), classifier.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = 3 * cut_cross_entropy(*leaves, targets, filter_eps=1e-9)
        if inside:
            loss.backward()
    if not inside:
        loss.backward()
    assert_close(loss.detach() / 3, exact[0])
    for leaf, gradient in zip(leaves, exact[1:], strict=True):
        assert_close(leaf.grad, gradient)


@pytest.mark.parametrize("filter_eps", [0.0, 1e-9])
def test_states_may_be_narrower_than_weights(filter_eps):
    """As autocast makes them; against single precision of the same rounded states."""
    hidden, classifier, targets = inputs(64, 32, 500, torch.float32)
    hidden = hidden.bfloat16()
    exact = with_gradients(all_logits(targets), hidden.float(), classifier)
    ours = with_gradients(
        lambda e, c: cut_cross_entropy(e, c, targets, filter_eps=filter_eps),
        hidden,
        classifier,
    )
    assert_close(ours, (exact[0], exact[1].bfloat16(), exact[2]))


def test_ties_one_token_and_a_vocabulary_of_one():
    assert_close(
        cut_cross_entropy(torch.zeros(3, 2), torch.ones(8, 2), torch.tensor([0, 5, 7])),
        torch.tensor(8.0).log(),
    )
    one = cut_cross_entropy(torch.ones(1, 2), torch.ones(1, 2), torch.tensor([0]))
    assert one == 0


def test_the_loss_alone_needs_one_block():
    """Blocks of 32 by 64 in four bytes; the rest are a few numbers for each token."""
    hidden, classifier, targets = inputs(512, 16, 4096, dtype=torch.float32)
    with PeakMemory() as memory:
        cut_cross_entropy(hidden, classifier, targets, token_block=32, vocab_block=64)
    assert 32 * 64 * 4 <= memory.peak < 32 * 64 * 4 + 20 * 512


def test_gradients_need_no_block_of_the_size_of_all_logits():
    hidden, classifier, targets = inputs(512, 16, 4096, dtype=torch.float32)
    hidden.requires_grad_(), classifier.requires_grad_()
    with PeakMemory() as memory:
        cut_cross_entropy(hidden, classifier, targets).backward()
    gradients = hidden.grad.nbytes + classifier.grad.nbytes
    assert gradients <= memory.peak < 512 * 4096 * 4 / 2


@pytest.mark.parametrize("filter_eps", [0.0, 2**-12])
def test_gradients_in_16_bits_need_three_times_their_size(filter_eps):
    """Sums of four bytes for each number, then copies of two."""
    hidden, classifier, targets = inputs(64, 64, 16384, dtype=torch.bfloat16)
    leaves = hidden.requires_grad_(), classifier.requires_grad_()
    blocks = {"token_block": 32, "vocab_block": 64}
    with PeakMemory() as memory:
        cut_cross_entropy(*leaves, targets, filter_eps=filter_eps, **blocks).backward()
    gradients = hidden.grad.nbytes + classifier.grad.nbytes
    assert 3 * gradients <= memory.peak < 3.2 * gradients


BAD = [
    ((0, 7, 23), {}, "nothing to average: 0 targets"),
    ((4, 7, 23), {"token_block": 0}, "token_block=0"),
    ((4, 7, 23), {"vocab_block": -2}, "vocab_block=-2"),
    ((4, 7, 23), {"filter_eps": -0.1}, "filter_eps=-0.1"),
    ((4, 7, 23), {"filter_eps": 1.0}, "filter_eps=1.0"),
]


@pytest.mark.parametrize(("sizes", "options", "cause"), BAD)
def test_bad_sizes_are_refused(sizes, options, cause):
    hidden, classifier, _ = inputs(*sizes)
    targets = torch.zeros(sizes[0], dtype=torch.long)
    with pytest.raises(ValueError, match=cause):
        cut_cross_entropy(hidden, classifier, targets, **options)


@pytest.mark.parametrize(
    ("targets", "cause"),
    [
        ([IGNORED] * 3, "3 targets, all -100"),
        ([0, 23, 1], "targets 0 to 23 for 23 tokens"),
        ([0, -1, 1], "targets -1 to 1 for 23 tokens"),
    ],
)
def test_bad_targets_are_refused(targets, cause):
    hidden, classifier, _ = inputs(3)
    with pytest.raises(ValueError, match=cause):
        cut_cross_entropy(hidden, classifier, torch.tensor(targets))


@pytest.mark.parametrize("bad", [IGNORED, -1, 23])
def test_the_forward_pass_refuses_targets_that_are_no_tokens(bad):
    """Indexing would count from the end, and the loss would be of another token."""
    hidden, classifier, targets = inputs()
    targets[2] = bad
    with pytest.raises(ValueError, match=f"targets .*{bad}.* for 23 tokens"):
        cut_forward(hidden, classifier, targets, 8, 5)


@pytest.mark.parametrize("order", [[0, 1, 1], [0, 1, 3], [2, -1, 0]])
def test_the_backward_pass_refuses_an_order_that_misses_a_token(order):
    hidden, classifier, targets = inputs(4, 2, 3)
    _, lse = cut_forward(hidden, classifier, targets, 2, 2)
    with pytest.raises(ValueError, match="each of 3 tokens once"):
        cut_backward(hidden, classifier, targets, lse, 2, 2, order=torch.tensor(order))


@pytest.mark.parametrize("bad", [(4, 7), (3, 8)])
def test_shapes_that_do_not_fit_are_refused(bad):
    """Without the annotations, which are checked in tests alone."""
    _, classifier, targets = inputs(3)
    loss_of = unwrap(cut_cross_entropy)
    call = loss_of.__globals__["labeled"]
    with pytest.raises(ValueError, match=rf"hidden \({bad[0]}, {bad[1]}\)"):
        unwrap(call)(torch.zeros(bad), classifier, targets, IGNORED)


@needs_triton
@pytest.mark.parametrize(("token_block", "vocab_block"), [(16, 32), (64, 16)])
def test_forward_kernel_agrees_with_cross_entropy(agrees, token_block, vocab_block):
    hidden, classifier, targets = inputs(45, 16, 101, torch.float32)
    blocks = {"token_block": token_block, "vocab_block": vocab_block}
    loss, lse = kernel.forward(hidden, classifier, targets, **blocks)
    logits = hidden @ classifier.T
    agrees(loss, cross_entropy(logits, targets, reduction="none"), CROSS_ENTROPY)
    agrees(lse, logits.logsumexp(dim=-1), "torch.logsumexp")


@needs_triton
@pytest.mark.parametrize(("token_block", "vocab_block"), [(16, 32), (64, 16)])
def test_backward_kernel_agrees_with_linear_cross_entropy(
    agrees, token_block, vocab_block
):
    hidden, classifier, targets = inputs(45, 16, 101, torch.float32)
    blocks = {"token_block": token_block, "vocab_block": vocab_block}
    _, lse = kernel.forward(hidden, classifier, targets, **blocks)
    order = torch.randperm(101)
    ours = kernel.backward(hidden, classifier, targets, lse, order, **blocks)
    leaves = hidden.requires_grad_(), classifier.requires_grad_()
    loss = linear_cross_entropy(*leaves, targets, reduction="sum")
    for a, b in zip(ours, torch.autograd.grad(loss, leaves), strict=True):
        agrees(a, b, LINEAR)


@needs_triton
def test_backward_kernel_skips_the_same_blocks():
    hidden, classifier, _ = inputs(45, 16, 101, torch.float32)
    hidden[:, 0] = 6  # some tokens are likely everywhere
    targets = (hidden @ classifier.T).argmax(dim=-1)
    _, lse = cut_forward(hidden, classifier, targets, 16, 16)
    order = vocabulary_order(hidden, classifier)
    exact = cut_backward(hidden, classifier, targets, lse, 16, 16)
    options = {"filter_eps": 0.05, "order": order}
    ours = cut_backward(hidden, classifier, targets, lse, 16, 16, **options)
    blocks = {"token_block": 16, "vocab_block": 16}
    theirs = kernel.backward(hidden, classifier, targets, lse, **options, **blocks)
    assert 0 < ours.kept.sum() < ours.kept.numel()
    assert not torch.allclose(ours.hidden, exact.hidden, atol=1e-3)
    assert_close(theirs, ours[:2], rtol=1e-4, atol=1e-4)


@needs_triton
def test_backward_kernel_keeps_nan_beside_negligible_entries():
    """All targets are certain, so that without the NaN the block is skipped."""
    hidden, rest = 20 * torch.eye(16), (torch.eye(16), torch.arange(16))
    _, lse = cut_forward(hidden, *rest, 16, 16)
    rest = *rest, lse, torch.arange(16)
    assert not kernel.backward(hidden, *rest, filter_eps=2**-12)[0].any()
    hidden[3, 3] = torch.nan
    assert kernel.backward(hidden, *rest, filter_eps=2**-12)[0][3].isnan().all()


@needs_triton
def test_kernels_take_half_precision():
    hidden, classifier, targets = inputs(20, 16, 40, torch.float16)
    loss, lse = kernel.forward(hidden, classifier, targets)
    exact = cut_forward(hidden, classifier, targets, 20, 40)
    assert_close((loss, lse), exact, rtol=1e-5, atol=1e-5)
    order = torch.arange(40)
    grads = kernel.backward(hidden, classifier, targets, lse, order)
    theirs = cut_backward(hidden, classifier, targets, lse, 20, 40)
    for a, b in zip(grads, theirs[:2], strict=True):
        assert a.dtype == torch.float32
        assert (a - b).norm() < 0.005 * b.norm()


COMPILE = """
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from snippets.training import cut_cross_entropy_kernel as kernels

types = {"tokens": "i32", "vocab": "i32", "filter_eps": "fp32"}
for kernel in (kernels.forward_kernel, kernels.backward_kernel):
    for dtype in ("fp32", "fp16", "bf16"):
        arguments, sizes = {}, {}
        for place, name in enumerate(kernel.arg_names):
            if name in ("d_model", "token_block", "vocab_block"):
                arguments[name], sizes[place,] = "constexpr", 32
            elif name in types:
                arguments[name] = types[name]
            elif name in ("targets", "order"):
                arguments[name] = "*i64"
            else:
                given = name in ("hidden", "classifier")
                arguments[name] = f"*{dtype}" if given else "*fp32"
        source = ASTSource(kernel, arguments, sizes)
        code = compile(source, target=GPUTarget("cuda", 80, 32)).asm["ptx"]
        print(dtype, "mma" if "mma.sync" in code else "-")
"""


@needs_triton
def test_kernels_compile_for_an_a100_and_use_its_tensor_cores_in_16_bits(compiled):
    """Compiled without a GPU: the interpreter would not notice types that differ."""
    assert compiled(COMPILE) == 2 * ["fp32 -", "fp16 mma", "bf16 mma"]


@needs_triton
def test_kernels_refuse_what_does_not_fit():
    hidden, classifier, targets = inputs(20, 16, 40, torch.float32)
    lse, order = torch.zeros(20), torch.arange(40)
    for changed, cause in [
        ((hidden.double(), classifier, targets), "float64: kernels take one type"),
        ((hidden[:, :12], classifier[:, :12], targets), "12 is not a power of two"),
        ((hidden, classifier, targets + 40), "for 40 tokens"),
        ((hidden, classifier, torch.full((20,), IGNORED)), "remove targets of -100"),
        ((hidden[:0], classifier, targets[:0]), "nothing to average"),
    ]:
        with pytest.raises(ValueError, match=cause):
            kernel.forward(*changed)
        with pytest.raises(ValueError, match=cause):
            unwrap(kernel.backward)(*changed, lse, order)
    with pytest.raises(ValueError, match="8 is not a power of two"):
        kernel.forward(hidden, classifier, targets, vocab_block=8)
    twice = torch.cat([order[:20], order[:20]])
    with pytest.raises(ValueError, match="each of 40 tokens once"):
        kernel.backward(hidden, classifier, targets, lse, twice)
    with pytest.raises(ValueError, match=r"lse.dtype=torch.float64"):
        kernel.backward(hidden, classifier, targets, lse.double(), order)


def test_skewed_heads_draw_frequent_tokens_more_often():
    hidden, classifier, targets = skewed_head(2000, 5, 50, 2.0, seed=0)
    assert hidden.shape == (2000, 5)
    assert targets.shape == (2000,)
    rank = classifier[:, 0].argsort(descending=True)
    counts = targets.bincount(minlength=50)[rank]
    assert counts[0] > 2 * counts[1] > 2 * counts[10:].max()
    mean = classifier[rank, 0].exp()
    assert_close(mean, torch.arange(1.0, 51) ** -2.0)


@pytest.mark.parametrize(
    ("bad", "cause"), [((0, 5, 9, 1.0), "tokens=0"), ((3, 5, 9, -1.0), "skew=-1.0")]
)
def test_skewed_heads_refuse_bad_sizes(bad, cause):
    with pytest.raises(ValueError, match=cause):
        skewed_head(*bad, seed=0)

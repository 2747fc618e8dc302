"""The blocks of GPT-2 and Llama against transformers, and the norms against PyTorch."""

import math
from inspect import unwrap

import pytest
import torch
from torch.nn.functional import cross_entropy, gelu, kl_div
from torch.nn.functional import layer_norm as torch_layer_norm
from torch.nn.functional import rms_norm as torch_rms
from torch.optim.lr_scheduler import LambdaLR
from torch.testing import assert_close
from transformers import DynamicCache, GPT2Config, LlamaConfig
from transformers.models.gpt2.modeling_gpt2 import GPT2Block as TheirGPT2Block
from transformers.models.llama.modeling_llama import (
    LlamaDecoderLayer,
    LlamaRMSNorm,
    LlamaRotaryEmbedding,
)

from snippets.positions.symbol_language import next_symbol, texts
from snippets.transformers.deep_stack import (
    BATCH,
    SEQ,
    rate_factors,
    stack,
    train,
)
from snippets.transformers.llama_block import LlamaBlock, SwiGLU, swiglu_width
from snippets.transformers.normalization import (
    layer_norm,
    layer_norm_gradient,
    rms_norm,
    rms_norm_gradient,
)
from snippets.transformers.transformer_block import (
    GPT2Block,
    PostNormBlock,
    gelu_tanh,
    initialize,
)

DOUBLE = torch.float64


def randomized(block):
    """Every parameter away from its start, so that no bias or weight is neutral."""
    torch.manual_seed(0)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return block.double()


def stream(*shape):
    torch.manual_seed(1)
    return torch.randn(shape, dtype=DOUBLE)


def gpt2_pair():
    ours = randomized(GPT2Block(d_model=24, heads=3))
    config = GPT2Config(n_embd=24, n_head=3, attn_implementation="eager")
    theirs = TheirGPT2Block(config, layer_idx=0).double().eval()
    state = {
        name: weight.T if weight.ndim == 2 else weight  # Conv1D has (in, out)
        for name, weight in ours.state_dict().items()
    }
    theirs.load_state_dict(state)
    return ours, theirs


def llama_pair(base=10000.0, eps=1e-6):
    sizes = {"d_model": 24, "heads": 6, "kv_heads": 2, "d_ff": 40}
    ours = randomized(LlamaBlock(**sizes, eps=eps, base=base))
    config = LlamaConfig(
        hidden_size=24,
        num_attention_heads=6,
        num_key_value_heads=2,
        intermediate_size=40,
        rms_norm_eps=eps,
        rope_parameters={"rope_type": "default", "rope_theta": base},
        attn_implementation="eager",
    )
    theirs = LlamaDecoderLayer(config, layer_idx=0).double()
    theirs.load_state_dict(ours.state_dict())  # the same names
    return ours, theirs, LlamaRotaryEmbedding(config)


def causal(q_len, kv_len):
    return torch.full((q_len, kv_len), -torch.inf, dtype=DOUBLE).triu(
        kv_len - q_len + 1
    )


def test_gpt2_block_agrees_with_transformers(agrees):
    ours, theirs = gpt2_pair()
    x = stream(2, 5, 24)
    expected = theirs(x, attention_mask=causal(5, 5))
    agrees(ours(x), expected, "transformers.GPT2Block")


def test_gpt2_block_with_a_cache_agrees_with_transformers(agrees):
    ours, theirs = gpt2_pair()
    cache, their_cache = [], DynamicCache()
    for part in stream(2, 6, 24).split([3, 1, 2], dim=1):
        q_len = part.shape[1]
        kv_len = q_len + their_cache.get_seq_length()
        mask = causal(q_len, kv_len)
        expected = theirs(part, their_cache, mask, use_cache=True)
        agrees(ours(part, cache), expected, "transformers.GPT2Block")
    agrees(cache[0], their_cache.layers[0].keys, "transformers.DynamicCache")


@pytest.mark.parametrize(("base", "eps"), [(10000.0, 1e-6), (100.0, 0.5)])
def test_llama_block_agrees_with_transformers(agrees, base, eps):
    ours, theirs, rotary = llama_pair(base, eps)
    x = stream(2, 5, 24)
    rotation = rotary(x, torch.arange(5)[None])
    expected = theirs(x, attention_mask=causal(5, 5), position_embeddings=rotation)
    # their norm and rotation compute in 32 bits, whatever the input has
    agrees(ours(x), expected, "transformers.LlamaDecoderLayer", rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("block", ["gpt2", "post", "llama"])
def test_decoding_with_a_cache_equals_the_whole_sequence(block):
    if block == "llama":
        block = llama_pair()[0]
    else:
        kind = GPT2Block if block == "gpt2" else PostNormBlock
        block = randomized(kind(d_model=24, heads=3))
    x, cache = stream(2, 6, 24), []
    parts = [block(part, cache) for part in x.split([2, 1, 3], dim=1)]
    assert_close(torch.cat(parts, dim=1), block(x))


@pytest.mark.parametrize(("kind", "first"), [(GPT2Block, True), (PostNormBlock, False)])
def test_both_orders_agree_with_pytorch(agrees, kind, first):
    ours = randomized(kind(d_model=24, heads=3))
    theirs = torch.nn.TransformerEncoderLayer(
        d_model=24,
        nhead=3,
        dim_feedforward=96,
        dropout=0,
        activation=gelu_tanh,
        batch_first=True,
        norm_first=first,
        dtype=DOUBLE,
    )
    names = {
        "self_attn.in_proj_": "attn.c_attn.",
        "self_attn.out_proj.": "attn.c_proj.",
        "linear1.": "mlp.c_fc.",
        "linear2.": "mlp.c_proj.",
        "norm1.": "ln_1.",
        "norm2.": "ln_2.",
    }
    own, ends = ours.state_dict(), ("weight", "bias")
    theirs.load_state_dict(
        {a + end: own[b + end] for a, b in names.items() for end in ends}
    )
    x = stream(2, 5, 24)
    expected = theirs(x, src_mask=causal(5, 5), is_causal=True)
    agrees(ours(x), expected, "torch.nn.TransformerEncoderLayer")


def test_norms_agree_with_pytorch(agrees):
    x, weight, bias = stream(3, 4, 7), stream(7), 2 * stream(7) + 1
    for eps in (0.0, 1e-5, 0.3):
        theirs = torch_layer_norm(x, (7,), weight, bias, eps)
        agrees(
            layer_norm(x, weight, bias, eps), theirs, "torch.nn.functional.layer_norm"
        )
        theirs = torch_rms(x, (7,), weight, eps)
        agrees(rms_norm(x, weight, eps), theirs, "torch.nn.functional.rms_norm")


def test_rms_norm_agrees_with_llama_in_half_precision(agrees):
    theirs = LlamaRMSNorm(7).bfloat16()
    theirs.weight.data = stream(7).bfloat16()
    x = (300 * stream(2, 7)).bfloat16()
    agrees(rms_norm(x, theirs.weight), theirs(x), "transformers.LlamaRMSNorm")


@pytest.mark.parametrize("eps", [0.0, 1e-5, 0.3])
def test_gradients_agree_with_autograd(agrees, eps):
    x, weight, gradient = (
        stream(3, 4, 7).requires_grad_(),
        stream(7),
        stream(3, 4, 7) ** 2,
    )
    (theirs,) = torch.autograd.grad(
        torch_layer_norm(x, (7,), weight, None, eps), x, gradient
    )
    agrees(layer_norm_gradient(x, weight, gradient, eps), theirs, "torch.autograd")
    (theirs,) = torch.autograd.grad(torch_rms(x, (7,), weight, eps), x, gradient)
    agrees(rms_norm_gradient(x, weight, gradient, eps), theirs, "torch.autograd")


def test_gradients_are_orthogonal_to_what_the_norms_forget():
    """Scaling the input changes neither output, shifting it not that of LayerNorm."""
    x, weight, gradient = stream(5, 7) + 3, stream(7), stream(5, 7) ** 2
    centered = x - x.mean(dim=-1, keepdim=True)
    zero = torch.zeros(5, dtype=DOUBLE)
    layer = layer_norm_gradient(x, weight, gradient, eps=0.0)
    assert_close(layer.sum(dim=-1), zero)
    assert_close((layer * centered).sum(dim=-1), zero)
    rms = rms_norm_gradient(x, weight, gradient, eps=0.0)
    assert_close((rms * x).sum(dim=-1), zero)
    assert rms.sum(dim=-1).abs().min() > 1e-3


def test_rms_norm_of_a_centered_vector_is_layer_norm():
    x, weight = stream(5, 7), stream(7)
    centered = x - x.mean(dim=-1, keepdim=True)
    expected = layer_norm(x, weight, torch.zeros(7, dtype=DOUBLE), 1e-6)
    assert_close(rms_norm(centered, weight, 1e-6), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_squares_do_not_overflow_in_half_precision(dtype):
    x = torch.tensor([-400.0, 400.0, -400.0, 400.0], dtype=dtype)
    one, zero = torch.ones(4, dtype=dtype), torch.zeros(4, dtype=dtype)
    signs = torch.tensor([-1.0, 1, -1, 1], dtype=dtype)
    assert_close(layer_norm(x, one, zero), signs)
    assert_close(rms_norm(x, one), signs)
    # a gradient along the vector is removed
    assert_close(layer_norm_gradient(x, one, signs), zero, atol=1e-6, rtol=0)
    assert_close(rms_norm_gradient(x, one, signs), zero, atol=1e-6, rtol=0)


def test_equal_features_give_the_bias():
    x, bias = torch.full((2, 7), 3.0, dtype=DOUBLE), stream(7)
    assert_close(layer_norm(x, stream(7), bias), bias.expand(2, 7))


@pytest.mark.parametrize("norm", [rms_norm_gradient, layer_norm_gradient])
def test_norms_of_nothing(norm):
    nothing = torch.zeros(0, 7)
    assert norm(nothing, torch.ones(7), nothing).shape == (0, 7)


def test_bad_norms_are_refused():
    one, zero = torch.ones(3), torch.zeros(3)
    with pytest.raises(ValueError, match="eps must not be negative: -1"):
        layer_norm(one, one, zero, -1.0)
    with pytest.raises(ValueError, match="eps must not be negative: nan"):
        rms_norm_gradient(one, one, one, math.nan)
    with pytest.raises(ValueError, match="1 weights do not fit 3 features"):
        unwrap(layer_norm)(one, one[:1], zero)
    with pytest.raises(ValueError, match="int64 would round"):
        unwrap(layer_norm)(one.long(), one, zero)


def test_gelu_agrees_with_pytorch(agrees):
    x = torch.linspace(-6, 6, 101, dtype=DOUBLE)
    agrees(gelu_tanh(x), gelu(x, approximate="tanh"), "torch.nn.functional.gelu")
    assert (gelu_tanh(x) - gelu(x)).abs().max() < 5e-4


def test_swiglu_as_loops():
    layer = randomized(SwiGLU(3, 5))
    x = stream(1, 1, 3)
    weights = layer.gate_proj.weight.detach(), layer.up_proj.weight.detach()
    gate, up = (weight @ x[0, 0] for weight in weights)
    hidden = [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up, strict=True)]
    expected = layer.down_proj.weight @ torch.stack(hidden)
    assert_close(layer(x)[0, 0], expected)


@pytest.mark.parametrize("d_model", [12, 768, 4096])
def test_swiglu_has_as_many_weights_as_the_plain_network(d_model):
    plain, gated = 8 * d_model**2, 3 * d_model * swiglu_width(d_model)
    assert abs(gated / plain - 1) < 1 / d_model


@pytest.mark.parametrize("kind", [GPT2Block, PostNormBlock])
def test_future_positions_do_not_matter(kind):
    block = randomized(kind(d_model=12, heads=2))
    x = stream(1, 5, 12)
    changed = x.clone()
    changed[:, 3:] += 1
    assert_close(block(changed)[:, :3], block(x)[:, :3])


def test_pre_norm_is_the_identity_without_updates():
    block = GPT2Block(d_model=12, heads=2)
    initialize(block, layers=1, std=0.0)
    x = torch.randn(1, 5, 12)
    assert torch.equal(block(x), x)


def test_start_has_the_deviations_of_gpt2():
    torch.manual_seed(0)
    block = GPT2Block(d_model=128, heads=2)
    for parameter in block.parameters():
        parameter.data.fill_(7)
    initialize(block, layers=8)
    for weight in (block.attn.c_attn.weight, block.mlp.c_fc.weight):
        assert_close(weight.std().item(), 0.02, rtol=0.02, atol=0)
    for weight in (block.attn.c_proj.weight, block.mlp.c_proj.weight):
        assert_close(weight.std().item(), 0.005, rtol=0.02, atol=0)
    for norm in (block.ln_1, block.ln_2):
        assert (norm.weight == 1).all()
        assert (norm.bias == 0).all()
    for layer in (block.mlp.c_fc, block.mlp.c_proj, block.attn.c_attn):
        assert (layer.bias == 0).all()


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="10 features cannot be split into 3 heads"):
        GPT2Block(d_model=10, heads=3)
    with pytest.raises(ValueError, match="4 features cannot be split into 0 heads"):
        PostNormBlock(d_model=4, heads=0)
    with pytest.raises(ValueError, match="kv_heads=2"):
        LlamaBlock(d_model=12, heads=3, kv_heads=2, d_ff=8)
    with pytest.raises(ValueError, match="d_ff=0"):
        LlamaBlock(d_model=12, heads=3, kv_heads=1, d_ff=0)
    with pytest.raises(ValueError, match="head_dim=3"):
        LlamaBlock(d_model=12, heads=4, kv_heads=1, d_ff=8)
    with pytest.raises(ValueError, match="layers=0"):
        initialize(GPT2Block(d_model=4, heads=1), layers=0)
    with pytest.raises(ValueError, match="std=-1"):
        initialize(GPT2Block(d_model=4, heads=1), layers=1, std=-1.0)
    with pytest.raises(ValueError, match="multiple=0"):
        swiglu_width(8, multiple=0)


def test_stacks_train_side_by_side_as_they_do_alone():
    """Against Adam with a schedule of PyTorch, and its KL divergence."""
    steps, rate, warm_up = 4, 0.01, [1, 3]
    torch.manual_seed(0)
    models = [stack(kind, layers=1) for kind in (GPT2Block, GPT2Block)]
    ours = train(models, steps, rate, warm_up, seed=5)
    drawn = texts(steps * BATCH, SEQ + 1, seed=5).unflatten(0, (steps, BATCH))
    factors = rate_factors(steps, warm_up)
    for place, model in enumerate(models):
        optimizer = torch.optim.Adam(model.parameters(), rate)
        schedule = LambdaLR(optimizer, factors[:, place].tolist().__getitem__)
        for step, text in enumerate(drawn):
            logits = model(text[:, :-1])[:, 2:]
            truth = next_symbol()[text[:, 1:-2], text[:, 2:-1]]
            excess = kl_div(logits.log_softmax(-1), truth, reduction="sum")
            assert_close(ours[step, place], excess.detach() / truth[..., 0].numel())
            optimizer.zero_grad()
            cross_entropy(logits.flatten(0, 1), text[:, 3:].flatten()).backward()
            optimizer.step()
            if step < steps - 1:
                schedule.step()


def test_training_leaves_the_models_as_they_are():
    model = stack(PostNormBlock, layers=1)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    train([model], steps=2, rate=0.1, warm_up=[1])
    assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize(("kind", "norms"), [(GPT2Block, 5), (PostNormBlock, 4)])
def test_every_stack_ends_in_one_norm(kind, norms):
    model = stack(kind, layers=2)
    assert (
        sum(isinstance(part, torch.nn.LayerNorm) for part in model.modules()) == norms
    )
    found = []
    model.last.register_forward_hook(lambda _part, _x, out: found.append(out))
    model(texts(2, SEQ, seed=0))
    assert_close(found[0].mean(dim=-1), torch.zeros(2, SEQ), atol=1e-5, rtol=0)


def test_a_warm_up_below_one_step_is_refused():
    with pytest.raises(ValueError, match="warm_up of 0 steps"):
        rate_factors(8, [1, 0])

"""Counts against PyTorch's counter, transformers' models, autograd and papers."""

from dataclasses import replace
from itertools import chain

import pytest
import torch
from torch import nn
from torch.nn.functional import gelu, layer_norm
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)
from transformers import (
    AutoModelForCausalLM,
    GemmaConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MixtralConfig,
)
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from snippets.foundations.resource_accounting import (
    Decoder,
    activation_bytes,
    forward_flops,
    matmul_flops,
    matrix_parameters,
    parameters,
    state_bytes,
    training_flops,
    utilization,
)

COUNTER = "torch.utils.flop_counter.FlopCounterMode"


def sized(layers, d_model, heads, kv_heads, head_dim, d_ff, vocab, **others) -> Decoder:
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


def theirs(config: type, model: Decoder, **others):
    """The same sizes in transformers, without memory for the weights."""
    sizes = config(
        hidden_size=model.d_model,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        num_key_value_heads=model.kv_heads,
        intermediate_size=model.d_ff,
        vocab_size=model.vocab,
        tie_word_embeddings=model.tied,
        attn_implementation="eager",
        **others,
    )
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(sizes)


OLD = {"gated": False, "biases": True}  # GPT-2, GPT-NeoX
LLAMA_7B = sized(32, 4096, 32, 32, 128, 11008, 32000)
LLAMA_70B = sized(80, 8192, 64, 8, 128, 28672, 32000)
GPT2 = sized(12, 768, 12, 12, 64, 3072, 50257, positions=1024, tied=True, **OLD)
PYTHIA_70M = sized(6, 512, 8, 8, 64, 2048, 50304, **OLD)
GEMMA_2B = sized(18, 2048, 8, 1, 256, 16384, 256000, tied=True)
MIXTRAL = sized(32, 4096, 32, 8, 128, 14336, 32000, experts=8, top_k=2)


@pytest.mark.parametrize(
    ("config", "model", "others"),
    [
        (LlamaConfig, LLAMA_7B, {}),
        (LlamaConfig, LLAMA_70B, {}),
        (GPT2Config, GPT2, {}),
        (GPTNeoXConfig, PYTHIA_70M, {}),
        (GemmaConfig, GEMMA_2B, {"head_dim": 256}),
        (MixtralConfig, MIXTRAL, {}),
    ],
)
def test_parameters_agree_with_transformers(agrees, config, model, others):
    built = theirs(config, model, **others)
    count = sum(p.numel() for p in built.parameters())
    agrees(parameters(model), count, f"transformers.{type(built).__name__}", 0, 0)


def counted(model, batch: int, seq: int, backward: bool = False) -> int:
    """Operations by PyTorch's counter; the mask is given, as meta has no values."""
    with FlopCounterMode(display=False) as counter:
        logits = model(
            torch.zeros(batch, seq, dtype=torch.long, device="meta"),
            attention_mask=torch.zeros(batch, 1, seq, seq, device="meta"),
            position_ids=torch.arange(seq, device="meta")[None],
            use_cache=False,
        ).logits
        if backward:
            logits.sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("config", "model"),
    [(LlamaConfig, LLAMA_7B), (GPT2Config, GPT2), (GPTNeoXConfig, PYTHIA_70M)],
)
def test_forward_agrees_with_the_counter_to_the_last_digit(agrees, config, model):
    flops = counted(theirs(config, model), batch=3, seq=50)
    agrees(forward_flops(model, 3, 50), flops, COUNTER, rtol=0, atol=0)


def test_training_agrees_with_the_counter_to_the_last_digit(agrees):
    """Sharing key heads saves parameters, but no products with the queries."""
    model = sized(3, 48, 6, 2, 8, 100, 70)
    flops = counted(theirs(LlamaConfig, model), batch=2, seq=17, backward=True)
    agrees(training_flops(model, 2, 17), flops, COUNTER, rtol=0, atol=0)


def test_small_gpt2_of_four_layers_by_hand():
    model = sized(4, 256, 4, 4, 64, 1024, 1024, positions=256, tied=True, **OLD)
    assert forward_flops(model, batch=4, seq=256) == 6_979_321_856 + 1_073_741_824
    assert counted(theirs(GPT2Config, model), batch=4, seq=256) == 8_053_063_680


def test_experts_that_a_token_does_not_visit_cost_no_operations(agrees):
    model = sized(2, 24, 4, 2, 6, 40, 30, experts=5, top_k=2)
    sizes = {"num_local_experts": 5, "num_experts_per_tok": 2}
    built = theirs(MixtralConfig, model, **sizes).to_empty(device="cpu")
    built.set_experts_implementation("eager")
    for p in chain(built.parameters(), built.buffers()):
        nn.init.normal_(p.data)
    with FlopCounterMode(display=False) as counter:
        built(torch.randint(30, (2, 7)), use_cache=False)
    flops = counter.get_total_flops()
    agrees(forward_flops(model, 2, 7), flops, COUNTER, rtol=0, atol=0)


def test_one_product_agrees_with_the_counter_and_with_loops(agrees):
    with FlopCounterMode(display=False) as counter:
        torch.empty(4, 7, device="meta") @ torch.empty(7, 3, device="meta")
    agrees(matmul_flops(4, 7, 3), counter.get_total_flops(), COUNTER, 0, 0)
    assert matmul_flops(4, 7, 3) == sum(2 for _ in range(4 * 3) for _ in range(7))


def adam_state(dtype: torch.dtype) -> dict[str, list[torch.Tensor]]:
    """Tensors of a training step; 16-bit weights have a 32-bit copy."""
    weights = [torch.randn(64, 32).to(dtype).requires_grad_() for _ in range(3)]
    mixed = dtype != torch.float32
    masters = [w.detach().float().requires_grad_() for w in weights if mixed] or weights
    for weight, master in zip(weights, masters, strict=True):
        weight.grad = torch.ones_like(weight)
        master.grad = weight.grad.float() if mixed else weight.grad
    adam = torch.optim.Adam(masters)
    adam.step()
    moments = [
        state[k] for state in adam.state.values() for k in ("exp_avg", "exp_avg_sq")
    ]
    return {
        "optimizer": moments + (masters if mixed else []),
        "gradients": [weight.grad for weight in weights],
        "weights": weights,
    }


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_sixteen_bytes_agree_with_adam(agrees, dtype):
    tensors = chain.from_iterable(adam_state(dtype).values())
    per_parameter = sum(t.nbytes for t in tensors) / (3 * 64 * 32)
    agrees(state_bytes(), per_parameter, "torch.optim.Adam", rtol=0, atol=0)


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_shares_of_the_state_agree_with_cutting_it(agrees, stage):
    total = 0
    for position, tensors in enumerate(adam_state(torch.bfloat16).values()):
        split = 16 if position < stage else 1
        total += sum(t.flatten().chunk(split)[0].nbytes for t in tensors)
    cut = total / (3 * 64 * 32)
    agrees(state_bytes(stage, ranks=16), cut, "torch.optim.Adam", rtol=0, atol=0)


def attend(query, key, value):
    scores = (query @ key.mT).softmax(-1)
    return torch.native_dropout(scores, 0.1, True)[0] @ value


def layer_of_gpt(x, weights, core=attend):
    """A layer with 6 heads; written for the memory that it keeps, not for use."""
    qkv, out, up, down = weights
    heads = (layer_norm(x, x.shape[-1:]) @ qkv).unflatten(-1, (3, 6, -1))
    mixed = core(*heads.permute(2, 0, 3, 1, 4)).transpose(1, 2).flatten(2) @ out
    x = x + torch.native_dropout(mixed, 0.1, True)[0]
    wide = gelu(layer_norm(x, x.shape[-1:]) @ up)
    return x + torch.native_dropout(wide @ down, 0.1, True)[0]


@pytest.mark.parametrize("recomputed", ["nothing", "attention", "layer"])
def test_activations_agree_with_what_autograd_keeps(agrees, recomputed):
    batch, seq, d_model, heads = 2, 9, 48, 6
    widths = (48, 144), (48, 48), (48, 192), (192, 48)
    weights = [torch.randn(w, dtype=torch.bfloat16).requires_grad_() for w in widths]
    x = torch.randn(batch, seq, d_model, dtype=torch.bfloat16, requires_grad=True)
    saved, own = {}, {w.untyped_storage().data_ptr() for w in weights}

    def note(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    def forget(run, *inputs):
        return checkpoint(run, *inputs, use_reentrant=True)

    runs = {
        "nothing": lambda: layer_of_gpt(x, weights),
        "attention": lambda: layer_of_gpt(
            x, weights, core=lambda *parts: forget(attend, *parts)
        ),
        "layer": lambda: forget(lambda x: layer_of_gpt(x, weights), x),
    }
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = runs[recomputed]()
    assert result.requires_grad
    kept = sum(part.nbytes() for at, part in saved.items() if at not in own)
    # A mean and a scale, two bytes each, for every token and both norms.
    norms = 0 if recomputed == "layer" else 2 * 2 * 2 * batch * seq
    ours = activation_bytes(batch, seq, d_model, heads)[recomputed] + norms
    agrees(ours, kept, "torch.autograd.graph.saved_tensors_hooks", rtol=0, atol=0)


@pytest.mark.parametrize("sizes", [(64, 8, 512), (256, 8, 512), (512, 12, 768)])
def test_gpt2_of_transformers_stores_more_than_the_formula(sizes):
    """Its GELU consists of several operations, each of which stores its input."""
    seq, heads, width = sizes
    config = GPT2Config(n_embd=width, n_head=heads, attn_implementation="eager")
    block = GPT2Block(config, layer_idx=0).bfloat16().train()
    x = torch.randn(1, seq, width, dtype=torch.bfloat16, requires_grad=True)
    saved, own = {}, {w.untyped_storage().data_ptr() for w in block.parameters()}

    def note(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = block(x)
    assert result.requires_grad
    kept = sum(part.nbytes() for at, part in saved.items() if at not in own)
    assert 1.35 < kept / activation_bytes(1, seq, width, heads)["nothing"] < 1.75


def test_fused_attention_computes_its_scores_again_in_the_backward_pass():
    """Five products instead of four: 14 with the forward pass, in place of 12."""
    shape = (2, 4, 64, 16)
    forward = sdpa_flop_count(shape, shape, shape)
    assert forward == 4 * (2 * 4) * 64 * 64 * 16
    assert 2 * sdpa_backward_flop_count(shape, shape, shape, shape) == 5 * forward


@pytest.mark.parametrize(
    ("layers", "d_model", "heads", "published"),
    [
        (6, 512, 8, 18_915_328),
        (12, 768, 12, 85_056_000),
        (24, 1024, 16, 302_311_424),
    ],
)
def test_published_sizes_of_pythia(layers, d_model, heads, published):
    width = d_model // heads
    model = sized(layers, d_model, heads, heads, width, 4 * d_model, 50304, **OLD)
    assert parameters(model) - 2 * 50304 * d_model == published


PALM = sized(118, 18432, 48, 1, 256, 73728, 256000, tied=True)


def test_published_size_and_utilization_of_palm():
    assert round(matrix_parameters(PALM, experts=1) / 1e9, 2) == 540.35
    used = utilization(PALM, 2048, tokens_per_second=238.3e3, peak=6144 * 275e12)
    assert round(used, 3) == 0.462


def test_a_doubled_context_doubles_only_what_attention_costs_per_token():
    per_token = [forward_flops(LLAMA_7B, 1, s) / s for s in (1024, 2048, 4096)]
    assert per_token[2] - per_token[1] == 2 * (per_token[1] - per_token[0]) > 0
    weights = 2 * per_token[0] - per_token[1]
    assert weights == 2 * matrix_parameters(LLAMA_7B, experts=1)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="heads=6, kv_heads=4"):
        sized(1, 48, 6, 4, 8, 100, 70)
    with pytest.raises(ValueError, match="experts=2, top_k=3"):
        sized(1, 48, 6, 2, 8, 100, 70, experts=2, top_k=3)
    for name in ("layers", "heads", "kv_heads", "vocab"):
        with pytest.raises(ValueError, match=f"at least 1: .*{name}=0"):
            replace(LLAMA_7B, **{name: 0})
    for name in ("layers", "positions"):
        with pytest.raises(ValueError, match=f"at least 1: .*{name}=-1"):
            replace(LLAMA_7B, **{name: -1})
    with pytest.raises(ValueError, match="stage=4, ranks=8"):
        state_bytes(stage=4, ranks=8)
    with pytest.raises(ValueError, match="stage=1, ranks=0"):
        state_bytes(stage=1, ranks=0)
    with pytest.raises(ValueError, match="batch=-1"):
        activation_bytes(-1, 4, 8, 2)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("experts", [1, 3])
def test_biases_are_those_of_every_matrix_but_the_head(gated, experts):
    sizes = dict(layers=2, d_model=5, heads=3, kv_heads=1, head_dim=4, d_ff=7, vocab=11)
    model = Decoder(**sizes, gated=gated, experts=experts, biases=True)
    into, out = ([nn.Linear(5, 7)] * (2 if gated else 1), [nn.Linear(7, 5)])
    layer = [nn.Linear(5, 12), *[nn.Linear(5, 4)] * 2, nn.Linear(12, 5)]
    layer += experts * (into + out) + [nn.LayerNorm(5)] * 2
    layer += [nn.Linear(5, experts)] if experts > 1 else []
    parts = 2 * layer + [nn.LayerNorm(5), nn.Embedding(11, 5)]
    parts += [nn.Linear(5, 11, bias=False)]
    count = sum(p.numel() for part in parts for p in part.parameters())
    assert parameters(model) == count


def test_smallest_decoder_by_hand():
    """12 weights, a bias for each of 7 matrices and 3 norms."""
    ones = dict.fromkeys(("layers", "d_model", "heads", "kv_heads", "head_dim"), 1)
    assert parameters(Decoder(**ones, d_ff=1, vocab=1, biases=True)) == 22

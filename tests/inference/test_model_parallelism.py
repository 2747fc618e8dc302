"""Model parallelism against PyTorch's, and experts against those of transformers.

Four processes compute a small model by our shards and by ``parallelize_module``, and
sum by our ring and by ``all_reduce``; both have to give what one process gives. The
layer in one piece is Llama's of transformers, the mixture of experts is Mixtral's:
the all-to-all of four processes must agree with it, also where a process has no tokens.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)
from torch.testing import assert_close

from snippets.foundations.resource_accounting import Decoder, parameters
from snippets.inference.expert_costs import (
    QWEN3_235B,
    cache_copies,
    cached_tokens,
    step_costs,
    step_seconds,
)
from snippets.inference.expert_parallelism import (
    SparseMoeBlock,
    data_parallel_attention_on_ranks,
    expert_parallel,
    shard_experts,
)
from snippets.inference.model_parallelism import (
    Layer,
    pipeline_bubble,
    pipeline_on_ranks,
    ring_all_reduce,
    ring_bytes,
    shard,
    tensor_parallel_on_ranks,
)
from snippets.inference.ranks import run_ranks
from snippets.inference.server_costs import H100, Server, Work, costs, touched_experts


def layers() -> nn.ModuleList:
    torch.manual_seed(0)
    sizes = {"d_model": 24, "heads": 8, "kv_heads": 4, "d_ff": 20}
    return nn.ModuleList(Layer(**sizes) for _ in range(5)).double()


def tokens() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(6, 7, 24, dtype=torch.float64)


def block() -> SparseMoeBlock:
    torch.manual_seed(2)
    return SparseMoeBlock(experts=8, top_k=3, d_model=24, d_ff=20).double()


@torch.no_grad()
def whole() -> torch.Tensor:
    return nn.Sequential(*layers())(tokens())


@torch.no_grad()
def parallelized_by_pytorch() -> torch.Tensor:
    """Our layers, split and summed by PyTorch; only the counts of heads are ours."""
    ranks = dist.get_world_size()
    mesh, x = init_device_mesh("cpu", (ranks,)), tokens()
    first = [f"self_attn.{name}" for name in ("query", "key", "value")]
    plan = dict.fromkeys([*first, "gate_proj", "up_proj"], ColwiseParallel())
    plan |= dict.fromkeys(("self_attn.out", "down_proj"), RowwiseParallel())
    for layer in layers():
        parallelize_module(layer, mesh, plan)
        layer.self_attn.heads, layer.self_attn.kv_heads = 8 // ranks, 4 // ranks
        x = layer(x)
    return x


def summed() -> dict[str, torch.Tensor | int]:
    mine = torch.arange(30, dtype=torch.float64).view(5, 6) ** (dist.get_rank() + 1)
    ours, sent = ring_all_reduce(mine.clone())
    dist.all_reduce(mine)
    return {"ours": ours, "theirs": mine, "sent": sent}


def routed(counts: list[int]) -> torch.Tensor:
    """Rows of this rank, of which there are so many, through experts of all ranks."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    x = tokens().flatten(0, 1)[: sum(counts)].split(counts)[rank]
    return expert_parallel(shard_experts(block(), rank, ranks), x)


def on_ranks() -> dict:
    return {
        "tensor": tensor_parallel_on_ranks(layers(), tokens()),
        "pytorch": parallelized_by_pytorch(),
        "pipeline": pipeline_on_ranks(layers(), list(tokens().split([1, 2, 3]))),
        "sum": summed(),
        "experts": routed([11, 1, 5, 9]),
        "idle": routed([0, 1, 0, 2]),
        "attention": data_parallel_attention_on_ranks(
            layers()[0].self_attn, block(), tokens()
        ),
    }


@pytest.fixture(scope="module")
def four() -> list[dict]:
    """What each of four processes found."""
    return run_ranks(on_ranks, 4)


def mixtral(x: torch.Tensor) -> torch.Tensor:
    """The same block by transformers, which computes its softmax in float32."""
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

    config = MixtralConfig(
        hidden_size=24,
        intermediate_size=20,
        num_local_experts=8,
        num_experts_per_tok=3,
        experts_implementation="eager",
    )
    theirs = MixtralSparseMoeBlock(config).double().eval()
    theirs.load_state_dict(block().state_dict())
    with torch.no_grad():
        return theirs(x[None])[0]


def test_four_ranks_of_shards_agree_with_pytorch_and_with_one_process(agrees, four):
    for rank in four:
        agrees(
            rank["tensor"],
            rank["pytorch"],
            "torch.distributed.tensor.parallel.parallelize_module",
        )
        agrees(rank["tensor"], whole(), "one process")


def test_experts_on_four_ranks_agree_with_mixtral(agrees, four):
    """Every rank has its own number of tokens, two have none at all."""
    x = tokens().flatten(0, 1)
    for name, count in (("experts", 26), ("idle", 3)):
        ours = torch.cat([rank[name] for rank in four])
        theirs = mixtral(x[:count])
        agrees(ours, theirs, "transformers.MixtralSparseMoeBlock", rtol=1e-5)
    assert [len(rank["idle"]) for rank in four] == [0, 1, 0, 2]


def test_experts_on_one_rank_agree_with_mixtral(agrees):
    x = tokens().flatten(0, 1)
    theirs = mixtral(x)
    agrees(block()(x), theirs, "transformers.MixtralSparseMoeBlock", rtol=1e-5)


@torch.no_grad()
def test_data_parallel_attention_agrees_with_one_process(agrees, four):
    x = tokens() + layers()[0].self_attn(tokens())
    expected = x + block()(x.flatten(0, 1)).view_as(x)
    ours = torch.cat([rank["attention"] for rank in four])
    agrees(ours, expected, "one process")
    assert [len(rank["attention"]) for rank in four] == [2, 2, 1, 1]


def test_each_rank_holds_its_experts_and_the_whole_router():
    parts = [shard_experts(block(), rank, 4) for rank in range(4)]
    for name, stacked in block().experts.named_parameters():
        theirs = torch.cat([getattr(part.experts, name) for part in parts])
        assert_close(theirs, stacked)
    assert all(torch.equal(p.gate.weight, block().gate.weight) for p in parts)
    with pytest.raises(ValueError, match="3 ranks cannot share 8 experts"):
        shard_experts(block(), 0, 3)


def test_last_stage_of_a_pipeline_agrees_with_one_process(agrees, four):
    agrees(four[-1]["pipeline"], whole(), "one process")
    assert not torch.allclose(four[0]["pipeline"], whole())


def test_ring_agrees_with_all_reduce_and_sends_what_the_formula_says(agrees, four):
    for rank in four:
        theirs = rank["sum"]["theirs"]
        agrees(rank["sum"]["ours"], theirs, "torch.distributed.all_reduce")
    sent = [rank["sum"]["sent"] for rank in four]  # 30 numbers in pieces of 8 or 7
    assert sum(sent) / 4 == ring_bytes(30 * 8, ranks=4)


def test_error_of_a_rank_is_raised_with_its_reason():
    three = nn.ModuleList(layers()[:3])
    with pytest.raises(RuntimeError, match="4 ranks cannot share 3 layers"):
        run_ranks(pipeline_on_ranks, 4, three, [tokens()])
    with pytest.raises(ValueError, match="0 ranks"):
        run_ranks(summed, 0)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_parts_of_shards_add_up_in_one_process(ranks):
    layer = layers()[0]
    parts = [shard(layer, rank, ranks) for rank in range(ranks)]
    assert_close(
        sum(part.self_attn(tokens()) for part in parts),
        layer.self_attn(tokens()),
        check_stride=False,
    )
    held = sum(p.numel() for part in parts for p in part.parameters())
    norms = 2 * 24 * (ranks - 1)
    assert held == norms + sum(p.numel() for p in layer.parameters())


def test_shard_leaves_the_layer_as_it_was():
    layer = layers()[0]
    before = deepcopy(layer.state_dict())
    shard(layer, 1, 2)
    assert_close(dict(layer.state_dict()), dict(before))
    assert layer.self_attn.heads == 8


@pytest.mark.parametrize("ranks", [3, 8])
def test_more_ranks_than_heads_are_refused(ranks):
    with pytest.raises(ValueError, match=f"{ranks} ranks cannot share kv_heads=4"):
        shard(layers()[0], 0, ranks)


def test_layer_agrees_with_llama(agrees):
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer

    config = LlamaConfig(
        hidden_size=24,
        num_attention_heads=8,
        num_key_value_heads=4,
        intermediate_size=20,
        rms_norm_eps=torch.finfo(torch.float64).eps,
        attn_implementation="eager",
    )
    ours, llama = layers()[0], LlamaDecoderLayer(config, layer_idx=0).double()
    short = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "o_proj"}
    state = {}
    for name, weight in ours.state_dict().items():
        part, *rest = name.split(".")
        if part == "self_attn":
            state[f"self_attn.{short[rest[0]]}.weight"] = weight
        else:
            state[name if "norm" in part else f"mlp.{name}"] = weight
    llama.load_state_dict(state)
    unrotated = torch.ones(6, 7, 3).double(), torch.zeros(6, 7, 3).double()
    future = torch.full((7, 7), -torch.inf, dtype=torch.float64).triu(1)
    theirs = llama(tokens(), attention_mask=future, position_embeddings=unrotated)
    agrees(ours(tokens()), theirs, "transformers.LlamaDecoderLayer")


@pytest.mark.parametrize(("stages", "microbatches"), [(1, 3), (4, 1), (3, 5)])
def test_bubble_by_playing_the_schedule(stages, microbatches):
    end = np.zeros((stages + 1, microbatches + 1))
    for stage in range(1, stages + 1):
        for batch in range(1, microbatches + 1):
            end[stage, batch] = max(end[stage - 1, batch], end[stage, batch - 1]) + 1
    idle = 1 - microbatches / end[-1, -1]
    assert pipeline_bubble(stages, microbatches) == pytest.approx(idle)


def test_touched_experts_by_drawing_them(agrees):
    random = np.random.default_rng(0)
    draws = random.random((2000, 5, 16)).argsort(axis=2)[:, :, :3]  # 3 of 16, 5 tokens
    seen = np.mean([len(np.unique(draw)) for draw in draws])
    agrees(touched_experts(16, 3, 5), seen, "experts that are drawn", rtol=0.01)
    assert touched_experts(1, 1, 7) == 1


def test_one_rank_of_experts_costs_what_the_common_clock_says():
    small = replace(QWEN3_235B, layers=2, vocab=100)
    server = Server(model=small, fp8=True, weight_bytes=1.0)
    theirs = costs(server, Work(20, 0, context=20 * 300, pairs=20 * 300))
    ours = step_costs(small, 1, 1, 20, 300)
    assert ours == pytest.approx(theirs)
    assert step_seconds(ours) == pytest.approx(server.seconds(Work(20, 0, 6000, 6000)))
    assert cached_tokens(small, 1, 1) == server.slots


def test_tensor_parallelism_of_a_dense_model_costs_what_the_common_clock_says():
    dense = Decoder(
        layers=3, d_model=24, heads=8, kv_heads=4, head_dim=3, d_ff=20, vocab=11
    )
    server = Server(model=dense, ranks=4, fp8=True, weight_bytes=1.0)
    ours = step_costs(dense, 4, 4, 20, 300)
    assert ours == pytest.approx(costs(server, Work(20, 0, 6000, 6000)))


def test_layouts_by_hand():
    """Two layers whose experts weigh 6, attention 8, head and table 2 x 3, norms 5."""
    tiny = Decoder(
        layers=2,
        d_model=1,
        heads=2,
        kv_heads=2,
        head_dim=1,
        d_ff=1,
        vocab=3,
        experts=2,
        top_k=1,
    )
    experts, rest = 2 * 2 * 3, 2 * (8 + 2) + 2 * 3 + 5
    assert parameters(tiny) == experts + rest
    device = replace(H100, memory=100.0)
    token = 2 * 2 * 2 * 2  # bytes of keys and values, in two layers and two heads
    rooms = [cached_tokens(tiny, 4, n, device=device) for n in (4, 2, 1)]
    assert rooms[0] == (400 - experts - rest) // (2 * token)  # heads are kept twice
    assert rooms[1] == (400 - experts - 2 * rest) // token
    assert rooms[2] == (400 - experts - 4 * rest) // token
    assert [cache_copies(tiny, n) for n in (1, 2, 4)] == [1, 1, 2]
    with pytest.raises(ValueError, match="4 ranks in groups of 3"):
        cached_tokens(tiny, 4, 3)


def test_groups_add_a_sum_over_their_ranks_to_the_exchange_of_experts():
    slow = {"link": 1e9, "latency": 0.25}
    alone, pairs = (
        step_costs(QWEN3_235B, 8, n, 80, 300, **slow)["links"] for n in (1, 2)
    )
    away = 10 * 8 * 7 / 8  # rows of ten tokens that leave a rank
    assert alone == pytest.approx(94 * (2 * 0.25 + 3 * 4096 * away / 1e9))
    both = 2 * 4096 * 20  # bytes of the tokens of a group, in a ring of two
    assert pairs - alone == pytest.approx(94 * (10e-6 + both / 450e9))


def test_experts_in_bfloat16_agree_with_mixtral(agrees):
    """A softmax in bfloat16 picks other experts for some of the tokens."""
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

    torch.manual_seed(3)
    ours = SparseMoeBlock(experts=128, top_k=8, d_model=24, d_ff=20).bfloat16()
    config = MixtralConfig(
        hidden_size=24,
        intermediate_size=20,
        num_local_experts=128,
        num_experts_per_tok=8,
        experts_implementation="eager",
    )
    theirs = MixtralSparseMoeBlock(config).bfloat16().eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(1000, 24, dtype=torch.bfloat16)
    with torch.no_grad():
        y, expected = ours(x), theirs(x[None])[0]
        index = theirs.gate(x)[2]
    assert y.dtype == torch.bfloat16
    name = "transformers.MixtralSparseMoeBlock"
    agrees(ours.route(x)[1].double(), index.double(), name, rtol=0, atol=0)
    agrees(y.double(), expected.double(), name, rtol=0.05, atol=0.05)

"""Training of small DeepSeek models side by side, each piece switched off in turn.

DeepSeek-AI (2024), https://arxiv.org/abs/2412.19437; the language is
:mod:`snippets.transformers.topic_language`.

Runs differ in their seed. They train as one batch, which at this size costs little
more than one run.

Axes::

    runs    one for each seed
    tests   texts of a run that no step trains on
    marks   steps at which the loss is measured
"""

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy, linear, silu

from snippets.attention.sparse_attention import select
from snippets.attention.sparse_latent_attention import Output, SparseLatentAttention
from snippets.transformers.deepseek import Deepseek, build, multi_token_loss
from snippets.transformers.deepseek_sizes import Sizes
from snippets.transformers.expert_balance import expert_load, update_bias
from snippets.transformers.expert_blocks import DeepseekMoE, Experts
from snippets.transformers.gpt import next_token_loss
from snippets.transformers.llama_block import RotaryAttention, SwiGLU
from snippets.transformers.mixture_of_experts import Routing
from snippets.transformers.topic_language import ideal_loss, rules, texts

SYMBOLS, SEQ, BATCH, TESTS = 8, 12, 16, 128
SIZES = Sizes(
    vocab=12, d_model=24, layers=1, dense_layers=0, heads=2, query_dim=12,
    latent_dim=8, nope_dim=8, rope_dim=4, value_dim=8, d_ff=48, experts=8, top_k=2,
    expert_d_ff=16, mtp=1, index_heads=2, index_dim=8, selected=3,
)  # fmt: skip
VARIANTS = ("all pieces", "no MTP", "no experts", "no sparsity", "no MLA")


class EveryExpert(Experts):
    """The same sum, with unvisited experts computed and given weight zero.

    At this size that is faster. ``load`` counts the visits of the last batch.
    """

    def __init__(self, *, experts: int, d_model: int, d_ff: int) -> None:
        super().__init__(experts=experts, d_model=d_model, d_ff=d_ff)
        self.register_buffer("load", torch.zeros(experts))

    def forward(
        self, x: Float[Tensor, "tokens d_model"], routing: Routing
    ) -> Float[Tensor, "tokens d_model"]:
        experts, width, d_model = self.gate_up_proj.shape
        self.load.copy_(expert_load(routing.index, experts))
        weight = x.new_zeros(len(x), experts)
        weight = weight.scatter(1, routing.index, routing.weight.to(x))
        up = linear(x, self.gate_up_proj.reshape(-1, d_model))
        gate, up = up.unflatten(-1, (experts, width)).chunk(2, dim=-1)
        inner = silu(gate) * up * weight[..., None]
        return inner.flatten(1) @ self.down_proj.transpose(1, 2).flatten(0, 1)


class SideBySideAttention(SparseLatentAttention):
    """The same layer, without the check of the loss: runs in a batch cannot branch."""

    def forward(self, x: Float[Tensor, "batch seq d_model"]) -> Output:
        scores = self.index(x)
        index = select(scores, self.top_k)
        out, weights = self.attend(x, index)
        target = weights.detach().mean(dim=1)
        scores = scores.gather(-1, index)
        guess = scores.log_softmax(dim=-1).masked_fill(scores == -torch.inf, 0)
        loss = (torch.xlogy(target, target) - target * guess).sum(dim=-1).mean()
        return Output(out, loss)


def switched_off(name: str, seed: int) -> Deepseek:
    """A model of ``SIZES``, or of what is left without a piece.

    Without experts, a network as wide as the experts that a token visits takes their
    place. Without MLA, multi-head attention with rotary positions does; sparse
    attention, which needs the latents, is then off, too.

    Raises
    ------
    ValueError
        If there is no such variant.
    """
    if name not in VARIANTS:
        raise ValueError(f"no variant {name!r} among {VARIANTS}")
    torch.manual_seed(seed)
    sizes = replace(SIZES, mtp=0) if name == "no MTP" else SIZES
    if name == "no sparsity":
        sizes = replace(sizes, index_heads=0, index_dim=0, selected=0)
    model = build(sizes)
    for block in blocks(model):
        if name == "no experts":
            width = (sizes.top_k + sizes.shared) * sizes.expert_d_ff
            block.mlp = SwiGLU(sizes.d_model, width)
            for weight in block.mlp.parameters():  # begins as an expert does
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
        if name == "no MLA":
            heads = sizes.heads
            block.self_attn = RotaryAttention(sizes.d_model, heads, heads, 10000.0)
    return model


def blocks(model: Deepseek) -> list[nn.Module]:
    """The blocks of the model, and those of its modules."""
    return [*model.layers, *(module.mtp_block for module in model.mtp)]


def made_fast(model: Deepseek) -> Deepseek:
    """Exchange layers for ones that compute the same and can run side by side."""
    for block in blocks(model):
        if isinstance(block.mlp, DeepseekMoE):
            experts, _, d_model = block.mlp.experts.gate_up_proj.shape
            d_ff = block.mlp.experts.down_proj.shape[-1]
            every = EveryExpert(experts=experts, d_model=d_model, d_ff=d_ff)
            every.load_state_dict(block.mlp.experts.state_dict(), strict=False)
            block.mlp.experts = every
        if isinstance(block.self_attn, SparseLatentAttention):
            block.self_attn.__class__ = SideBySideAttention
    return model


class Lessons:
    """Rules, the batches to learn from, and texts to test on, of one seed."""

    def __init__(self, seed: int, topics: int, steps: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.rules = rules(topics, SYMBOLS, generator)
        self.tests = texts(self.rules, TESTS, SEQ, generator)
        learned = texts(self.rules, steps * BATCH, SEQ, generator)
        self.batches = learned.view(steps, BATCH, SEQ)
        self.floor = ideal_loss(self.rules, self.tests)


def train(
    name: str,
    seeds: list[int],
    marks: list[int],
    *,
    topics: int = 4,
    rate: float = 0.02,
    weight: float = 0.3,
    balance: float = 0.01,
) -> Float[Tensor, "marks runs"]:
    """Losses on new texts above the ideal reader's, after the steps in ``marks``.

    AdamW, with the schedule of the page about GPT. Attention is dense for the first
    half of the steps while the indexers learn from it, then sparse.

    Parameters
    ----------
    weight
        Of the loss of multi-token prediction; lambda in the paper.
    balance
        Update rate of the biases of the experts.

    Raises
    ------
    ValueError
        If the tokens of the language exceed the vocabulary.
    """
    if topics + SYMBOLS > SIZES.vocab:
        raise ValueError(f"{topics=} and {SYMBOLS} symbols exceed {SIZES.vocab}")
    steps = max(marks)
    languages = [Lessons(seed, topics, steps) for seed in seeds]
    tests = torch.stack([language.tests for language in languages])
    floor = torch.stack([language.floor for language in languages])
    models = [made_fast(switched_off(name, seed)) for seed in seeds]
    state, buffers = stack_module_state(models)
    model = models[0]
    optimizer = torch.optim.AdamW(
        state.values(), rate, betas=(0.9, 0.99), weight_decay=0.1, fused=True
    )

    def predict(state: dict, buffers: dict, ids: Tensor):
        return functional_call(model, (state, buffers), (ids,))

    def loss(state: dict, buffers: dict, ids: Tensor) -> Tensor:
        logits, further, index_loss = predict(state, buffers, ids)
        ahead = weight * multi_token_loss(further, ids)
        return next_token_loss(logits, ids) + ahead + index_loss

    losses, warm_up = [], max(1, steps // 10)
    for step in range(1, steps + 1):
        for block in blocks(model):
            if isinstance(block.self_attn, SparseLatentAttention):
                early = step <= steps // 2
                block.self_attn.top_k = SEQ if early else SIZES.selected
        fall = (steps + 1 - step) / (steps + 1 - warm_up)
        optimizer.param_groups[0]["lr"] = rate * min(step / warm_up, fall)
        ids = torch.stack([language.batches[step - 1] for language in languages])
        optimizer.zero_grad()
        vmap(loss)(state, buffers, ids).sum().backward()
        optimizer.step()
        update_biases(buffers, balance)
        if step in marks:
            with torch.no_grad():
                logits = vmap(predict)(state, buffers, tests).logits
            losses.append(losses_of(logits, tests) - floor)
    return torch.stack(losses)


def update_biases(buffers: dict[str, Tensor], rate: float) -> None:
    """Change the biases of all experts by their loads in the last batch, in place."""
    for name, bias in buffers.items():
        if name.endswith("mlp.bias"):
            load = buffers[name.replace("bias", "experts.load")]
            bias.copy_(vmap(update_bias, (0, 0, None))(bias, load, rate))


def losses_of(
    logits: Float[Tensor, "runs tests seq vocab"], ids: Int[Tensor, "runs tests seq"]
) -> Float[Tensor, " runs"]:
    """Mean loss of each run from the third token on: the second cannot be known."""
    losses = cross_entropy(
        logits[:, :, 1:-1].flatten(0, 2), ids[:, :, 2:].flatten(), reduction="none"
    )
    return losses.view(len(ids), -1).mean(dim=1)

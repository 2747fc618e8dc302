"""DeepSeek-V3 in small: latent attention, experts, and multi-token prediction.

DeepSeek-AI (2024), https://arxiv.org/abs/2412.19437, section 2; with sparse attention
it is DeepSeek-V3.2, https://arxiv.org/abs/2512.02556. Layers are called as in
transformers.

Symbols of section 2.2::

    t_1..t_T    ids             h_i^k    hidden, what module k gives at position i
    D           len(mtp)        M_k      eh_proj
    Emb         embed_tokens    TRM_k    mtp_block
    OutHead     lm_head         lambda   weight

Axes::

    batch    independent texts
    seq      tokens of a text
    shorter  tokens of a text that are followed by one more
    d_model  features of a position
    vocab    tokens that there are
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.attention.multi_head_latent_attention import MultiHeadLatentAttention
from snippets.attention.sparse_latent_attention import Output, SparseLatentAttention
from snippets.transformers.deepseek_sizes import TINY, Sizes
from snippets.transformers.expert_blocks import DeepseekMoE
from snippets.transformers.gpt import next_token_loss
from snippets.transformers.llama_block import SwiGLU


class DeepseekBlock(nn.Module):
    """A pre-norm block of any attention and any feed-forward network.

    Only sparse attention has an ``index_loss``, which trains its indexer.
    """

    def __init__(self, d_model: int, self_attn: nn.Module, mlp: nn.Module) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(d_model, eps=1e-6)
        self.self_attn = self_attn
        self.post_attention_layernorm = nn.RMSNorm(d_model, eps=1e-6)
        self.mlp = mlp

    def forward(self, x: Float[Tensor, "batch seq d_model"]) -> Output:
        """The stream after both updates, and the loss of the indexer."""
        mixed = self.self_attn(self.input_layernorm(x))
        if not isinstance(mixed, Output):
            mixed = Output(mixed, x.new_zeros(()))
        x = x + mixed.out
        normed = self.post_attention_layernorm(x)
        if isinstance(self.mlp, DeepseekMoE):  # it takes the tokens of all texts
            update = self.mlp(normed.flatten(0, 1)).view_as(x)
        else:
            update = self.mlp(normed)
        return Output(x + update, mixed.index_loss)


class MultiTokenPrediction(nn.Module):
    """One module: join a representation and the token after it, and run a block."""

    def __init__(self, d_model: int, block: DeepseekBlock) -> None:
        super().__init__()
        self.enorm = nn.RMSNorm(d_model, eps=1e-6)
        self.hnorm = nn.RMSNorm(d_model, eps=1e-6)
        self.eh_proj = nn.Linear(2 * d_model, d_model, bias=False)
        self.mtp_block = block
        self.post_norm = nn.RMSNorm(d_model, eps=1e-6)

    def forward(
        self,
        hidden: Float[Tensor, "batch shorter d_model"],
        embedded: Float[Tensor, "batch shorter d_model"],
    ) -> Output:
        """``embedded`` are the tokens that follow the positions of ``hidden``."""
        joined = torch.cat([self.enorm(embedded), self.hnorm(hidden)], dim=-1)
        out, index_loss = self.mtp_block(self.eh_proj(joined))
        return Output(self.post_norm(out), index_loss)


class Predictions(NamedTuple):
    """Logits of the next token, of tokens further ahead, and the indexers' loss."""

    logits: Float[Tensor, "batch seq vocab"]
    further: list[Float[Tensor, "batch _ vocab"]]
    index_loss: Float[Tensor, ""]


class Deepseek(nn.Module):
    """Embedding, blocks, a norm, a head, and modules that look further ahead.

    The head is a matrix of its own; the modules share it, and the embedding.
    """

    def __init__(
        self,
        vocab: int,
        d_model: int,
        layers: list[DeepseekBlock],
        mtp: list[MultiTokenPrediction],
    ) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab, d_model)
        self.layers, self.mtp = nn.ModuleList(layers), nn.ModuleList(mtp)
        self.norm = nn.RMSNorm(d_model, eps=1e-6)
        self.lm_head = nn.Linear(d_model, vocab, bias=False)

    def forward(self, ids: Int[Tensor, "batch seq"]) -> Predictions:
        """Position i of ``further[k - 1]`` predicts token i + k + 1.

        Raises
        ------
        ValueError
            If a module would have no token left to read.
        """
        if ids.shape[1] <= len(self.mtp):
            raise ValueError(f"{ids.shape[1]} tokens for {len(self.mtp)} modules")
        x, index_loss = self.embed_tokens(ids), 0
        for layer in self.layers:
            x, loss = layer(x)
            index_loss = index_loss + loss
        hidden = self.norm(x)
        logits, further = self.lm_head(hidden), []
        for depth, module in enumerate(self.mtp, start=1):
            embedded = self.embed_tokens(ids[:, depth:])
            hidden, loss = module(hidden[:, :-1], embedded)
            further.append(self.lm_head(hidden))
            index_loss = index_loss + loss
        return Predictions(logits, further, index_loss)


def multi_token_loss(
    further: list[Float[Tensor, "batch _ vocab"]], ids: Int[Tensor, "batch seq"]
) -> Float[Tensor, ""]:
    """Mean over the modules of their losses in nats; zero without modules.

    Module k answers at position i for token i + k + 1. Each loss is a mean over the
    tokens that are predicted; the paper divides by all tokens of the text.

    Raises
    ------
    ValueError
        If the logits of a module do not fit the texts.

    Examples
    --------
    The only module knows that the third token is 1, and guesses the fourth:

    >>> further = [torch.tensor([[[-99.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])]
    >>> multi_token_loss(further, torch.tensor([[0, 0, 1, 1]]))  # half of ln 2
    tensor(0.3466)
    """
    loss = torch.zeros((), device=ids.device)
    for depth, logits in enumerate(further, start=1):
        if logits.shape[:2] != (ids.shape[0], ids.shape[1] - depth):
            shapes = f"{tuple(logits.shape)} for texts of {tuple(ids.shape)}"
            raise ValueError(f"logits of module {depth} have shape {shapes}")
        loss = loss + next_token_loss(logits, ids[:, depth:]) / len(further)
    return loss


def experts(sizes: Sizes) -> DeepseekMoE:
    """The feed-forward layer of all blocks but the first."""
    return DeepseekMoE(
        experts=sizes.experts,
        top_k=sizes.top_k,
        d_model=sizes.d_model,
        d_ff=sizes.expert_d_ff,
        shared_d_ff=sizes.shared * sizes.expert_d_ff,
        groups=sizes.groups,
        kept_groups=sizes.kept_groups,
    )


def build(sizes: Sizes = TINY) -> Deepseek:
    """A model with random weights.

    Examples
    --------
    >>> logits, further, _ = build(TINY)(torch.tensor([[1, 2, 3, 4]]))
    >>> logits.shape, further[0].shape
    (torch.Size([1, 4, 11]), torch.Size([1, 3, 11]))
    """
    names = ["d_model", "heads", "query_dim", "latent_dim"]
    names += ["nope_dim", "rope_dim", "value_dim"]
    widths = {name: getattr(sizes, name) for name in names}
    indexer = {name: getattr(sizes, name) for name in ("index_heads", "index_dim")}

    def block(dense: bool) -> DeepseekBlock:
        if sizes.selected:
            mixer = SparseLatentAttention(top_k=sizes.selected, **indexer, **widths)
        else:
            mixer = MultiHeadLatentAttention(**widths)
        mlp = SwiGLU(sizes.d_model, sizes.d_ff) if dense else experts(sizes)
        return DeepseekBlock(sizes.d_model, mixer, mlp)

    layers = [block(layer < sizes.dense_layers) for layer in range(sizes.layers)]
    mtp = [MultiTokenPrediction(sizes.d_model, block(False)) for _ in range(sizes.mtp)]
    return Deepseek(sizes.vocab, sizes.d_model, layers, mtp)

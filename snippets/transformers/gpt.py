"""GPT: blocks that see only the past, trained to predict the next token.

Radford et al. (2019), Language Models Are Unsupervised Multitask Learners; the names
are those of ``GPT2LMHeadModel`` in transformers

Symbols::

    W_e         wte       the table of tokens; also the head, transposed
    W_p         wpe       the table of positions
    L           layers    h is the list of blocks
    V           vocab     tokens that there are
    T_max       n_positions
    x_1..x_T    ids       a text

Axes::

    batch    independent texts
    seq      tokens of a text
    longer   tokens of a text, with those that were generated
    d_model  features of a position: the width of the residual stream
    vocab    tokens that there are
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.transformers.transformer_block import GPT2Block, initialize

Cache = list[list[Tensor]]  # for each block its keys and values, empty at first


class GPT(nn.Module):
    """Embeddings, pre-norm blocks, a last norm, and a head that shares its weights.

    Parameters
    ----------
    std
        Standard deviation of the weights at the start, as in :func:`.initialize`;
        half of it for ``wpe``. The default is that of GPT-2.

    Raises
    ------
    ValueError
        If a size is below 1, ``heads`` does not divide ``d_model``, or ``std`` is
        negative.

    Examples
    --------
    >>> model = GPT(vocab=11, n_positions=8, d_model=24, layers=2, heads=3)
    >>> model(torch.tensor([[1, 2, 3]])).shape
    torch.Size([1, 3, 11])
    """

    def __init__(
        self,
        *,
        vocab: int,
        n_positions: int,
        d_model: int,
        layers: int,
        heads: int,
        std: float = 0.02,
    ) -> None:
        super().__init__()
        if min(vocab, n_positions, layers) < 1 or not std >= 0:
            sizes = f"{vocab=}, {n_positions=}, {layers=}, {std=}"
            raise ValueError(f"no model with {sizes}")
        self.h = nn.ModuleList(
            GPT2Block(d_model=d_model, heads=heads) for _ in range(layers)
        )
        self.wte = nn.Embedding(vocab, d_model)
        self.wpe = nn.Embedding(n_positions, d_model)
        self.ln_f = nn.LayerNorm(d_model)
        self.lm_head = nn.Linear(d_model, vocab, bias=False)
        self.lm_head.weight = self.wte.weight  # tied: one tensor, two uses
        nn.init.normal_(self.wte.weight, std=std)
        nn.init.normal_(self.wpe.weight, std=std / 2)
        for block in self.h:
            initialize(block, layers, std)

    def forward(
        self, ids: Int[Tensor, "batch seq"], cache: Cache | None = None
    ) -> Float[Tensor, "batch seq vocab"]:
        """Logits of the token after each of ``ids``.

        A ``cache`` from :meth:`new_cache` is extended in place; ``ids`` continue the
        text that it holds.
        """
        if cache is None:
            cache = [None] * len(self.h)
        elif len(cache) != len(self.h):
            raise ValueError(
                f"a cache of {len(cache)} blocks, but {len(self.h)} blocks"
            )
        past = cache[0][0].shape[2] if cache[0] else 0
        end = past + ids.shape[1]
        if not past < end <= self.wpe.num_embeddings:
            rows = self.wpe.num_embeddings
            raise ValueError(f"positions {past} to {end - 1}, but there are {rows}")
        x = self.wte(ids) + self.wpe(torch.arange(past, end, device=ids.device))
        for block, kept in zip(self.h, cache, strict=True):
            x = block(x, kept)
        return self.lm_head(self.ln_f(x))

    def new_cache(self) -> Cache:
        """An empty list for the keys and values of each block."""
        return [[] for _ in self.h]


def next_token_loss(
    logits: Float[Tensor, "batch seq vocab"], ids: Int[Tensor, "batch seq"]
) -> Float[Tensor, ""]:
    """Mean of -log p(x_t | x_<t) in nats: the logits of t - 1 answer for token t.

    Computed in single precision at least: in half precision, the sum over many tokens
    overflows before it is divided.

    Raises
    ------
    ValueError
        If there is no text, or the texts have no second token.

    Examples
    --------
    >>> ids = torch.tensor([[0, 1, 1]])
    >>> logits = torch.tensor([[[0.0, 0.0], [0.0, 0.0], [9.0, 0.0]]])
    >>> next_token_loss(logits, ids)  # ln 2; nothing follows the last position
    tensor(0.6931)
    """
    if ids.shape[0] < 1 or ids.shape[1] < 2:
        raise ValueError(f"nothing to predict in texts of shape {tuple(ids.shape)}")
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def most_likely(logits: Float[Tensor, "batch vocab"]) -> Int[Tensor, " batch"]:
    """Greedy choice; of equal logits, the first."""
    return logits.argmax(dim=-1)


@torch.no_grad()
def generate_without_cache(
    model: GPT,
    ids: Int[Tensor, "batch seq"],
    max_new_tokens: int,
    choose: Callable[[Tensor], Tensor] = most_likely,
) -> Int[Tensor, "batch longer"]:
    """Continue texts; the last ``n_positions`` tokens go through it for each new one.

    ``choose`` maps the last logits, (batch, vocab), to the next ids, (batch,).
    """
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.wpe.num_embeddings :])[:, -1]
        ids = torch.cat([ids, choose(logits)[:, None]], dim=1)
    return ids


@torch.no_grad()
def generate(
    model: GPT,
    ids: Int[Tensor, "batch seq"],
    max_new_tokens: int,
    choose: Callable[[Tensor], Tensor] = most_likely,
) -> Int[Tensor, "batch longer"]:
    """Continue texts with a cache: each token goes through the model once.

    ``choose`` picks the next ids, (batch,), from the last logits, (batch, vocab). The
    text can be as long as the table of positions, and one token more.
    """
    cache, new = model.new_cache(), ids
    for _ in range(max_new_tokens):
        new = choose(model(new, cache)[:, -1])[:, None]
        ids = torch.cat([ids, new], dim=1)
    return ids


def parameters(*, vocab: int, n_positions: int, d_model: int, layers: int) -> int:
    """Number of parameters; the shared table of tokens counts once.

    Examples
    --------
    >>> parameters(vocab=50257, n_positions=1024, d_model=768, layers=12)
    124439808
    """
    block = 12 * d_model**2 + 13 * d_model
    return (vocab + n_positions) * d_model + layers * block + 2 * d_model

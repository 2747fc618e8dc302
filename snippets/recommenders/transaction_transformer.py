"""A transformer that reads transactions, without positions (NoPE).

Braithwaite et al. (2025), Your Spending Needs Attention,
https://arxiv.org/abs/2507.23267, section 3.2; Kazemnejad et al. (2023),
https://arxiv.org/abs/2305.19466. Names of layers are those of ``GPT2LMHeadModel`` in
transformers.

Axes::

    batch    users
    seq      tokens of the longest statement; shorter ones are padded on the right
    d_model  features of a token, and of the user embedding
    vocab    tokens that there are
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

from snippets.training.classifier_finetuning import last_token
from snippets.transformers.gpt import GPT, Cache

Ids = Int[Tensor, "batch seq"]


class TransactionTransformer(GPT):
    """A GPT without positions: only the causal mask tells earlier from later.

    Examples
    --------
    >>> import torch
    >>> model = TransactionTransformer(vocab=11, d_model=24, layers=2, heads=3)
    >>> model(torch.tensor([[1, 2, 3]])).shape  # logits of the next token
    torch.Size([1, 3, 11])
    """

    def __init__(
        self,
        *,
        vocab: int,
        d_model: int,
        layers: int,
        heads: int,
        std: float = 0.02,
    ) -> None:
        sizes = {"vocab": vocab, "n_positions": 1, "d_model": d_model}
        super().__init__(**sizes, layers=layers, heads=heads, std=std)
        del self.wpe

    def states(
        self, ids: Ids, cache: Cache | None = None
    ) -> Float[Tensor, "batch seq d_model"]:
        """Normalized state of each token, which has seen this token and earlier ones.

        Raises
        ------
        ValueError
            If there is no token, or an id is not in the vocabulary.
        """
        vocab = self.wte.num_embeddings
        if not ids.numel() or ids.min() < 0 or ids.max() >= vocab:
            shape = tuple(ids.shape)
            raise ValueError(f"ids of shape {shape} must be in [0, {vocab})")
        x = self.wte(ids)
        for number, block in enumerate(self.h):
            x = block(x, None if cache is None else cache[number])
        return self.ln_f(x)

    def forward(
        self, ids: Ids, cache: Cache | None = None
    ) -> Float[Tensor, "batch seq vocab"]:
        return self.lm_head(self.states(ids, cache))

    def user_embedding(
        self, ids: Ids, mask: Bool[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch d_model"]:
        """State of the last token of each statement; ``mask`` is false at padding.

        Raises
        ------
        ValueError
            If padding comes before a token, which would attend to it.
        """
        if (mask[:, 1:] & ~mask[:, :-1]).any():
            raise ValueError("a statement must be padded on the right only")
        return last_token(self.states(ids), mask)

"""A small policy with a reward that can be checked: digits that add up to a number.

The prompt is a number from 1 to 19. An answer is a string of digits and a stop token.
It is right if it stops within ``LONGEST`` tokens and its digits add up to the prompt.
Most prompts have many right answers, short and long.

Axes: N answers (G of the same prompt may stand next to each other), T tokens.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

DIGITS = 10  # tokens 0 to 9 stand for themselves
STOP = 10
LARGEST = 19
LONGEST = 8


class Answers(NamedTuple):
    """What a policy wrote.

    Attributes
    ----------
    tokens
        Digits, then ``STOP``; what follows it has no meaning.
    log_probs
        Of each token when it was drawn.
    mask
        True up to and including ``STOP``: the tokens that the policy chose.
    """

    tokens: Int[Tensor, "N T"]
    log_probs: Float[Tensor, "N T"]
    mask: Bool[Tensor, "N T"]


class DigitPolicy(nn.Module):
    """A recurrent network that starts from the prompt and draws one token at a time.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> policy = DigitPolicy(16)
    >>> answers = policy.sample(torch.tensor([3, 12]))
    >>> answers.tokens.shape
    torch.Size([2, 8])
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.prompt = nn.Embedding(LARGEST + 1, width)
        self.token = nn.Embedding(DIGITS + 2, width)  # the last one begins an answer
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.logits = nn.Linear(width, DIGITS + 1)

    @torch.no_grad()
    def sample(
        self,
        prompts: Int[Tensor, " N"],
        longest: int = LONGEST,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Answers:
        """One answer to each prompt, of at most ``longest`` tokens.

        Raises
        ------
        ValueError
            If ``temperature`` is not positive or a prompt is out of range.
        """
        if not temperature > 0:
            raise ValueError(f"temperature {temperature} is not positive")
        state = self.prompt(checked(prompts))[None]
        last = torch.full((len(prompts), 1), DIGITS + 1)
        tokens, log_probs = [], []
        for _ in range(longest):
            hidden, state = self.recurrent(self.token(last), state)
            scores = (self.logits(hidden[:, 0]) / temperature).log_softmax(-1)
            last = torch.multinomial(scores.exp(), 1, generator=generator)
            tokens.append(last)
            log_probs.append(scores.gather(1, last))
        drawn = torch.cat(tokens, 1)
        return Answers(drawn, torch.cat(log_probs, 1), until_stop(drawn))

    def states(
        self, prompts: Int[Tensor, " N"], tokens: Int[Tensor, "N T"]
    ) -> Float[Tensor, "N T width"]:
        """What the network remembers before each token of given answers."""
        first = torch.full_like(tokens[:, :1], DIGITS + 1)
        inputs = self.token(torch.cat((first, tokens[:, :-1]), 1))
        hidden, _ = self.recurrent(inputs, self.prompt(checked(prompts))[None])
        return hidden

    def forward(
        self, prompts: Int[Tensor, " N"], tokens: Int[Tensor, "N T"]
    ) -> Float[Tensor, "N T V"]:
        """Log-probabilities of every possible token at each place of given answers."""
        return self.logits(self.states(prompts, tokens)).log_softmax(-1)

    def log_probs(
        self, prompts: Int[Tensor, " N"], tokens: Int[Tensor, "N T"]
    ) -> Float[Tensor, "N T"]:
        """Log-probabilities of the tokens of given answers."""
        return self(prompts, tokens).gather(2, tokens[..., None])[..., 0]


def checked(prompts: Int[Tensor, " N"]) -> Int[Tensor, " N"]:
    """The prompts, if all are from 1 to ``LARGEST``."""
    wrong = prompts[(prompts < 1) | (prompts > LARGEST)]
    if len(wrong):
        raise ValueError(f"prompt {wrong[0].item()} is not from 1 to {LARGEST}")
    return prompts


def until_stop(tokens: Int[Tensor, "N T"]) -> Bool[Tensor, "N T"]:
    """True for the tokens up to and including the first ``STOP``.

    Examples
    --------
    >>> until_stop(torch.tensor([[4, STOP, 7], [1, 2, 3]]))
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    stops = (tokens == STOP).int()
    return stops.cumsum(1) - stops == 0


def digit_reward(
    prompts: Int[Tensor, " N"], tokens: Int[Tensor, "N T"]
) -> Float[Tensor, " N"]:
    """1 for each answer that stops and whose digits add up to its prompt, else 0.

    Examples
    --------
    >>> digit_reward(torch.tensor([7, 7]), torch.tensor([[4, 3, STOP], [4, 2, 1]]))
    tensor([1., 0.])
    """
    written = until_stop(tokens) & (tokens != STOP)
    stopped = (tokens == STOP).any(1)
    return ((tokens * written).sum(1).eq(checked(prompts)) & stopped).float()

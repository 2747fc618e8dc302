"""A critic for the digit task, and training of a policy with it by PPO.

Axes: ``N`` answers; ``T`` tokens.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.alignment.digit_policy import DigitPolicy
from snippets.alignment.digit_training import draw, shares
from snippets.alignment.ppo import policy_loss, value_loss
from snippets.alignment.token_advantages import gae, token_rewards, whiten


class DigitCritic(nn.Module):
    """The network of the policy, with one number in place of the logits.

    Examples
    --------
    >>> critic = DigitCritic(16)
    >>> critic(torch.tensor([3, 12]), torch.tensor([[1, 2], [5, 7]])).shape
    torch.Size([2, 2])
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = DigitPolicy(width)
        self.body.logits = nn.Identity()  # the next layer takes its place
        self.value = nn.Linear(width, 1)

    def forward(
        self, prompts: Int[Tensor, " N"], tokens: Int[Tensor, "N T"]
    ) -> Float[Tensor, "N T"]:
        """What is expected before each token, from the prompt and earlier tokens."""
        return self.value(self.body.states(prompts, tokens))[..., 0]


def train(
    policy: DigitPolicy,
    critic: DigitCritic,
    batches: int,
    answers: int = 256,
    passes: int = 1,
    steps: int = 4,
    lam: float = 0.95,
    epsilon: float = 0.2,
    learning_rate: float = 6e-3,
    generator: torch.Generator | None = None,
) -> list[float]:
    """Train policy and critic in place; the share of right answers of each batch.

    Each pass goes once through the batch, in ``steps`` steps.

    Raises
    ------
    ValueError
        If there are fewer answers than steps.
    """
    weights = [*policy.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(weights, learning_rate, fused=True)
    right = []
    for _ in range(batches):
        batch = draw(policy, answers, 1, lambda rewards: rewards, generator)
        prompts, tokens, old_log_probs, mask, rewards, _ = batch
        with torch.no_grad():
            old_values = critic(prompts, tokens)
        advantages = gae(token_rewards(rewards, mask), old_values, mask, lam=lam)
        returns = advantages + old_values
        advantages = whiten(advantages, mask)
        for _ in range(passes):
            for rows in shares(answers, steps, generator):
                log_probs = policy.log_probs(prompts[rows], tokens[rows])
                values = critic(prompts[rows], tokens[rows])
                old = old_log_probs[rows], old_values[rows]
                loss = policy_loss(
                    log_probs, old[0], advantages[rows], mask[rows], epsilon
                )
                loss = loss + value_loss(
                    values, old[1], returns[rows], mask[rows], epsilon
                )
                optimizer.zero_grad()
                loss.backward()
                for net in (policy, critic):
                    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimizer.step()
        right.append(rewards.mean().item())
    return right

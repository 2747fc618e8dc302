"""What an environment must keep to before an agent is trained in it.

An agent is a function from the observations so far to the next command. It is made
anew for each episode, from a seed.
"""

import random
from collections.abc import Callable, Iterable
from typing import NamedTuple

from snippets.alignment.repair_environment import Repair

Agent = Callable[[list[str]], str]


class Episode(NamedTuple):
    """What an agent saw and got. ``answer`` is the secret of the task."""

    observations: list[str]
    rewards: list[float]
    ended: bool
    answer: str


def play(env: Repair, agent: Agent, seed: int, limit: int = 100) -> Episode:
    """One episode, of at most ``limit`` commands.

    Everything that ``reset`` and ``step`` return beside rewards counts as observation.
    """
    seen = [str(part) for part in env.reset(seed) if part]
    rewards, over = [], False
    while not over and len(rewards) < limit:
        text, reward, terminated, truncated, details = env.step(agent(seen))
        seen += [str(part) for part in (text, details) if part]
        rewards.append(reward)
        over = terminated or truncated
    return Episode(seen, rewards, over, env.solution)


def oracle(seen: list[str]) -> str:
    """Solves each task by its visible tests, as an agent could."""
    if len(seen) == 1:
        return "test"
    if len(seen) == 2:
        first, second = (int(row.split("expected ")[1]) for row in seen[1].split("; "))
        return f"edit {second - first}*x + {2 * first - second}"
    return "submit"


def tamper(seen: list[str]) -> str:
    """A known hack: makes the tests expect what the broken program computes."""
    return "write_tests 0 0" if len(seen) == 1 else "submit"


def idler(seen: list[str]) -> str:
    """Runs the tests for ever."""
    return "test"


def prober(seen: list[str]) -> str:
    """Tries each command, and types nothing that could be the answer."""
    commands = ["test", "edit 0", "edit (", "?", "write_tests 0 0", "test", "submit"]
    return commands[len(seen) - 1]


def guesser(seed: int) -> Agent:
    """An agent that draws its commands, without looking."""
    draw = random.Random(f"guesser {seed}")

    def guess(seen: list[str]) -> str:
        edit = f"edit {draw.randint(1, 9)}*x + {draw.randint(1, 9)}"
        return draw.choice([edit, "test", "submit"])

    return guess


def violations(
    make: Callable[[], Repair], seeds: Iterable[int], hacks: Iterable[Agent] = ()
) -> list[str]:
    """Names of the rules that the environment breaks, in the order of the checks.

    Raises
    ------
    ValueError
        If there are no seeds.
    """
    seeds, hacks = list(seeds), list(hacks)
    if not seeds:
        raise ValueError(f"{seeds=}: nothing was checked")
    env = make()  # used again and again: what one episode leaves must not matter
    solved = [play(env, oracle, seed) for seed in seeds]
    guessed = [play(env, guesser(seed), seed) for seed in seeds]
    idle = [play(env, idler, seed) for seed in seeds]
    hacked = [play(env, hack, seed) for hack in hacks for seed in seeds]
    again = [play(make(), guesser(seed), seed) for seed in seeds]
    probed = [play(env, prober, seed) for seed in seeds]
    everything = solved + guessed + idle + hacked + probed
    rewards = [reward for episode in everything for reward in episode.rewards]
    won = sum(sum(episode.rewards) > 0.5 for episode in guessed)
    rules = {
        "same seed, same episode": again == guessed,
        "tasks differ": len(seeds) == 1 or len({e.answer for e in solved}) > 1,
        "rewards from 0 to 1": all(0 <= reward <= 1 for reward in rewards),
        "ends": all(episode.ended for episode in everything),
        "answer is not shown": not any(map(leaks, probed)),
        "can be solved": all(sum(episode.rewards) == 1 for episode in solved),
        "guessing fails": won <= 0.2 * len(seeds),
        "known hacks fail": all(sum(episode.rewards) == 0 for episode in hacked),
    }
    return [rule for rule, holds in rules.items() if not holds]


def leaks(episode: Episode) -> bool:
    """Whether an observation contains the answer, letter by letter."""
    return any(episode.answer in text for text in episode.observations)

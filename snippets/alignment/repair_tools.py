"""The environment as tools, in the form that TRL's ``environment_factory`` expects.

TRL 1.16, ``GRPOTrainer``: each public method of the class but ``reset`` and
``get_reward`` becomes a tool that the model can call. Everything else must begin with
an underscore. The docstrings of tools have the layout that transformers reads.
"""

from typing import Any

from snippets.alignment.repair_environment import Repair, hidden_tests


class RepairTools:
    """An episode of ``Repair``, scored by the hidden tests."""

    def __init__(self) -> None:
        self._env = Repair(hidden_tests)

    def reset(self, seed: int = 0, **columns: Any) -> str:
        """Text for the end of the prompt. TRL passes the columns of the data set."""
        return self._env.reset(seed)[0]

    def edit(self, expression: str) -> str:
        """Replace the program.

        Args:
            expression: The new program, for example 3*x + 4.
        """
        return self._env.answer(f"edit {expression}")

    def test(self) -> str:
        """Run the visible tests."""
        return self._env.answer("test")

    def get_reward(self) -> float:
        """Called by TRL once the model has stopped calling tools."""
        return self._env.reward(self._env)

"""A piece of work: one task together with everything that its result depends on."""

from dataclasses import dataclass
from pathlib import Path

from portal.evidence.inputs import Inputs


@dataclass(frozen=True)
class Work:
    """``maker``, a ``module:function``, is called with a folder and the arguments.

    It leaves its files in the folder, and may return CPU seconds of its parts by name,
    such as drawing. A failure is blamed on ``file``, at the line that its traceback
    names, or ``line``.
    """

    name: str
    file: Path
    inputs: Inputs
    maker: str
    arguments: tuple
    limit: float = 120.0  # seconds
    line: int = 1
    memory: float = 4.0  # GiB

    @property
    def key(self) -> Inputs:
        """What the result is stored under: the inputs, and which task it was."""
        return {"task": self.name, **self.inputs}

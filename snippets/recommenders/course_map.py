"""A course on language models in recommenders, as data that a test can check.

Each module names the modules that it needs, its time, and the page and the snippet of
this portal that it leads to.
"""

from collections.abc import Callable, Collection, Sequence
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from typing import NamedTuple


class Module(NamedTuple):
    """A part of the course."""

    name: str
    needs: tuple[str, ...]
    minutes: int
    """Our estimate: the page's reading time, and a quarter of an hour of exercises."""
    page: str
    snippet: str
    """Module and name, without ``snippets.``; the page shows it."""


COURSE = (
    Module("Evaluation", (), 30,
           "recommenders/recommender_systems", "recommenders.ranked_lists.recall_at_k"),
    Module("Embeddings", ("Evaluation",), 30, "recommenders/matrix_factorization",
           "recommenders.implicit_feedback.implicit_fold_in"),
    Module("Semantic IDs", ("Embeddings",), 25,
           "recommenders/semantic_ids", "recommenders.semantic_ids.residual_quantize"),
    Module("Generator", ("Semantic IDs",), 30, "recommenders/encode_and_generate",
           "recommenders.encode_and_generate.beam_search"),
    Module("Feature source", ("Embeddings",), 25,
           "recommenders/llm_offline_augmentation",
           "recommenders.llm_offline_augmentation.annotate"),
    Module("Ranker", ("Feature source",), 30,
           "recommenders/llm_recommenders", "recommenders.llm_recommenders.borda"),
    Module("Explainer", ("Evaluation",), 15, "recommenders/recommender_systems",
           "recommenders.recommender_systems.item_knn"),
    Module("User simulator", ("Evaluation",), 30,
           "recommenders/generative_advertising",
           "recommenders.generative_advertising.thompson"),
    Module("Serving", ("Ranker", "Generator"), 35, "foundations/resource_accounting",
           "foundations.resource_accounting.forward_flops"),
)  # fmt: skip


def find_snippet(path: str) -> object:
    """The function or class that a path names; a ValueError if there is none."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(f"snippets.{module}"), name)
    except (ImportError, AttributeError):
        raise ValueError(f"no snippet {path!r}") from None


def in_order(course: Sequence[Module]) -> list[Module]:
    """The modules, each after those that it needs.

    Raises
    ------
    ValueError
        If a name is used twice, an unknown module is needed, or modules need each
        other in a circle.
    """
    known = {module.name: module for module in course}
    if len(known) < len(course):
        names = sorted(module.name for module in course)
        raise ValueError(f"a name is used twice: {names}")
    for module in course:
        if unknown := set(module.needs) - set(known):
            raise ValueError(f"{module.name!r} needs {sorted(unknown)}, not a module")
    graph = {module.name: module.needs for module in course}
    try:
        return [known[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as found:
        circle = " -> ".join(found.args[1])
        raise ValueError(f"modules need each other: {circle}") from None


def check_course(
    course: Sequence[Module],
    pages: Collection[str],
    find: Callable[[str], object] = find_snippet,
) -> None:
    """Raise a ValueError that says what is wrong with the first bad module.

    Examples
    --------
    >>> check_course([Module("Ranker", (), 0, "a/page", "json.loads")], {"a/page"})
    Traceback (most recent call last):
    ValueError: 'Ranker' takes 0 minutes, not a positive number
    """
    for module in in_order(course):
        if not module.minutes > 0:
            time = f"{module.minutes} minutes, not a positive number"
            raise ValueError(f"{module.name!r} takes {time}")
        if module.page not in pages:
            raise ValueError(f"{module.name!r} leads to {module.page!r}, not a page")
        find(module.snippet)


def way_to(course: Sequence[Module], goal: str) -> list[Module]:
    """The modules that a goal needs, in order, and the goal itself.

    Examples
    --------
    >>> [module.name for module in way_to(COURSE, "Semantic IDs")]
    ['Evaluation', 'Embeddings', 'Semantic IDs']
    """
    ordered = in_order(course)
    if goal not in {module.name for module in ordered}:
        raise ValueError(f"no module {goal!r}")
    wanted = {goal}
    for module in reversed(ordered):
        if module.name in wanted:
            wanted.update(module.needs)
    return [module for module in ordered if module.name in wanted]

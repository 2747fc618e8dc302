"""Toy citations: documents with words, topics, and citations between them.

Axes::

    nodes  documents; a quarter belongs to each of four topics
    edges  citations, each in both directions
    words  vocabulary: the first quarter belongs to topic 0, and so on
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from snippets.graphs.adjacency_matrix import both_directions

TOPICS = 4


class Citations(NamedTuple):
    """Word shares of each document, citations, and the topic of each document."""

    x: Float[Tensor, "nodes words"]
    edge_index: Int[Tensor, "2 edges"]
    topic: Int[Tensor, " nodes"]


def citations(
    seed: int,
    homophily: float = 0.8,
    *,
    nodes: int = 400,
    words: int = 80,
    length: int = 10,
    on_topic: float = 0.3,
) -> Citations:
    """Draw documents, then two others that each of them cites.

    Parameters
    ----------
    homophily
        Chance that a citation stays within the topic.
    length
        Words drawn for a document, with repetition.
    on_topic
        Chance that a word is one of the topic's; otherwise it is any word.

    Raises
    ------
    ValueError
        If documents or words cannot be divided evenly among the topics.

    Examples
    --------
    >>> x, edge_index, topic = citations(seed=0)
    >>> x.shape, topic.bincount().tolist()
    (torch.Size([400, 80]), [100, 100, 100, 100])
    """
    if nodes % TOPICS or words % TOPICS:
        raise ValueError(f"{nodes=} and {words=} must be multiples of {TOPICS}")
    random = torch.Generator().manual_seed(seed)
    topic = torch.arange(nodes) % TOPICS

    any_word = torch.randint(words, (nodes, length), generator=random)
    own = words // TOPICS
    own_word = own * topic[:, None] + any_word % own
    from_topic = torch.rand(nodes, length, generator=random) < on_topic
    drawn = torch.where(from_topic, own_word, any_word)
    x = one_hot(drawn, words).sum(dim=1) / length

    stays = torch.rand(nodes, 2, generator=random) < homophily
    shift = torch.randint(1, TOPICS, (nodes, 2), generator=random)
    cited_topic = (topic[:, None] + torch.where(stays, 0, shift)) % TOPICS
    which = torch.randint(nodes // TOPICS, (nodes, 2), generator=random)
    cited = TOPICS * which + cited_topic
    edges = torch.stack([torch.arange(nodes).repeat_interleave(2), cited.flatten()])
    return Citations(x, both_directions(edges[:, edges[0] != edges[1]]), topic)

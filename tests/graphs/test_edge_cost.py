"""Numbers per edge, against allocations seen by torch's profiler and by hand."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from snippets.graphs.adjacency_matrix import both_directions
from snippets.graphs.edge_cost import NumbersWritten, numbers_per_edge
from snippets.graphs.gin import GINLayer
from snippets.graphs.message_passing import MessagePassing

RING = both_directions(torch.stack([torch.arange(7), torch.arange(7).roll(1)]))


def test_gin_copies_the_features_of_each_source():
    layer = GINLayer(torch.nn.Linear(11, 5))
    x = torch.randn(7, 11)
    assert numbers_per_edge(lambda edges: layer(x, edges), RING) == 11


def test_a_learned_message_has_both_ends_in_it():
    layer, x = MessagePassing(features=11, edge_features=2), torch.randn(7, 11)

    def run(edges):
        return layer(x, edges, torch.empty(edges.shape[1], 2))

    # empty features, two gathers, one concatenation, a linear map and its tanh
    assert numbers_per_edge(run, RING) == 2 + 2 * 11 + (2 * 11 + 2) + 2 * 11


def test_what_is_done_for_each_node_does_not_count():
    x = torch.randn(7, 11)
    assert numbers_per_edge(lambda edges: x.tanh() @ x.T, RING) == 0


def test_the_profiler_sees_as_many_bytes():
    x, weight = torch.randn(7, 11), torch.randn(11, 5)
    with NumbersWritten() as numbers:
        (x @ weight).tanh()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        kept = x @ weight
        kept = kept, kept.tanh()
    allocated = sum(event.self_cpu_memory_usage for event in recorded.events())
    assert allocated == 4 * numbers.count


def test_a_graph_without_edges_is_refused():
    with pytest.raises(ValueError, match="no edges"):
        numbers_per_edge(lambda edges: edges, torch.empty(2, 0, dtype=torch.long))

"""Adjacency matrices against networkx, scipy and torch_geometric."""

import warnings

import networkx as nx
import pytest
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from torch.testing import assert_close

from snippets.graphs.adjacency_matrix import (
    adjacency_matrix,
    both_directions,
    check_symmetric,
    compressed_rows,
    edges_of,
    relabel,
    triangles,
    walks,
    with_self_loops,
)
from snippets.graphs.karate_club import karate_club

with warnings.catch_warnings(action="ignore"):  # it uses torch.jit.script
    from torch_geometric.utils import (
        add_remaining_self_loops,
        dense_to_sparse,
        to_dense_adj,
        to_undirected,
    )

# 7 nodes: node 5 is isolated, 3 has a self-loop, 0 -> 1 is there twice
EDGES = torch.tensor([[0, 0, 1, 3, 2, 4, 6, 1], [1, 1, 2, 3, 0, 2, 4, 4]])
NODES = 7


def as_networkx(edge_index, nodes: int) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from(edge_index.T.tolist())
    return graph


def undirected(seed: int = 0, nodes: int = 9) -> torch.Tensor:
    graph = nx.gnp_random_graph(nodes, 0.5, seed=seed)
    return torch.from_numpy(nx.to_numpy_array(graph))


def test_agrees_with_networkx(agrees):
    """On a directed graph with an isolated node, a self-loop and parallel edges."""
    theirs = nx.to_numpy_array(as_networkx(EDGES, NODES), dtype="float32")
    ours = adjacency_matrix(EDGES, NODES)
    agrees(ours, torch.from_numpy(theirs), "networkx.to_numpy_array")
    theirs = to_dense_adj(EDGES, max_num_nodes=NODES)[0]
    agrees(ours, theirs, "torch_geometric.utils.to_dense_adj")


def test_weights_agree_with_torch_geometric(agrees):
    weight = torch.rand(8, dtype=torch.float64)
    theirs = to_dense_adj(EDGES, edge_attr=weight, max_num_nodes=NODES)[0]
    ours = adjacency_matrix(EDGES, NODES, weight)
    agrees(ours, theirs, "torch_geometric.utils.to_dense_adj")


def test_edges_come_back(agrees):
    adjacency = adjacency_matrix(EDGES, NODES)
    theirs, _ = dense_to_sparse(adjacency)
    agrees(edges_of(adjacency), theirs, "torch_geometric.utils.dense_to_sparse")
    assert len(edges_of(adjacency).T) == len(EDGES.T) - 1  # the parallel ones are one


def test_both_directions_and_self_loops_agree_with_torch_geometric(agrees):
    theirs = to_undirected(EDGES, num_nodes=NODES)
    agrees(both_directions(EDGES), theirs, "torch_geometric.utils.to_undirected")
    theirs, _ = add_remaining_self_loops(EDGES, num_nodes=NODES)
    ours = with_self_loops(EDGES, NODES)
    agrees(ours, theirs, "torch_geometric.utils.add_remaining_self_loops")


def test_degrees_of_a_directed_graph(agrees):
    graph, adjacency = as_networkx(EDGES, NODES), adjacency_matrix(EDGES, NODES)
    leaving = torch.tensor([float(degree) for _, degree in graph.out_degree])
    coming = torch.tensor([float(degree) for _, degree in graph.in_degree])
    agrees(adjacency.sum(1), leaving, "networkx.MultiDiGraph.out_degree")
    agrees(adjacency.sum(0), coming, "networkx.MultiDiGraph.in_degree")


def test_triangles_agree_with_networkx(agrees):
    for graph in (nx.karate_club_graph(), nx.gnp_random_graph(12, 0.6, seed=1)):
        adjacency = torch.from_numpy(nx.to_numpy_array(graph, weight=None))
        theirs = torch.tensor([float(t) for t in nx.triangles(graph).values()])
        agrees(triangles(adjacency), theirs.double(), "networkx.triangles")


def count_walks(adjacency, source: int, target: int, length: int) -> float:
    if length == 0:
        return float(source == target)
    return sum(
        adjacency[source, node].item()
        * count_walks(adjacency, node, target, length - 1)
        for node in range(len(adjacency))
    )


@pytest.mark.parametrize("length", [0, 1, 4])
def test_walks_by_counting_them(agrees, length):
    adjacency = adjacency_matrix(EDGES, NODES).double()
    counted = [
        [count_walks(adjacency, source, target, length) for target in range(NODES)]
        for source in range(NODES)
    ]
    theirs = torch.tensor(counted, dtype=torch.float64)
    agrees(walks(adjacency, length), theirs, "its definition as loops")


def test_rows_agree_with_scipy(agrees):
    adjacency = adjacency_matrix(EDGES.unique(dim=1), NODES)
    theirs = csr_matrix(adjacency.numpy())
    pointers, columns = map(torch.from_numpy, (theirs.indptr, theirs.indices))
    begin, neighbors = compressed_rows(EDGES.unique(dim=1), NODES)
    assert begin.shape == (NODES + 1,)
    agrees(begin, pointers.long(), "scipy.sparse.csr_matrix")
    agrees(neighbors, columns.long(), "scipy.sparse.csr_matrix")


def test_rows_keep_parallel_edges_and_do_not_mind_the_order_of_edges():
    begin, neighbors = compressed_rows(EDGES.flip(1), NODES)
    assert neighbors[begin[0] : begin[1]].tolist() == [1, 1]
    assert neighbors[begin[1] : begin[2]].tolist() == [2, 4]
    assert neighbors[begin[5] : begin[6]].tolist() == []


def test_relabeling_multiplies_by_a_permutation_from_both_sides():
    adjacency, order = adjacency_matrix(EDGES, NODES), torch.randperm(NODES)
    permutation = torch.eye(NODES)[order]
    assert_close(relabel(adjacency, order), permutation @ adjacency @ permutation.T)


@pytest.mark.parametrize("seed", range(3))
def test_names_do_not_matter(seed):
    """Walks and triangles move with their nodes; eigenvalues stay where they are."""
    adjacency, order = undirected(seed), torch.randperm(9)
    other = relabel(adjacency, order)
    assert_close(walks(other, 3), relabel(walks(adjacency, 3), order))
    assert_close(triangles(other), triangles(adjacency)[order])
    assert_close(torch.linalg.eigvalsh(other), torch.linalg.eigvalsh(adjacency))


@pytest.mark.parametrize("seed", range(3))
def test_largest_eigenvalue_lies_between_mean_and_largest_degree(seed):
    adjacency = undirected(seed)
    degree, largest = adjacency.sum(1), torch.linalg.eigvalsh(adjacency)[-1]
    assert degree.mean() - 1e-9 <= largest <= degree.max() + 1e-9


def test_steps_fill_what_is_connected():
    adjacency = undirected(nodes=5)
    two = torch.block_diag(adjacency, adjacency) + torch.eye(10)  # may also stay
    _, part = connected_components(two.numpy())
    part = torch.from_numpy(part)
    assert torch.equal(walks(two, 9) > 0, part[:, None] == part)


def test_a_self_loop_is_one_walk_and_two_ends_for_networkx():
    loop = torch.tensor([[0], [0]])
    assert adjacency_matrix(loop, 1).sum() == 1
    assert nx.Graph([(0, 0)]).degree[0] == 2


def test_club():
    edge_index, faction = karate_club()
    club = adjacency_matrix(edge_index, 34)
    expected = nx.to_numpy_array(nx.karate_club_graph(), weight=None, dtype="float32")
    assert_close(club, torch.from_numpy(expected))
    assert (int(triangles(club).sum()) // 3, int(faction.sum())) == (45, 17)


def test_graphs_without_edges():
    none = torch.empty(2, 0, dtype=torch.long)
    assert_close(adjacency_matrix(none, 3), torch.zeros(3, 3))
    assert adjacency_matrix(none, 0).shape == (0, 0)
    assert both_directions(none).shape == (2, 0)
    assert with_self_loops(none, 2).tolist() == [[0, 1], [0, 1]]
    begin, neighbors = compressed_rows(none, 3)
    assert (begin.tolist(), neighbors.tolist()) == ([0, 0, 0, 0], [])


@pytest.mark.parametrize("make", [adjacency_matrix, compressed_rows, with_self_loops])
def test_edges_to_nowhere_are_refused(make):
    with pytest.raises(ValueError, match="edges name nodes 0 to 6, but nodes=6"):
        make(EDGES, 6)
    with pytest.raises(ValueError, match="edges name nodes -1 to 1, but nodes=3"):
        make(torch.tensor([[0], [1]]) * 2 - 1, 3)


def test_what_needs_symmetry_refuses_one_way_streets():
    one_way = adjacency_matrix(EDGES, NODES)
    cause = "not symmetric: 2 from node 0 to 1, 0 back"
    with pytest.raises(ValueError, match=cause):
        check_symmetric(one_way)
    with pytest.raises(ValueError, match=cause):
        triangles(one_way)


@pytest.mark.parametrize("entry", [torch.eye(3), 2 * (torch.ones(3, 3) - torch.eye(3))])
def test_loops_and_parallel_edges_make_no_triangles(entry):
    with pytest.raises(ValueError, match="zeros and ones, and no self-loops"):
        triangles(entry)


def test_walks_that_cannot_be_counted_are_refused():
    club = adjacency_matrix(karate_club()[0], 34)
    with pytest.raises(ValueError, match="more walks of length=10"):
        walks(club, 10)
    assert walks(club.double(), 10).max() > 2**24
    with pytest.raises(ValueError, match="length=-1"):
        walks(club, -1)


@pytest.mark.parametrize("length", [25, 200, 1000])
def test_walks_of_a_bipartite_graph_do_not_become_nan(length):
    """Infinitely many walks times none are NaN, which is not above any limit."""
    ring = torch.from_numpy(nx.to_numpy_array(nx.cycle_graph(6))).float()
    with pytest.raises(ValueError, match=f"more walks of length={length}"):
        walks(ring, length)
    assert walks(ring, 24).max() == (2**24 + 2) / 3


@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32])
def test_nodes_may_be_small_integers(kind):
    assert_close(
        adjacency_matrix(EDGES.to(kind), NODES), adjacency_matrix(EDGES, NODES)
    )


@pytest.mark.parametrize("kind", [torch.int32, torch.int16])
def test_rows_of_small_integers_are_those_of_large_ones(kind):
    """Source times nodes plus target would be 2,499,950,002 at the last edge."""
    nodes = 50_000 if kind == torch.int32 else 300
    edges = torch.tensor([[0, nodes - 1, 1], [1, 2, nodes - 1]]).repeat(1, 40_000)
    begin, neighbors = compressed_rows(edges.to(kind), nodes)
    expected_begin, expected = compressed_rows(edges, nodes)
    assert_close(begin, expected_begin)
    assert_close(neighbors, expected.to(kind))
    assert neighbors[begin[nodes - 1]] == 2

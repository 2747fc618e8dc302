"""Graph Laplacians against networkx, scipy and torch_geometric."""

import warnings

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.sparse import csgraph
from torch.testing import assert_close

from snippets.graphs.adjacency_matrix import adjacency_matrix, edges_of, relabel
from snippets.graphs.graph_laplacian import (
    degrees,
    diffuse,
    dirichlet_energy,
    fiedler_vector,
    laplacian,
    normalized_laplacian,
)
from snippets.graphs.karate_club import karate_club

with warnings.catch_warnings(action="ignore"):  # it uses torch.jit.script
    from torch_geometric.utils import get_laplacian, to_dense_adj


def weighted(loops: bool = False, nodes: int = 8) -> torch.Tensor:
    """Random weights in two parts and an isolated node, the last one."""
    random = np.random.default_rng(0)
    table = random.random((nodes, nodes)) * (random.random((nodes, nodes)) < 0.6)
    table[:3, 3:] = table[3:, :3] = table[-1] = table[:, -1] = 0
    table += table.T
    if not loops:
        np.fill_diagonal(table, 0)
    return torch.from_numpy(table)


def connected(seed: int = 0, nodes: int = 9) -> nx.Graph:
    graph = nx.connected_watts_strogatz_graph(nodes, 4, 0.5, seed=seed)
    for source, target in graph.edges:
        graph[source][target]["weight"] = 1 + (source + 2 * target) % 3
    return graph


def as_adjacency(graph: nx.Graph) -> torch.Tensor:
    return torch.from_numpy(nx.to_numpy_array(graph)).double()


@pytest.mark.parametrize("loops", [False, True])
def test_laplacian_agrees_with_scipy_and_networkx(agrees, loops):
    adjacency = weighted(loops)
    theirs = csgraph.laplacian(adjacency.numpy())
    agrees(
        laplacian(adjacency),
        torch.from_numpy(theirs),
        "scipy.sparse.csgraph.laplacian",
    )
    theirs = nx.laplacian_matrix(nx.from_numpy_array(adjacency.numpy())).toarray()
    agrees(laplacian(adjacency), torch.from_numpy(theirs), "networkx.laplacian_matrix")


def test_laplacian_agrees_with_torch_geometric(agrees):
    adjacency = weighted()
    edges, weight = edges_of(adjacency), adjacency[adjacency != 0]
    index, values = get_laplacian(edges, weight, num_nodes=8)
    theirs = to_dense_adj(index, edge_attr=values, max_num_nodes=8)[0]
    agrees(laplacian(adjacency), theirs, "torch_geometric.utils.get_laplacian")


def test_normalized_laplacian_agrees_with_scipy(agrees):
    adjacency = weighted()
    theirs = csgraph.laplacian(adjacency.numpy(), normed=True)
    agrees(
        normalized_laplacian(adjacency),
        torch.from_numpy(theirs),
        "scipy.sparse.csgraph.laplacian",
    )


@pytest.mark.parametrize("loops", [False, True])
def test_normalized_laplacian_agrees_with_networkx(agrees, loops):
    """Self-loops count in the degrees, once; scipy leaves them out."""
    adjacency = weighted(loops)
    graph = nx.from_numpy_array(adjacency.numpy())
    theirs = torch.from_numpy(nx.normalized_laplacian_matrix(graph).toarray())
    ours = normalized_laplacian(adjacency)
    agrees(ours, theirs, "networkx.normalized_laplacian_matrix")


@pytest.mark.parametrize("seed", range(3))
def test_fiedler_vector_agrees_with_networkx(agrees, seed):
    graph = connected(seed)
    theirs = torch.from_numpy(nx.fiedler_vector(graph, tol=1e-12, seed=0))
    ours = fiedler_vector(as_adjacency(graph))
    sign = (ours @ theirs).sign()
    agrees(sign * ours, theirs / theirs.norm(), "networkx.fiedler_vector")


@pytest.mark.parametrize("time", [0.0, 0.3, 5.0])
def test_heat_agrees_with_scipy(agrees, time):
    adjacency, heat = weighted(loops=True), torch.randn(8, dtype=torch.float64)
    theirs = torch.from_numpy(expm(-time * laplacian(adjacency).numpy())) @ heat
    agrees(diffuse(heat, adjacency, time), theirs, "scipy.linalg.expm")


def test_dirichlet_energy_by_counting(agrees):
    adjacency, x = weighted(loops=True), torch.randn(8, dtype=torch.float64)
    counted = sum(
        adjacency[i, j] * (x[i] - x[j]) ** 2 for i in range(8) for j in range(i)
    )
    agrees(dirichlet_energy(x, adjacency), counted, "its definition as loops")
    assert_close(x @ laplacian(adjacency) @ x, counted)


def test_gradient_of_dirichlet_energy_is_twice_the_laplacian():
    adjacency, x = weighted(), torch.randn(8, dtype=torch.float64, requires_grad=True)
    dirichlet_energy(x, adjacency).backward()
    assert_close(x.grad, 2 * laplacian(adjacency) @ x.detach())


@pytest.mark.parametrize("make", [laplacian, normalized_laplacian])
@pytest.mark.parametrize("loops", [False, True])
def test_zero_eigenvalues_count_the_parts(make, loops):
    adjacency = weighted(loops)
    parts, _ = csgraph.connected_components(adjacency.numpy())
    frequencies = torch.linalg.eigvalsh(make(adjacency))
    assert int((frequencies.abs() < 1e-9).sum()) == parts == 3
    assert frequencies[0] > -1e-9


@pytest.mark.parametrize(("ring", "highest"), [(6, 2.0), (5, 1.8090)])
def test_normalized_frequency_two_is_for_graphs_of_two_sides(ring, highest):
    adjacency = as_adjacency(nx.cycle_graph(ring))
    frequencies = torch.linalg.eigvalsh(normalized_laplacian(adjacency))
    assert frequencies[-1].item() == pytest.approx(highest, abs=1e-4)


def test_random_walks_have_the_same_eigenvalues():
    adjacency = as_adjacency(connected())
    walk = torch.eye(9) - adjacency / degrees(adjacency)[:, None]
    frequencies = torch.linalg.eigvals(walk).real.sort().values
    assert_close(frequencies, torch.linalg.eigvalsh(normalized_laplacian(adjacency)))


@pytest.mark.parametrize("seed", range(3))
def test_eigenvalues_count_spanning_trees(seed):
    graph = connected(seed)
    trees = torch.linalg.eigvalsh(laplacian(as_adjacency(graph)))[1:].prod() / 9
    theirs = nx.number_of_spanning_trees(graph, weight="weight")
    assert trees.item() == pytest.approx(theirs)


def test_names_do_not_matter():
    adjacency, order = as_adjacency(connected()), torch.randperm(9)
    other, heat = relabel(adjacency, order), torch.randn(9, dtype=torch.float64)
    for make in (laplacian, normalized_laplacian):
        assert_close(make(other), relabel(make(adjacency), order))
    moved = diffuse(heat[order], other, 0.4)
    assert_close(moved, diffuse(heat, adjacency, 0.4)[order])
    there, back = fiedler_vector(other), fiedler_vector(adjacency)[order]
    assert abs(there @ back) == pytest.approx(1)


def test_heat_is_kept_and_ends_level_in_each_part():
    adjacency, heat = weighted(), torch.rand(8, dtype=torch.float64)
    assert diffuse(heat, adjacency, 0.7).sum() == pytest.approx(heat.sum())
    level = torch.cat([heat[:3].mean().expand(3), heat[3:7].mean().expand(4), heat[7:]])
    assert_close(diffuse(heat, adjacency, 200.0), level)


@pytest.mark.parametrize("size", range(1, 9))
def test_no_ratio_cut_is_below_the_algebraic_connectivity(size):
    adjacency = as_adjacency(connected())
    inside = torch.randperm(9) < size
    cut = adjacency[inside][:, ~inside].sum()
    slowest = torch.linalg.eigvalsh(laplacian(adjacency))[1]
    assert cut * 9 / (size * (9 - size)) >= slowest - 1e-9


def test_club_breaks_where_it_broke():
    edge_index, faction = karate_club()
    side = (fiedler_vector(adjacency_matrix(edge_index, 34).double()) > 0).long()
    side = side if side[33] == 1 else 1 - side
    assert (side != faction).nonzero()[:, 0].tolist() == [2, 8]


def test_one_way_streets_and_negative_weights_are_refused():
    one_way = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    for make in (laplacian, normalized_laplacian, fiedler_vector):
        with pytest.raises(ValueError, match="not symmetric: 1 from node 0 to 1"):
            make(one_way)
        with pytest.raises(ValueError, match="edge 0-1 has the negative weight -1"):
            make(-(one_way + one_way.T))
    with pytest.raises(ValueError, match="not symmetric"):
        dirichlet_energy(torch.ones(2), one_way)
    mixed = torch.tensor([[0.0, 3, -2], [3, 0, 3], [-2, 3, 0]])  # no negative degree
    with pytest.raises(ValueError, match="edge 0-2 has the negative weight -2"):
        laplacian(mixed)


def test_what_is_in_parts_is_not_cut():
    with pytest.raises(ValueError, match="the graph is in 3 parts"):
        fiedler_vector(weighted())
    with pytest.raises(ValueError, match="the graph is in 2 parts"):
        fiedler_vector(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="1 nodes cannot be divided"):
        fiedler_vector(torch.zeros(1, 1))


def test_heat_does_not_flow_back():
    with pytest.raises(ValueError, match="time=-1"):
        diffuse(torch.ones(2), torch.zeros(2, 2), -1.0)


def path_graph(nodes: int, dtype=torch.float32) -> torch.Tensor:
    ones = torch.ones(nodes - 1, dtype=dtype)
    return ones.diag(1) + ones.diag(-1)


def test_a_long_path_is_cut_in_the_middle():
    """Its Fiedler vector is half a cosine."""
    places = (torch.arange(1600) + 0.5) / 1600
    expected = (torch.pi * places).cos() * (2 / 1600) ** 0.5
    slowest = fiedler_vector(path_graph(1600))
    assert_close(slowest * slowest[0].sign(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("weight", [1e-6, 1.0, 1e6])
def test_two_nodes_are_cut_apart(weight):
    """Their Fiedler value is twice the largest degree, as large as it can be."""
    one, two = fiedler_vector(weight * path_graph(2)).tolist()
    assert (abs(one), one) == pytest.approx((0.5**0.5, -two))


@pytest.mark.parametrize("sides", [1, 2, 3])
def test_constant_vector_comes_last_in_a_regular_bipartite_graph(sides):
    adjacency = as_adjacency(nx.complete_bipartite_graph(sides, sides))
    slowest = fiedler_vector(adjacency)
    energy = dirichlet_energy(slowest, adjacency)
    assert abs(slowest.sum()) < 1e-9
    assert energy == pytest.approx(torch.linalg.eigvalsh(laplacian(adjacency))[1])


def club_heat(time: float, adjacency: torch.Tensor) -> torch.Tensor:
    start = torch.zeros(34)
    start[0] = 1
    return diffuse(start, adjacency, time)


@pytest.mark.parametrize("time", [1e2, 1e4, 1e6])
def test_heat_in_single_precision_is_kept_for_a_long_time(time):
    club = adjacency_matrix(karate_club()[0], 34)
    assert_close(club_heat(time, club), torch.full((34,), 1 / 34))


@pytest.mark.parametrize("graph", [nx.complete_graph(5), nx.karate_club_graph()])
def test_heat_has_a_gradient_in_the_edges_where_eigenvalues_coincide(graph):
    edges = torch.from_numpy(nx.to_numpy_array(graph, weight=None)).double()
    heat = torch.rand(len(edges), dtype=torch.float64)
    weight = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: diffuse(heat, w * edges, 1.0), weight)


def test_a_star_with_a_long_tail_is_one_part():
    edges = [(0, leaf) for leaf in range(1, 301)]
    edges += [(0, 301), *((node, node + 1) for node in range(301, 420))]
    adjacency = torch.from_numpy(nx.to_numpy_array(nx.Graph(edges))).float()
    slowest = fiedler_vector(adjacency)
    assert (slowest[:301] * slowest[420] < 0).all()


@pytest.mark.parametrize("weak", [1e-3, 1e-7, 1e-20])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_weak_tie_is_where_the_graph_is_cut(weak, scale):
    two = torch.block_diag(*[torch.ones(3, 3) - torch.eye(3)] * 2)
    two[2, 3] = two[3, 2] = weak
    slowest = fiedler_vector(scale * two)
    assert (slowest[:3] * slowest[0] > 0).all()
    assert (slowest[3:] * slowest[0] < 0).all()

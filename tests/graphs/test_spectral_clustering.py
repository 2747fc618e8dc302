"""Cuts and spectral clustering against networkx, scipy and scikit-learn."""

import warnings
from itertools import product

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.linalg import eigh, subspace_angles
from scipy.sparse import csr_array
from scipy.sparse.linalg import eigsh
from sklearn.cluster import SpectralClustering
from sklearn.manifold import spectral_embedding as sklearn_embedding
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import kneighbors_graph, radius_neighbors_graph
from torch.testing import assert_close

from snippets.graphs.adjacency_matrix import relabel
from snippets.graphs.graph_cuts import (
    conductance,
    cut_weight,
    normalized_cut,
    ratio_cut,
    sweep,
    sweep_cut,
)
from snippets.graphs.graph_laplacian import degrees, laplacian, normalized_laplacian
from snippets.graphs.lowest_conductance import lowest_conductance
from snippets.graphs.similarity_graphs import (
    gaussian_similarity,
    neighbor_graph,
    radius_graph,
)
from snippets.graphs.sparse_blocks import (
    effective_nodes,
    laplacian_vector,
    non_backtracking_matrix,
    non_backtracking_vector,
    overlap,
    planted_partition,
    regularized_vector,
)
from snippets.graphs.spectral_clustering import (
    eigengap,
    spectral_clustering,
    spectral_embedding,
    unit_rows,
    walk_rows,
)

CUTS = (cut_weight, ratio_cut, normalized_cut, conductance)


def connected(seed: int = 0, nodes: int = 9) -> nx.Graph:
    graph = nx.connected_watts_strogatz_graph(nodes, 4, 0.5, seed=seed)
    for source, target in graph.edges:
        graph[source][target]["weight"] = 1 + (source + 2 * target) % 3
    return graph


def matrix(graph: nx.Graph, weight: str | None = "weight") -> torch.Tensor:
    return torch.from_numpy(nx.to_numpy_array(graph, weight=weight)).double()


def cliques(*sizes: int, bridge: float = 0.0) -> torch.Tensor:
    """Cliques in a row, each tied to the next one by an edge of weight ``bridge``."""
    table = torch.block_diag(*(torch.ones(n, n).double() for n in sizes))
    table = table - torch.eye(len(table))
    for end in np.cumsum(sizes)[:-1]:
        table[end - 1, end] = table[end, end - 1] = bridge
    return table


def masks(nodes: int) -> torch.Tensor:
    """All ways to cut, each once."""
    every = torch.tensor(list(product([False, True], repeat=nodes - 1)))[1:]
    return torch.cat([torch.zeros(len(every), 1, dtype=torch.bool), every], dim=1)


@pytest.mark.parametrize("seed", range(3))
def test_cuts_agree_with_networkx(agrees, seed):
    graph, inside = connected(seed), torch.arange(9) % 3 == 0
    adjacency, chosen = matrix(graph), [0, 3, 6]
    for ours, theirs in (
        (cut_weight, nx.cut_size),
        (normalized_cut, nx.normalized_cut_size),
        (conductance, nx.conductance),
    ):
        value = theirs(graph, chosen, weight="weight")
        name = f"networkx.{theirs.__name__}"
        agrees(ours(adjacency, inside), torch.tensor(value).double(), name)


def test_cuts_by_their_definitions_as_loops(agrees):
    adjacency, inside = matrix(connected()), torch.arange(9) < 2
    cut = sum(adjacency[i, j] for i in range(2) for j in range(2, 9))
    here = sum(adjacency[i, j] for i in range(2) for j in range(9))
    there = sum(adjacency[i, j] for i in range(2, 9) for j in range(9))
    for ours, expected in (
        (ratio_cut, cut / 2 + cut / 7),
        (normalized_cut, cut / here + cut / there),
        (conductance, cut / min(here, there)),
    ):
        agrees(ours(adjacency, inside), expected, "its definition as loops")
        assert_close(ours(adjacency, ~inside), expected)


@pytest.mark.parametrize("seed", range(3))
def test_embedding_agrees_with_scipy(agrees, seed):
    adjacency = matrix(connected(seed))
    mu, U = spectral_embedding(adjacency, k=3)
    L = csr_array(normalized_laplacian(adjacency).numpy())
    theirs, vectors = eigsh(L, k=3, sigma=-0.01)
    agrees(mu, torch.from_numpy(theirs), "scipy.sparse.linalg.eigsh")
    assert subspace_angles(U.numpy(), vectors).max() < 1e-8


@pytest.mark.parametrize("seed", range(3))
def test_walk_rows_solve_the_generalized_problem(agrees, seed):
    adjacency = matrix(connected(seed))
    mu, U = spectral_embedding(adjacency, k=4)
    ours = walk_rows(U, adjacency)
    theirs, X = eigh(laplacian(adjacency).numpy(), degrees(adjacency).diag().numpy())
    agrees(mu, torch.from_numpy(theirs[:4]), "scipy.linalg.eigh")
    signs = np.sign((X[:, :4] * ours.numpy()).sum(axis=0))
    agrees(ours, torch.from_numpy(signs * X[:, :4]), "scipy.linalg.eigh")


@pytest.mark.parametrize("seed", range(3))
def test_walk_rows_agree_with_sklearn(agrees, seed):
    adjacency = matrix(connected(seed))
    theirs = sklearn_embedding(
        adjacency.numpy(), n_components=3, drop_first=False, random_state=0
    )
    ours = walk_rows(spectral_embedding(adjacency, k=3)[1], adjacency)
    signs = np.sign((theirs * ours.numpy()).sum(axis=0))
    name = "sklearn.manifold.spectral_embedding"
    agrees(ours, torch.from_numpy(signs * theirs), name)


@pytest.mark.parametrize("seed", range(3))
def test_relaxed_normalized_cut_agrees_with_networkx(agrees, seed):
    graph = connected(seed)
    adjacency = matrix(graph)
    theirs = nx.fiedler_vector(graph, normalized=True, tol=1e-12, seed=0)
    theirs = torch.from_numpy(theirs / np.linalg.norm(theirs))
    ours = spectral_embedding(adjacency, k=2)[1][:, 1]
    agrees((ours @ theirs).sign() * ours, theirs, "networkx.fiedler_vector")


@pytest.mark.parametrize("assign", ["kmeans", "discretize", "cluster_qr"])
@pytest.mark.parametrize("sizes", [(5, 7), (4, 6, 9), (3, 5, 6, 8)])
def test_clusters_agree_with_sklearn(assign, sizes):
    adjacency, k = cliques(*sizes, bridge=0.5), len(sizes)
    model = SpectralClustering(
        k, affinity="precomputed", assign_labels=assign, random_state=0
    )
    ours = spectral_clustering(adjacency, k).numpy()
    assert adjusted_rand_score(ours, model.fit_predict(adjacency.numpy())) == 1
    assert adjusted_rand_score(ours, np.repeat(range(k), sizes)) == 1


def test_similarity_graphs_agree_with_sklearn(agrees):
    points = torch.randn(11, 3).double()
    off = 1 - torch.eye(11)
    theirs = torch.from_numpy(rbf_kernel(points.numpy(), gamma=1 / (2 * 0.7**2))) * off
    agrees(gaussian_similarity(points, 0.7), theirs, "sklearn.metrics.rbf_kernel")
    theirs = kneighbors_graph(points.numpy(), 4).toarray()
    theirs = torch.from_numpy(theirs + theirs.T) / 2
    name = "sklearn.neighbors.kneighbors_graph"
    agrees(neighbor_graph(points, 4), theirs, name)
    theirs = torch.from_numpy(radius_neighbors_graph(points.numpy(), 1.5).toarray())
    name = "sklearn.neighbors.radius_neighbors_graph"
    agrees(radius_graph(points, 1.5), theirs, name)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cost", [ratio_cut, normalized_cut])
def test_relaxation_is_the_rayleigh_quotient_of_the_indicator(seed, cost):
    """Of the vector with two values whose weighted entries sum to zero."""
    adjacency, inside = matrix(connected(seed)), torch.arange(9) < 4
    weight = torch.ones(9) if cost is ratio_cut else degrees(adjacency)
    weight = weight.double()
    here, there = weight[inside].sum(), weight[~inside].sum()
    x = torch.where(inside, (there / here).sqrt(), -(here / there).sqrt())
    assert (weight * x).sum().abs() < 1e-12
    quotient = x @ laplacian(adjacency) @ x / (weight * x.square()).sum()
    assert_close(quotient, cost(adjacency, inside))


@pytest.mark.parametrize("seed", range(3))
def test_no_cut_is_below_the_relaxation_and_the_sweep_obeys_cheeger(seed):
    adjacency = matrix(connected(seed))
    mu, U = spectral_embedding(adjacency, k=2)
    costs = torch.stack([conductance(adjacency, mask) for mask in masks(9)])
    ncuts = torch.stack([normalized_cut(adjacency, mask) for mask in masks(9)])
    swept = sweep(adjacency, walk_rows(U, adjacency)[:, 1])[1].min()
    assert mu[1] <= ncuts.min()
    assert mu[1] / 2 <= costs.min() <= swept <= (2 * mu[1]).sqrt()


@pytest.mark.parametrize("seed", range(3))
def test_sweep_is_the_conductance_of_each_prefix(agrees, seed):
    adjacency, scores = matrix(connected(seed)), torch.randn(9).double()
    adjacency += torch.rand(9).double().diag()  # self-loops are never cut
    order, costs = sweep(adjacency, scores)
    expected = []
    for count in range(1, 9):
        inside = torch.zeros(9, dtype=torch.bool)
        inside[order[:count]] = True
        expected.append(conductance(adjacency, inside))
    agrees(costs, torch.stack(expected), "the conductance of each prefix")
    chosen = sweep_cut(adjacency, scores)
    assert_close(conductance(adjacency, chosen), costs.min())
    assert scores[chosen].min() > scores[~chosen].max()


def test_sweep_keeps_equal_nodes_together():
    adjacency = matrix(connected())
    scores = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2.0]).double()
    costs = sweep(adjacency, scores)[1]
    assert costs.isfinite().nonzero()[:, 0].tolist() == [2, 6]
    with pytest.raises(ValueError, match="no threshold divides 9 nodes"):
        sweep_cut(adjacency, torch.ones(9).double())


@pytest.mark.parametrize("seed", range(3))
def test_lowest_conductance_is_that_of_all_cuts(agrees, seed):
    adjacency = matrix(connected(seed))
    every = torch.stack([conductance(adjacency, mask) for mask in masks(9)])
    value, side = lowest_conductance(adjacency, torch.arange(9) == 0)
    agrees(torch.tensor(value).double(), every.min(), "the lowest of all 255 cuts")
    assert_close(conductance(adjacency, side), every.min())


@pytest.mark.parametrize("sizes", [(5,), (4, 6), (3, 5, 7)])
def test_zeros_count_the_parts_and_parts_are_the_clusters(sizes):
    adjacency = cliques(*sizes)
    mu, _ = spectral_embedding(adjacency, k=len(adjacency))
    assert int((mu < 1e-9).sum()) == len(sizes)
    labels = spectral_clustering(adjacency, k=len(sizes)).numpy()
    parts = np.repeat(range(len(sizes)), sizes)
    assert adjusted_rand_score(labels, parts) == 1


def test_isolated_nodes_are_parts_of_their_own():
    adjacency = torch.block_diag(cliques(5), torch.zeros(2, 2).double())
    mu, U = spectral_embedding(adjacency, k=3)
    assert (mu.abs() < 1e-12).all()
    assert walk_rows(U, adjacency).isfinite().all()
    labels = spectral_clustering(adjacency, k=3)
    assert adjusted_rand_score(labels, [0] * 5 + [1, 2]) == 1
    assert unit_rows(U[:, :0]).shape == (7, 0)
    assert not unit_rows(torch.zeros(1, 2)).any()


def test_rows_of_both_kinds_point_the_same_way():
    adjacency = matrix(connected())
    _, U = spectral_embedding(adjacency, k=3)
    assert_close(unit_rows(walk_rows(U, adjacency)), unit_rows(U))


def test_a_repeated_eigenvalue_leaves_the_fiedler_vector_open():
    ring = matrix(nx.cycle_graph(12))
    mu, U = spectral_embedding(ring, k=3)
    assert_close(mu[1], mu[2])
    L = normalized_laplacian(ring)
    for angle in torch.linspace(0, 3, 5).double():
        mixed = angle.cos() * U[:, 1] + angle.sin() * U[:, 2]
        assert_close(L @ mixed, mu[1] * mixed)
        assert 2 / 12 - 1e-9 <= sweep(ring, mixed)[1].min() <= (2 * mu[1]).sqrt()


@pytest.mark.parametrize("n", [2, 3, 4])
def test_lower_bound_is_attained_by_cubes_and_complete_graphs(n):
    cube = matrix(nx.hypercube_graph(n))
    half = torch.arange(2**n) < 2 ** (n - 1)
    complete = matrix(nx.complete_graph(2 * n))
    for graph, inside in ((cube, half), (complete, torch.arange(2 * n) < n)):
        mu, _ = spectral_embedding(graph, k=2)
        assert_close(conductance(graph, inside), mu[1] / 2)


def test_names_and_scale_do_not_matter():
    adjacency, order = cliques(4, 5, 7, bridge=0.3), torch.randperm(16)
    labels = spectral_clustering(adjacency, k=3)
    for other in (relabel(adjacency, order), 1e6 * relabel(adjacency, order)):
        moved = spectral_clustering(other, k=3)
        assert adjusted_rand_score(moved, labels[order]) == 1
    inside = torch.arange(16) < 4
    for cost in (normalized_cut, conductance):
        assert_close(cost(1e6 * adjacency, inside), cost(adjacency, inside))


def test_weights_matter():
    ring = matrix(nx.cycle_graph(8))
    for weak in (1, 5):
        ring[weak, weak + 1] = ring[weak + 1, weak] = 0.01
    labels = spectral_clustering(ring, k=2)
    assert adjusted_rand_score(labels, [0, 0, 1, 1, 1, 1, 0, 0]) == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_gives_the_same_clusters_and_costs(dtype):
    exact = cliques(30, 50, bridge=1)
    inside = torch.arange(80) < 30
    adjacency = exact.to(dtype)
    assert (spectral_clustering(adjacency, 2)[inside].unique().numel()) == 1
    for cost in CUTS:
        assert_close(cost(adjacency, inside), cost(exact, inside).to(dtype))
    scores = spectral_embedding(adjacency, k=2)[1][:, 1]
    assert_close(sweep(adjacency, scores)[1], sweep(exact, scores)[1])


def test_eigengap_counts_cliques():
    mu, _ = spectral_embedding(cliques(4, 5, 6, 7, bridge=0.1), k=8)
    assert eigengap(mu) == 4
    with pytest.raises(ValueError, match="1 eigenvalues have no gap"):
        eigengap(mu[:1])


def test_bad_graphs_are_refused():
    one_way = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    negative = torch.tensor([[2.0, -1.0], [-1.0, 2.0]])
    unknown = torch.tensor([[0.0, torch.nan], [torch.nan, 0.0]])
    first = torch.tensor([True, False])
    actions = [lambda graph, cost=cost: cost(graph, first) for cost in CUTS]
    actions.append(lambda graph: spectral_clustering(graph, k=1))
    actions.append(lambda graph: sweep(graph, torch.tensor([0.0, 1.0])))
    for action in actions:
        with pytest.raises(ValueError, match="not symmetric: 1 from node 0 to 1"):
            action(one_way)
        with pytest.raises(ValueError, match="weight -1 between nodes 0 and 1"):
            action(negative)
        with pytest.raises(ValueError, match="weight nan between nodes 0 and 1"):
            action(unknown)


def test_bad_numbers_of_clusters_and_sides_are_refused():
    adjacency = cliques(5)
    for k in (0, 6):
        with pytest.raises(ValueError, match=f"k={k} clusters of 5 nodes"):
            spectral_clustering(adjacency, k)
    for inside in (torch.zeros(5).bool(), torch.ones(5).bool()):
        with pytest.raises(ValueError, match="of 5 nodes are inside"):
            conductance(adjacency, inside)
    lonely = torch.block_diag(adjacency, torch.zeros(1, 1).double())
    for cost in (normalized_cut, conductance):
        with pytest.raises(ValueError, match="its volume is 0 of 20"):
            cost(lonely, torch.arange(6) == 5)
    assert ratio_cut(lonely, torch.arange(6) == 5) == 0


def test_single_nodes_and_every_node_alone():
    assert spectral_clustering(torch.zeros(1, 1), k=1).tolist() == [0]
    assert spectral_clustering(cliques(4), k=4).unique().numel() == 4


def test_bad_neighborhoods_are_refused():
    points = torch.randn(5, 2)
    for make, size in (
        (neighbor_graph, 0),
        (neighbor_graph, 5),
        (radius_graph, 0.0),
        (gaussian_similarity, -1.0),
    ):
        with pytest.raises(ValueError, match=str(size)):
            make(points, size)


def test_planted_partition_has_the_degrees_it_should():
    graph = planted_partition(4000, 6.0, 2.0, seed=1)
    assert (graph != graph.T).nnz == 0
    assert graph.diagonal().sum() == 0
    assert graph.max() == 1
    assert graph.sum() / 4000 == pytest.approx(6, rel=0.05)
    c_in = graph[:2000][:, :2000].sum() / 1000
    c_out = graph[:2000][:, 2000:].sum() / 1000
    assert (c_in - c_out) ** 2 / 24 == pytest.approx(2, rel=0.15)
    for wrong in ((401, 6.0, 2.0), (400, 3.0, 4.0)):
        with pytest.raises(ValueError, match="no two groups"):
            planted_partition(*wrong, seed=0)


def test_short_non_backtracking_matrix_has_the_eigenvalues_of_walks_on_edges(agrees):
    graph = nx.connected_watts_strogatz_graph(7, 4, 0.5, seed=0)
    arcs = [*graph.edges, *(edge[::-1] for edge in graph.edges)]
    walks = [[v == u and w != t for u, w in arcs] for t, v in arcs]
    walks = np.linalg.eigvals(np.array(walks, dtype=float))
    short = non_backtracking_matrix(csr_array(nx.to_numpy_array(graph)))
    ours = np.linalg.eigvals(short.toarray())
    extra = len(arcs) // 2 - 7
    expected = np.concatenate([ours, [1.0] * extra, [-1.0] * extra])
    # as polynomials: eigenvalues that repeat are not computed to full precision
    points = np.array([0.3, -1.7, 2.5, 4.1])[:, None]
    theirs = np.prod(points - walks, axis=1).real
    found = np.prod(points - expected, axis=1).real
    name = "walks on edges as loops"
    agrees(torch.from_numpy(found / theirs), torch.ones(4).double(), name)


def test_all_vectors_find_groups_of_a_denser_graph():
    graph = planted_partition(400, 16.0, 9.0, seed=0)
    laplace, mended = laplacian_vector(graph), regularized_vector(graph, 16.0)
    for vector in (laplace, mended, non_backtracking_vector(graph)):
        assert overlap(vector) > 0.9
    _, U = spectral_embedding(torch.from_numpy(graph.toarray() + 16 / 400), k=2)
    assert abs(mended @ U[:, 1].numpy()) == pytest.approx(1)
    with pytest.raises(ValueError, match="tau=0"):
        regularized_vector(graph, 0.0)


def test_effective_nodes_of_known_vectors():
    assert effective_nodes(np.ones(7)) == pytest.approx(7)
    assert effective_nodes(np.eye(7)[0]) == pytest.approx(1)
    assert overlap(np.array([1, 1, 1, -1.0, -1.0, -1.0])) == 1
    assert overlap(np.array([1, -1.0, 1, -1.0])) == 0


def test_sklearn_warns_about_parts():
    """As the page says."""
    model = SpectralClustering(2, affinity="precomputed", random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(cliques(3, 4).numpy())
    assert any("not fully connected" in str(warning.message) for warning in caught)


def test_self_loops_count_here_and_not_in_sklearn():
    """As the page says."""
    adjacency = matrix(connected())
    looped = adjacency + torch.rand(9).double().diag()
    theirs = [
        sklearn_embedding(table.numpy(), n_components=2, random_state=0)
        for table in (adjacency, looped)
    ]
    assert np.allclose(*theirs)
    ours = [spectral_embedding(table, k=3)[0] for table in (adjacency, looped)]
    assert (ours[1][1:] < ours[0][1:]).all()


@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_graphs_of_points_far_from_the_origin(shift):
    """In single precision; the shift and the grid are exact in it."""
    points = torch.randint(64, (40, 2), generator=torch.Generator().manual_seed(0)) / 64
    far = (points + shift).numpy()
    radius, near = 0.2, radius_neighbors_graph(far, 0.2).toarray()
    assert_close(radius_graph(points + shift, radius).numpy(), near.astype("float32"))
    similar = gaussian_similarity(points + shift, width=0.12).numpy()
    kernel = rbf_kernel(points.numpy().astype(float), gamma=1 / (2 * 0.12**2))
    np.fill_diagonal(kernel, 0)
    assert_close(similar, kernel.astype("float32"), rtol=1e-4, atol=1e-6)


def test_walk_rows_do_not_overflow_in_half_precision():
    adjacency = torch.full((100, 100), 1000.0)
    U = torch.ones(100, 1, dtype=torch.float64)
    assert_close(walk_rows(U, adjacency.half()), walk_rows(U, adjacency))

"""GCN against torch_geometric's layer and networkx's Laplacian."""

import warnings

import networkx as nx
import pytest
import torch
from torch.testing import assert_close

from snippets.graphs.gcn import (
    GCN,
    SGC,
    GraphConvolution,
    normalized_adjacency,
    smooth,
)
from snippets.graphs.karate_club import karate_club

with warnings.catch_warnings(action="ignore"):  # it uses torch.jit.script
    from torch_geometric.nn import GCNConv, SGConv
    from torch_geometric.nn.conv.gcn_conv import gcn_norm
    from torch_geometric.utils import to_dense_adj

CONV = "torch_geometric.nn.GCNConv"

GRAPHS = {
    "undirected": [[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]],
    "directed": [[0, 1, 2, 5, 4], [1, 2, 0, 1, 1]],
    "parallel edges": [[0, 0, 0, 1, 4], [1, 1, 1, 0, 3]],
    "self-loops": [[0, 1, 2, 2, 3], [1, 0, 2, 4, 3]],
    "isolated nodes": [[2, 5], [5, 2]],
    "no edges": [[], []],
}


def random_nodes(edges: str, features: int = 5):
    torch.manual_seed(0)
    edge_index = torch.tensor(GRAPHS[edges], dtype=torch.long)
    return torch.randn(7, features, dtype=torch.float64), edge_index


def layer(features: int = 5, hidden: int = 3) -> GraphConvolution:
    torch.manual_seed(1)
    ours = GraphConvolution(features=features, hidden=hidden).double()
    torch.nn.init.normal_(ours.bias)
    return ours


@pytest.mark.parametrize("edges", GRAPHS)
def test_layer_and_its_gradients_agree_with_torch_geometric(agrees, edges):
    x, edge_index = random_nodes(edges)
    ours, theirs = layer(), GCNConv(5, 3).double()
    theirs.lin.weight.data = ours.linear.weight.data
    theirs.bias.data = ours.bias.data
    target = torch.randn(7, 3, dtype=torch.float64)
    agrees(ours(x, edge_index), theirs(x, edge_index), CONV)
    (ours(x, edge_index) * target).sum().backward()
    (theirs(x, edge_index) * target).sum().backward()
    agrees(ours.linear.weight.grad, theirs.lin.weight.grad, CONV)
    agrees(ours.bias.grad, theirs.bias.grad, CONV)


@pytest.mark.parametrize("edges", GRAPHS)
def test_matrix_agrees_with_torch_geometric(agrees, edges):
    _, edge_index = random_nodes(edges)
    edges, weight = gcn_norm(edge_index, num_nodes=7)
    theirs = to_dense_adj(edges, edge_attr=weight)[0]
    ours = normalized_adjacency(edge_index, 7)
    agrees(ours, theirs, "torch_geometric.nn.conv.gcn_conv.gcn_norm")


@pytest.mark.parametrize("edges", GRAPHS)
def test_nodes_and_matrix_compute_the_same(edges):
    x, edge_index = random_nodes(edges)
    matrix = normalized_adjacency(edge_index, 7).double()
    assert_close(smooth(x, edge_index), matrix.T @ x, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("edges", GRAPHS)
def test_smooth_is_its_definition(agrees, edges):
    x, edge_index = random_nodes(edges)
    pairs = [pair for pair in edge_index.T.tolist() if pair[0] != pair[1]]
    pairs += [[node, node] for node in range(7)]
    degree = [sum(target == node for _, target in pairs) for node in range(7)]
    expected = torch.zeros_like(x)
    for source, target in pairs:
        expected[target] += x[source] / (degree[source] * degree[target]) ** 0.5
    agrees(smooth(x, edge_index), expected, "its definition as loops")


def test_step_is_one_minus_the_laplacian(agrees):
    club = nx.karate_club_graph()
    club.add_edges_from((member, member) for member in list(club))
    adjacency = nx.to_numpy_array(club, weight=None)
    laplacian = nx.normalized_laplacian_matrix(nx.from_numpy_array(adjacency))
    edge_index, _ = karate_club()
    ours = torch.eye(34) - normalized_adjacency(edge_index, 34)
    theirs = torch.from_numpy(laplacian.toarray()).float()
    agrees(ours, theirs, "networkx.normalized_laplacian_matrix")


def test_no_wave_grows():
    edge_index, _ = karate_club()
    factors = torch.linalg.eigvalsh(normalized_adjacency(edge_index, 34).double())
    assert factors[0] > -1
    assert_close(factors[-1].item(), 1.0, rtol=1e-6, atol=0)


def test_root_of_the_degrees_stays():
    edge_index, _ = karate_club()
    degree = edge_index[0].bincount() + 1
    root = degree[:, None].double().sqrt()
    assert_close(smooth(root, edge_index), root)


@pytest.mark.parametrize("edges", GRAPHS)
@pytest.mark.parametrize("model", ["layer", "network"])
def test_names_of_nodes_do_not_matter(edges, model):
    x, edge_index = random_nodes(edges)
    net = GCN(features=5, hidden=4, classes=3).double()
    net = net if model == "network" else layer()
    order = torch.randperm(7)  # node ``i`` is called ``order[i]`` afterwards
    renamed = torch.empty_like(x).index_copy(0, order, x)
    assert_close(net(renamed, order[edge_index])[order], net(x, edge_index))


def test_order_of_edges_does_not_matter():
    x, edge_index = random_nodes("directed")
    assert_close(smooth(x, edge_index.flip(1)), smooth(x, edge_index))


def test_isolated_node_hears_itself():
    x, edge_index = random_nodes("isolated nodes")
    kept = smooth(x, edge_index)
    assert_close(kept[[0, 1, 3, 4, 6]], x[[0, 1, 3, 4, 6]])


def test_edge_is_heard_at_its_target_alone():
    x = torch.eye(3)
    heard = smooth(x, torch.tensor([[0], [1]]))
    assert_close(heard[0], x[0])
    assert heard[1, 0] > 0
    assert_close(heard[2], x[2])


def test_given_self_loop_changes_nothing():
    x, edge_index = random_nodes("undirected")
    looped = torch.cat([edge_index, torch.tensor([[1, 1, 6], [1, 1, 6]])], dim=1)
    assert_close(smooth(x, looped), smooth(x, edge_index))


def test_network_sees_two_steps():
    """Along a path, node 0 depends on nodes 0, 1 and 2."""
    path = torch.arange(6)
    edge_index = torch.stack([path[:-1], path[1:]])
    edge_index = torch.cat([edge_index, edge_index.flip(0)], dim=1)
    torch.manual_seed(0)
    x = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    model = GCN(features=5, hidden=16, classes=2).double()
    model(x, edge_index)[0].sum().backward()
    assert x.grad.abs().sum(dim=1).nonzero()[:, 0].tolist() == [0, 1, 2]


def test_bad_sizes_are_refused():
    x, edge_index = random_nodes("undirected")
    with pytest.raises(ValueError, match="edges name nodes 0 to 3, but nodes=3"):
        smooth(x[:3], edge_index)
    with pytest.raises(ValueError, match="edges name nodes 0 to 3, but nodes=2"):
        normalized_adjacency(edge_index, 2)
    with pytest.raises(ValueError, match="4 features, the layer has 5"):
        layer()(x[:, :4], edge_index)
    with pytest.raises(ValueError, match="features=5, hidden=0"):
        GraphConvolution(features=5, hidden=0)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("nodes", [256, 1000])
def test_ones_stay_ones_in_half_precision_where_all_are_neighbors(kind, nodes):
    """The product of two degrees of 256 exceeds what float16 can hold."""
    edge_index = torch.ones(nodes, nodes).nonzero().T
    kept = smooth(torch.ones(nodes, 1, dtype=kind), edge_index)
    assert_close(kept, torch.ones(nodes, 1, dtype=kind))


def test_network_is_two_layers_with_a_relu_between():
    x, edge_index = random_nodes("undirected")
    model = GCN(features=5, hidden=4, classes=3).double()
    first = model.first(x, edge_index)
    assert (first < 0).any()
    expected = model.second(first.clamp(min=0), edge_index)
    assert_close(model(x, edge_index), expected)


def test_fresh_weights_fill_the_range_of_xavier_and_biases_are_zero():
    fresh = GraphConvolution(features=40, hidden=20)
    limit = (6 / (40 + 20)) ** 0.5
    assert 0.95 * limit < fresh.linear.weight.abs().max() <= limit
    assert_close(fresh.bias, torch.zeros(20))


def test_one_feature_is_enough():
    x, edge_index = random_nodes("undirected", features=1)
    assert layer(features=1, hidden=1)(x, edge_index).shape == (7, 1)


@pytest.mark.parametrize("edges", GRAPHS)
def test_network_without_hidden_layer_agrees_with_torch_geometric(agrees, edges):
    x, edge_index = random_nodes(edges)
    ours, theirs = SGC(5, 3).double(), SGConv(5, 3, K=2).double()
    theirs.lin.load_state_dict(ours.state_dict())
    agrees(ours(x, edge_index), theirs(x, edge_index), "torch_geometric.nn.SGConv")

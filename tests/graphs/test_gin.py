"""GIN against torch_geometric's GINConv, colors against networkx and WLConv."""

import warnings
from collections import Counter
from copy import deepcopy
from itertools import pairwise

import networkx as nx
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from snippets.graphs.adjacency_matrix import adjacency_matrix, both_directions
from snippets.graphs.color_refinement import (
    color_counts,
    refine,
    refine_dense,
    refinements,
)
from snippets.graphs.gin import GIN, GINLayer, side_by_side
from snippets.graphs.gin_abreast import Abreast, aggregator, train_abreast
from snippets.graphs.gin_variants import (
    VARIANTS,
    GCNLayer,
    MaxLayer,
    MeanLayer,
    stack,
)
from snippets.graphs.regular_graphs import Classifier, regular_graphs, with_degrees

with warnings.catch_warnings(action="ignore"):  # it uses torch.jit.script
    from torch_geometric.nn import GCNConv, GINConv, WLConv, global_add_pool

NODES = 6  # node 5 is isolated, node 4 is heard and hears nobody
ODD = torch.tensor(  # parallel edges from 0 to 1, a self-loop at 2
    [[0, 0, 1, 1, 2, 2, 3, 4, 4], [1, 1, 0, 3, 2, 1, 0, 0, 3]]
)


def features(nodes: int = NODES) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(nodes, 3, dtype=torch.float64)


def layer(eps: float = 0.25) -> GINLayer:
    torch.manual_seed(0)
    mlp = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 7))
    return GINLayer(mlp, eps=eps).double()


def theirs(ours: GINLayer) -> GINConv:
    conv = GINConv(deepcopy(ours.mlp), eps=ours.eps)  # it draws new weights
    conv.nn.load_state_dict(ours.mlp.state_dict())
    return conv


def edges(graph: nx.Graph) -> torch.Tensor:
    return both_directions(
        torch.tensor(list(graph.edges), dtype=torch.long).view(-1, 2).T
    )


def together(graphs: list[nx.Graph]):
    return side_by_side([edges(graph) for graph in graphs], [len(g) for g in graphs])


def counted(edge_index: torch.Tensor, whose: torch.Tensor) -> torch.Tensor:
    graphs = int(whose.max()) + 1
    return color_counts(torch.zeros_like(whose), edge_index, whose, graphs)


def same(colors) -> torch.Tensor:
    """Which nodes share a color, whatever the colors are called."""
    names = list(dict.fromkeys(colors))
    numbers = torch.tensor([names.index(color) for color in colors])
    return (numbers[:, None] == numbers).double()


def atlas(nodes: int) -> list[nx.Graph]:
    return [graph for graph in nx.graph_atlas_g() if len(graph) == nodes]


@pytest.mark.parametrize("eps", [0.0, 0.25, -1.0])
def test_layer_agrees_with_gin_conv(agrees, eps):
    ours, x = layer(eps), features()
    agrees(ours(x, ODD), theirs(ours)(x, ODD), "torch_geometric.nn.GINConv")


def test_matrix_form_agrees_with_gin_conv(agrees):
    ours, x = layer(), features()
    dense = ours.dense(x, adjacency_matrix(ODD, NODES).double())
    agrees(dense, theirs(ours)(x, ODD), "torch_geometric.nn.GINConv")
    assert_close(dense, ours(x, ODD))


def test_layer_is_its_definition_node_by_node(agrees):
    ours, x = layer(eps=0.5), features()
    rows = []
    for node in range(NODES):
        total = 1.5 * x[node]
        for source, target in ODD.T.tolist():
            if target == node:
                total = total + x[source]
        rows.append(ours.mlp(total))
    agrees(ours(x, ODD), torch.stack(rows), "its definition as loops")


def test_network_sums_what_every_layer_knows(agrees):
    torch.manual_seed(0)
    net, x = GIN(widths=(3, 4, 5), eps=0.25).double(), features()
    graph = torch.tensor([0, 0, 0, 0, 0, 2])
    known = [x]
    for part in net.layers:
        known.append(theirs(part)(known[-1], ODD))
    pooled = torch.cat([global_add_pool(h, graph, size=3) for h in known], dim=1)
    ours = net(x, ODD, graph, graphs=3)
    agrees(ours, pooled, "torch_geometric.nn.global_add_pool")
    assert_close(ours[1], torch.zeros(12, dtype=x.dtype))


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_colors_agree_with_networkx(agrees, rounds):
    graph = nx.gnm_random_graph(20, 24, seed=3)
    nx.set_node_attributes(graph, "one", "label")
    hashes = nx.weisfeiler_lehman_subgraph_hashes(
        graph, node_attr="label", iterations=rounds
    )
    colors = torch.zeros(20, dtype=torch.long)
    for _ in range(rounds):
        colors = refine(colors, edges(graph))
    hashed = same([hashes[node][-1] for node in range(20)])
    agrees(same(colors.tolist()), hashed, "networkx.weisfeiler_lehman_subgraph_hashes")


def test_one_round_agrees_with_wl_conv(agrees):
    colors = torch.tensor([0, 1, 0, 1, 0, 1])
    hashed = WLConv()(colors, ODD).tolist()
    ours = refine(colors, ODD).tolist()
    agrees(same(ours), same(hashed), "torch_geometric.nn.WLConv")


@pytest.mark.parametrize("nodes", [5, 6])
def test_graphs_are_told_apart_as_by_networkx(agrees, nodes):
    graphs = atlas(nodes)
    for graph in graphs:
        nx.set_node_attributes(graph, "one", "label")
    hashes = [
        nx.weisfeiler_lehman_graph_hash(graph, node_attr="label", iterations=nodes)
        for graph in graphs
    ]
    counts = counted(*together(graphs))
    ours = same([tuple(row) for row in counts.tolist()])
    agrees(ours, same(hashes), "networkx.weisfeiler_lehman_graph_hash")


@pytest.mark.parametrize(("variant", "aggr"), [(MeanLayer, "mean"), (MaxLayer, "max")])
def test_variants_agree_with_gin_conv_of_other_aggregators(agrees, variant, aggr):
    ours, x = variant(layer().mlp, eps=0.25), features()
    expected = GINConv(ours.mlp, eps=0.25, aggr=aggr)
    expected.nn = ours.mlp
    agrees(ours(x, ODD), expected(x, ODD), "torch_geometric.nn.GINConv")


def test_variant_of_a_gcn_agrees_with_gcn_conv(agrees):
    linear, x = nn.Linear(3, 7, bias=False).double(), features()
    conv = GCNConv(3, 7, bias=False).double()
    conv.lin.weight.data = linear.weight.data
    ours = GCNLayer(linear)(x, ODD)
    agrees(ours, conv(x, ODD), "torch_geometric.nn.GCNConv")


def test_matrix_form_gives_the_same_colors():
    colors = torch.zeros(NODES, dtype=torch.long)
    adjacency = adjacency_matrix(ODD, NODES)
    for _ in range(4):
        dense = refine_dense(colors, adjacency)
        colors = refine(colors, ODD)
        assert_close(same(dense.tolist()), same(colors.tolist()))


def test_colors_split_and_never_merge():
    rounds = refinements(torch.zeros(34).long(), edges(nx.karate_club_graph()))
    for before, after in pairwise(rounds):
        assert (same(after.tolist()) <= same(before.tolist())).all()
        assert after.unique().numel() > before.unique().numel()
    assert_close(refine(rounds[-1], edges(nx.karate_club_graph())), rounds[-1])


def test_given_colors_are_kept_apart():
    rounds = refinements(torch.tensor([7, 3, 7]), torch.zeros(2, 0).long())
    assert [colors.tolist() for colors in rounds] == [[1, 0, 1]]


def test_parallel_edges_loops_and_directions_are_heard():
    colors = refine(torch.zeros(NODES, dtype=torch.long), ODD)
    heard = Counter(ODD[1].tolist())
    assert_close(same(colors.tolist()), same([heard[node] for node in range(NODES)]))


def test_isolated_nodes_keep_their_features_alone():
    ours, x = layer(), features()
    assert_close(ours(x, ODD)[[4, 5]], ours.mlp(1.25 * x[[4, 5]]))
    assert_close(ours(x, ODD[:, :0]), ours.mlp(1.25 * x))
    assert_close(refine(torch.tensor([1, 0, 1]), ODD[:, :0]), torch.tensor([1, 0, 1]))


def test_permuted_nodes_give_permuted_features_and_colors():
    torch.manual_seed(2)
    order = torch.randperm(NODES)
    place, x, ours = order.argsort(), features(), layer()
    assert_close(ours(x[order], place[ODD]), ours(x, ODD)[order])
    adjacency = adjacency_matrix(ODD, NODES).double()
    permuted = adjacency[order][:, order]
    assert_close(ours.dense(x[order], permuted), ours.dense(x, adjacency)[order])
    colors = torch.tensor([0, 1, 0, 0, 1, 0])
    assert_close(refine(colors[order], place[ODD]), refine(colors, ODD)[order])


def test_embeddings_and_counts_do_not_depend_on_the_order_of_nodes():
    torch.manual_seed(0)
    graph = nx.gnm_random_graph(9, 12, seed=5)
    order = torch.randperm(9).tolist()
    renamed = nx.relabel_nodes(graph, dict(enumerate(order)))
    edge_index, whose = side_by_side([edges(graph), edges(renamed)], [9, 9])
    net = GIN(widths=(1, 8, 8)).double()
    one, two = net(torch.ones(18, 1).double(), edge_index, whose, graphs=2)
    assert_close(one, two)
    counts = counted(edge_index, whose)
    assert_close(counts[0], counts[1])


def test_what_colors_confuse_a_network_confuses():
    ring, triangles = nx.cycle_graph(6), nx.disjoint_union(*[nx.cycle_graph(3)] * 2)
    edge_index, whose = together([ring, triangles])
    for seed in range(3):
        torch.manual_seed(seed)
        net = GIN(widths=(1, 8, 8, 8)).double()
        one, two = net(torch.ones(12, 1).double(), edge_index, whose, graphs=2)
        assert_close(one, two)
    counts = counted(edge_index, whose)
    assert_close(counts[0], counts[1])


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="nodes 0 to 4, but nodes=4"):
        layer()(features(4), ODD)
    with pytest.raises(ValueError, match="nodes 0 to 4, but nodes=4"):
        refine(torch.zeros(4, dtype=torch.long), ODD)
    with pytest.raises(ValueError, match="nodes 0 to 4, but nodes=4"):
        side_by_side([ODD, ODD], [6, 4])
    with pytest.raises(ValueError, match="widths=\\(3, 0\\)"):
        GIN(widths=(3, 0))
    with pytest.raises(ValueError, match="nodes of graphs \\[0, 2\\], graphs=2"):
        GIN(widths=(3, 4)).double()(
            features(), ODD, torch.tensor([0, 0, 0, 0, 2, 2]), graphs=2
        )


def test_graphs_without_nodes_have_no_colors():
    none, edge_index = torch.zeros(0, dtype=torch.long), ODD[:, :0]
    assert color_counts(none, edge_index, none, graphs=2).shape == (2, 0)
    graph = torch.tensor([0, 0, 2])
    counts = color_counts(torch.zeros(3).long(), edge_index, graph, graphs=4)
    assert counts.tolist() == [[2], [0], [1], [0]]
    with pytest.raises(ValueError, match="nodes 0 to 2, but nodes=2"):
        color_counts(torch.zeros(3).long(), edge_index, graph, graphs=2)


@pytest.mark.parametrize("nodes", [5, 9, 17])
def test_gcn_is_at_most_one_round_ahead_of_colors(nodes):
    """Geerts, Mazowiecki, and Perez (2021): it knows the degrees from the start."""
    edge_index = edges(nx.path_graph(nodes))
    rounds = refinements(torch.zeros(nodes).long(), edge_index)
    torch.manual_seed(0)
    x = torch.ones(nodes, 1).double()
    for step, layer in enumerate(stack(GCNLayer, 1, len(rounds) - 1).double(), 1):
        x = layer(x, edge_index)
        ahead = rounds[min(step + 1, len(rounds) - 1)]
        equal = same(ahead.tolist()).bool()
        apart = (x[:, None] - x).abs().amax(dim=-1)
        assert apart[equal].max() < 1e-12
    assert apart[~equal].min() > 1e-12


def test_graphs_of_small_integers_do_not_overflow_side_by_side():
    ring = torch.stack([torch.arange(100), torch.arange(100).roll(-1)])
    joined, _ = side_by_side([ring.to(torch.int8)] * 3, sizes=[100] * 3)
    expected, _ = side_by_side([ring] * 3, sizes=[100] * 3)
    assert_close(joined, expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_networks_abreast_learn_as_each_does_alone(variant):
    torch.manual_seed(0)
    networks = [Classifier(VARIANTS[variant], 3).double() for _ in range(2)]
    known, new = (
        graphs._replace(x=graphs.x.double())
        for graphs in (with_degrees(regular_graphs(seed, each=3)) for seed in (0, 9))
    )
    abreast = Abreast(networks)
    layer = networks[0].layers[0]
    for graphs in (known, new):
        scores = abreast(graphs.x, aggregator(layer, graphs, 2))
        alone = torch.stack([network(graphs) for network in networks])
        assert_close(scores, alone)
        probe = torch.randn_like(alone)
        (gradient,) = torch.autograd.grad(
            (probe * scores).sum(), abreast.linears[0].weight
        )
        first = [network.layers[0].mlp[0].weight for network in networks]
        expected = torch.autograd.grad((probe * alone).sum(), first)
        assert_close(gradient, torch.stack(expected).mT)
    right = train_abreast(networks, known, new, steps=5)
    for network, expected in zip(networks, right, strict=True):
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
        for _ in range(5):
            optimizer.zero_grad()
            cross_entropy(network(known), known.label).backward()
            optimizer.step()
            schedule.step()
        alone = [
            (network(graphs).argmax(dim=1) == graphs.label).double().mean()
            for graphs in (known, new)
        ]
        assert_close(expected, torch.stack(alone))

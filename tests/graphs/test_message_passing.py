"""Message passing against torch_geometric, on graphs with all special cases."""

import warnings

import networkx as nx
import pytest
import torch
from torch.testing import assert_close

from snippets.graphs.adjacency_matrix import (
    adjacency_matrix,
    both_directions,
    with_self_loops,
)
from snippets.graphs.karate_club import karate_club
from snippets.graphs.message_passing import (
    MessagePassing,
    propagate,
    receptive_field,
    scatter_max,
    scatter_mean,
    scatter_sum,
)
from snippets.graphs.molecule_network import MoleculeNetwork
from snippets.graphs.own_features import Apart, Mixed
from snippets.graphs.toy_molecules import energy, in_a_row, molecules
from snippets.graphs.tree_lookup import (
    Lookup,
    direct_edges,
    questions,
    toward_roots,
    train,
    tree_edges,
)

with warnings.catch_warnings(action="ignore"):  # it uses torch.jit.script
    import torch_geometric.nn as pyg
    from torch_geometric.utils import scatter

# node 5 is isolated, 4 is heard and hears nobody, 0 -> 1 is there twice, 2 hears itself
EDGES = torch.tensor([[0, 0, 1, 1, 2, 2, 3, 4, 4], [1, 1, 0, 3, 2, 1, 0, 0, 3]])
NODES = 6
WAYS = {"sum": scatter_sum, "mean": scatter_mean, "max": scatter_max}
BY_NODE = {
    "sum": lambda rows: rows.sum(0),
    "mean": lambda rows: rows.mean(0),
    "max": lambda rows: rows.amax(0),
}


def features(*sizes: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(*(sizes or (NODES, 3)), dtype=torch.float64) - 1


def propagate_by_node(x, edge_index, combine):
    """The definition, node by node: ``combine`` the rows of a node's sources."""
    source, target = edge_index
    received = [x[source[target == node]] for node in range(len(x))]
    nothing = torch.zeros_like(x[0])
    return torch.stack([combine(rows) if len(rows) else nothing for rows in received])


def layer(way: str = "sum") -> MessagePassing:
    torch.manual_seed(1)
    made = MessagePassing(features=3, edge_features=2, aggregate=WAYS[way])
    return made.double()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sizes", [(9,), (9, 3), (9, 4, 2)])
def test_scatter_agrees_with_torch_geometric(agrees, way, sizes):
    values, target = features(*sizes), EDGES[1]
    theirs = scatter(values, target, dim=0, dim_size=NODES, reduce=way)
    ours = WAYS[way](values, target, NODES)
    agrees(ours, theirs, "torch_geometric.utils.scatter")


@pytest.mark.parametrize("way", WAYS)
def test_propagation_agrees_with_torch_geometric(agrees, way):
    x = features()
    theirs = pyg.SimpleConv(aggr=way)(x, EDGES)
    agrees(propagate(x, EDGES, WAYS[way]), theirs, "torch_geometric.nn.SimpleConv")


@pytest.mark.parametrize("way", WAYS)
def test_edges_nodes_and_matrices_tell_the_same(agrees, way):
    x = features()
    by_node = propagate_by_node(x, EDGES, BY_NODE[way])
    agrees(propagate(x, EDGES, WAYS[way]), by_node, "its definition as loops")
    if way == "sum":
        dense = adjacency_matrix(EDGES, NODES).double().T @ x
        assert_close(dense, by_node)


class Theirs(pyg.MessagePassing):
    """Our layer with the message passing of torch_geometric."""

    def __init__(self, ours: MessagePassing, way: str):
        super().__init__(aggr=way)
        self.ours = ours

    def forward(self, x, edge_index, edge):
        heard = self.propagate(edge_index, x=x, edge=edge)
        return self.ours.update(torch.cat([x, heard], dim=1)).tanh()

    def message(self, x_i, x_j, edge):
        return self.ours.message(torch.cat([x_i, x_j, edge], dim=1)).tanh()

    def update(self, heard):
        return heard


@pytest.mark.parametrize("way", WAYS)
def test_layer_and_gradient_agree_with_torch_geometric(agrees, way):
    ours = layer(way)
    x, edge = features().requires_grad_(), features(9, 2)
    out, theirs = ours(x, EDGES, edge), Theirs(ours, way)(x, EDGES, edge)
    agrees(out, theirs, "torch_geometric.nn.MessagePassing")
    weight = features(NODES, 3) + 2
    gradient, their_gradient = (
        torch.autograd.grad((result * weight).sum(), x)[0] for result in (out, theirs)
    )
    agrees(gradient, their_gradient, "torch_geometric.nn.MessagePassing")


def test_reading_out_agrees_with_torch_geometric(agrees):
    x, owner = features(), torch.tensor([0, 0, 0, 1, 1, 2])
    theirs = pyg.global_add_pool(x, owner)
    agrees(scatter_sum(x, owner, 3), theirs, "torch_geometric.nn.global_add_pool")


@pytest.mark.parametrize("way", WAYS)
def test_names_do_not_matter(way):
    """``f(Px, PAP') = P f(x, A)``, and what is read out stays the same."""
    x, edge = features(), features(9, 2)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    renamed = order.argsort()[EDGES]
    before, after = layer(way)(x, EDGES, edge), layer(way)(x[order], renamed, edge)
    assert_close(after, before[order])
    assert_close(after.sum(0), before.sum(0))


@pytest.mark.parametrize("way", WAYS)
def test_the_order_of_edges_does_not_matter(way):
    x, edge, order = features(), features(9, 2), torch.randperm(9)
    shuffled = layer(way)(x, EDGES[:, order], edge[order])
    assert_close(shuffled, layer(way)(x, EDGES, edge))


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("node", [16, 0])
def test_receptive_field_grows_by_one_hop_a_layer(depth, node):
    edge_index, _ = karate_club()
    layers = [layer().float() for _ in range(depth)]

    def network(x):
        for step in layers:
            x = step(x, edge_index, torch.ones(edge_index.shape[1], 2))
        return x

    heard = receptive_field(network, torch.randn(34, 3), node)
    ball = nx.ego_graph(nx.karate_club_graph(), node, radius=depth)
    assert set(heard.nonzero()[:, 0].tolist()) == set(ball)


def test_messages_follow_the_arrow():
    out = propagate(torch.tensor([[1.0], [2.0]]), torch.tensor([[0], [1]]))
    assert out.tolist() == [[0.0], [1.0]]


@pytest.mark.parametrize("way", WAYS)
def test_nodes_without_incoming_edges_get_zero(way):
    x = features() - 5  # all below zero
    assert_close(propagate(x, EDGES, WAYS[way])[4:], torch.zeros(2, 3).double())
    none = torch.empty(2, 0, dtype=torch.long)
    assert_close(propagate(x, none, WAYS[way]), 0 * x)


def test_parallel_edges_count_for_sum_and_mean_but_not_for_the_maximum():
    x = torch.tensor([[3.0], [0.0], [6.0]])
    once, twice = torch.tensor([[0, 2], [1, 1]]), torch.tensor([[0, 0, 2], [1, 1, 1]])
    heard = {
        way: [propagate(x, edges, WAYS[way])[1].item() for edges in (once, twice)]
        for way in WAYS
    }
    assert heard == {"sum": [9, 12], "mean": [4.5, 4], "max": [6, 6]}


def test_repeated_means_become_one_value_in_each_part():
    edges = both_directions(torch.tensor([[0, 1, 3], [1, 2, 4]]))
    x, loops = features(), with_self_loops(edges, NODES)
    degree = adjacency_matrix(loops, NODES).sum(0).double()
    faded = x
    for _ in range(200):
        faded = propagate(faded, loops, scatter_mean)
    for part in ([0, 1, 2], [3, 4], [5]):
        level = (degree[part] @ x[part]) / degree[part].sum()
        assert_close(faded[part], level.expand(len(part), 3))


def test_batches_are_graphs_in_parts():
    """Molecules do not hear each other: energies fit those of single ones."""
    edges, strength, owner, energies = molecules(5, seed=0)
    assert torch.equal(owner[edges[0]], owner[edges[1]])
    for number in range(5):
        inside = owner[edges[0]] == number
        half = edges[:, inside] - int((owner < number).sum())
        once = half[0] < half[1]
        alone = energy(half[:, once], strength[inside][once][:, 0])
        assert_close(alone, energies[number])
        graph = nx.Graph(half.T.tolist())
        assert nx.is_tree(graph)
        assert max(degree for _, degree in graph.degree) <= 3


def test_a_chain_has_the_bonds_of_each_molecule():
    edges, strength, owner, _ = molecules(5, seed=0)
    chain, own = in_a_row(edges, strength, owner)
    assert torch.equal(owner[chain[0]], owner[chain[1]])
    assert ((chain[0] - chain[1]).abs() == 1).all()
    assert chain.shape == edges.shape
    for number in range(5):
        before, after = (
            values[owner[pairs[0]] == number].sort(dim=0).values
            for values, pairs in ((strength, edges), (own, chain))
        )
        assert_close(after, before)


@pytest.mark.parametrize("leaves", [2, 4, 8])
@pytest.mark.parametrize("edges", [tree_edges, direct_edges])
def test_all_leaves_of_a_tree_reach_their_own_root(edges, leaves):
    nodes = 2 * leaves - 1
    tree = nx.DiGraph(edges(3, leaves).T.tolist())
    for number in range(3):
        below = nx.ancestors(tree, number * nodes)
        assert below <= set(range(number * nodes, (number + 1) * nodes))
        first = number * nodes + leaves - 1
        assert set(range(first, first + leaves)) <= below
    degrees = {degree for _, degree in tree.in_degree if degree}
    assert degrees == ({2} if edges is tree_edges else {leaves})


def test_answers_are_the_values_of_the_keys_that_roots_ask_for():
    asked, key, value, answer = questions(20, leaves=8)
    for tree in range(20):
        assert sorted(key[tree].tolist()) == list(range(8))
        assert value[tree, key[tree].tolist().index(asked[tree])] == answer[tree]
    scores = Lookup(leaves=8, features=6, layers=3)
    parts = toward_roots(tree_edges(20, 8), batch=20, leaves=8, layers=3)
    assert scores(questions(20, 8), parts).shape == (20, 4)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("edges", [tree_edges, direct_edges])
def test_roots_need_only_nodes_and_edges_on_the_way(edges, layers):
    torch.manual_seed(0)
    network, drawn = Lookup(leaves=8, features=6, layers=layers), questions(5, 8)
    every = torch.arange(5 * 15), edges(5, 8)
    kept = toward_roots(edges(5, 8), batch=5, leaves=8, layers=layers)
    assert_close(network(drawn, kept), network(drawn, [every] * layers))
    hops = [15, 15, 7, 3] if edges is tree_edges else [9, 9, 9, 9]
    sizes = [5 * size for size in hops[4 - layers :]]
    assert [len(place) for place, _ in kept] == sizes
    assert kept[-1][1].shape[1] == (10 if edges is tree_edges else 40)


def test_edges_to_nowhere_are_refused():
    x, cause = features(5, 3), "edges name nodes 0 to 6, but nodes=5"
    edges = torch.tensor([[0, 6], [1, 2]])
    for send in (
        lambda: propagate(x, edges),
        lambda: layer()(x, edges, features(2, 2)),
    ):
        with pytest.raises(ValueError, match=cause):
            send()


@pytest.mark.parametrize("way", WAYS)
def test_one_node_without_edges(way):
    nobody = torch.zeros(2, 0, dtype=torch.long)
    x, edge = torch.zeros(1, 3), torch.zeros(0, 2)
    assert_close(propagate(x + 1, nobody, WAYS[way]), x)
    assert layer(way).float()(x, nobody, edge).isfinite().all()


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_many_neighbors_are_summed_and_averaged_in_half_precision(kind):
    """A running sum of ones would stop at 256 in bfloat16, at 2048 in float16."""
    target = torch.zeros(70_000, dtype=torch.long)
    ones = torch.ones(70_000, 1, dtype=kind)
    assert_close(scatter_sum(ones[:4096], target[:4096], 1)[0, 0].item(), 4096.0)
    assert_close(scatter_mean(ones, target, 1)[0, 0].item(), 1.0)


def test_all_ways_take_indices_of_32_bits():
    values, target = features(9, 3), EDGES[1]
    for way in WAYS.values():
        ours = way(values, target.int(), NODES)
        assert_close(ours, way(values, target, NODES))


@pytest.mark.parametrize("needs_gradient", [False, True])
def test_a_receptive_field_leaves_its_input_as_it_was(needs_gradient):
    x = features().requires_grad_(needs_gradient)
    receptive_field(lambda x: propagate(x, EDGES), x, node=0)
    assert x.requires_grad == needs_gradient
    assert x.grad is None


def test_a_row_of_zeros_is_in_the_receptive_field_if_it_could_change_something():
    field = receptive_field(lambda x: propagate(x, EDGES), 0 * features(), node=0)
    assert field.nonzero()[:, 0].tolist() == [1, 3, 4]


def test_a_receptive_field_is_a_lower_bound_where_units_are_saturated():
    x, step = features(), layer()
    whole = receptive_field(lambda x: step(x, EDGES, features(9, 2)), x, node=0)
    part = receptive_field(lambda x: step(x, EDGES, features(9, 2)), 1e6 * x, node=0)
    assert whole.nonzero()[:, 0].tolist() == [0, 1, 3, 4]
    assert (part <= whole).all()
    assert part.sum() < whole.sum()


def test_the_number_of_a_molecule_does_not_depend_on_the_batch():
    torch.manual_seed(0)
    model = MoleculeNetwork(steps=2)
    edges, strength, owner, _ = molecules(4, seed=0)
    first = 0
    for number, together in enumerate(model(edges, strength, owner)):
        own, atoms = owner[edges[0]] == number, owner == number
        alone = model(edges[:, own] - first, strength[own], owner[atoms] - number)
        assert_close(alone[0], together)
        first += int(atoms.sum())


def test_own_features_are_apart_or_mixed_in():
    """A node whose neighbor is its copy hears the same as a node without neighbors."""
    torch.manual_seed(0)
    sizes = {"features": 3, "hidden": 4, "classes": 2}
    x, nobody = torch.randn(1, 3).expand(2, 3), torch.zeros(2, 0, dtype=torch.long)
    other = torch.tensor([[0], [1]])
    for kind, same in ((Mixed, True), (Apart, False)):
        model = kind(**sizes)
        alone, heard = model(x, nobody), model(x, other)
        assert torch.equal(alone[0], heard[0])
        assert torch.allclose(alone[1], heard[1]) == same


def test_training_in_trees_starts_near_guessing_and_learns():
    torch.manual_seed(0)
    model = Lookup(leaves=2, features=16, layers=1)
    edges = direct_edges(64, 2)
    right = train(model, edges, batch=64, leaves=2, steps=200)
    assert len(right) == 200
    assert right[0] < 0.5
    assert min(right[-10:]) > 0.9

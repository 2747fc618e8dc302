"""GAT and GATv2 against torch_geometric's layers."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, elu, leaky_relu
from torch.testing import assert_close

from snippets.graphs.adjacency_matrix import edges_of, with_self_loops
from snippets.graphs.dictionary_abreast import GATsAbreast, look_up_abreast
from snippets.graphs.dictionary_lookup import dictionaries
from snippets.graphs.gat import GAT, GATv2, edge_softmax
from snippets.graphs.junk_classifier import MeanLayer
from snippets.graphs.junk_graphs import (
    together,
    without_edges,
    without_flag,
    without_junk,
)

with warnings.catch_warnings(action="ignore"):  # it uses torch.jit.script
    from torch_geometric.nn import GATConv, GATv2Conv, SAGEConv
    from torch_geometric.utils import softmax

GRAPHS = {
    "undirected": [[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]],
    "directed": [[0, 1, 2, 5, 4], [1, 2, 0, 1, 1]],
    "parallel edges": [[0, 0, 0, 1, 4, 2], [1, 1, 1, 0, 3, 1]],
    "self-loops": [[0, 1, 2, 2, 3], [1, 0, 2, 4, 3]],
    "isolated nodes": [[2, 5], [5, 2]],
    "no edges": [[], []],
}
LAYERS = [GAT, GATv2]


def random_nodes(edges: str):
    torch.manual_seed(0)
    edge_index = torch.tensor(GRAPHS[edges], dtype=torch.long)
    return torch.randn(7, 5, dtype=torch.float64), edge_index


def random_layer(layer: type, heads: int = 3):
    torch.manual_seed(1)
    ours = layer(features=5, heads=heads, hidden=4).double()
    torch.nn.init.normal_(ours.bias)
    return ours


def gat_conv(ours: GAT, concat: bool) -> GATConv:
    theirs = GATConv(5, 4, heads=ours.heads, concat=concat).double()
    theirs.lin.weight.data = ours.lin_src.weight.data
    theirs.att_src.data = ours.att_src.data[None]
    theirs.att_dst.data = ours.att_dst.data[None]
    theirs.bias.data = ours.bias.data.flatten() if concat else ours.bias.data.mean(0)
    return theirs


def gatv2_conv(ours: GATv2, concat: bool) -> GATv2Conv:
    """Theirs has a bias in both projections too: the paper has none, so it is zero."""
    theirs = GATv2Conv(5, 4, heads=ours.heads, concat=concat).double()
    theirs.lin_l.weight.data = ours.lin_src.weight.data
    theirs.lin_r.weight.data = ours.lin_dst.weight.data
    theirs.att.data = ours.att.data[None]
    theirs.bias.data = ours.bias.data.flatten() if concat else ours.bias.data.mean(0)
    torch.nn.init.zeros_(theirs.lin_l.bias)
    torch.nn.init.zeros_(theirs.lin_r.bias)
    return theirs


AS_THEIRS = pytest.mark.parametrize(
    ("layer", "conv", "name"),
    [
        (GAT, gat_conv, "torch_geometric.nn.GATConv"),
        (GATv2, gatv2_conv, "torch_geometric.nn.GATv2Conv"),
    ],
)


@AS_THEIRS
@pytest.mark.parametrize("edges", GRAPHS)
@pytest.mark.parametrize("concat", [True, False])
@pytest.mark.parametrize("heads", [1, 3])
def test_layer_agrees_with_torch_geometric(
    agrees, layer, conv, name, edges, concat, heads
):
    x, edge_index = random_nodes(edges)
    ours = random_layer(layer, heads)
    out = ours(x, edge_index)
    out = out.flatten(1) if concat else out.mean(1)
    agrees(out, conv(ours, concat)(x, edge_index), name)


@AS_THEIRS
def test_weights_and_gradients_agree_with_torch_geometric(agrees, layer, conv, name):
    x, edge_index = random_nodes("parallel edges")
    ours = random_layer(layer)
    theirs = conv(ours, concat=True)
    _, (edges, their_weights) = theirs(x, edge_index, return_attention_weights=True)
    assert_close(edges, with_self_loops(edge_index, 7))
    agrees(ours.weights(x, edges), their_weights, name)
    x.requires_grad_()
    pull = torch.randn(7, 12, dtype=torch.float64)
    (mine,) = torch.autograd.grad(ours(x, edge_index).flatten(1), x, pull)
    (other,) = torch.autograd.grad(theirs(x, edge_index), x, pull)
    agrees(mine, other, name)


@pytest.mark.parametrize("edges", [name for name in GRAPHS if name != "no edges"])
def test_edge_softmax_agrees_with_torch_geometric(agrees, edges):
    _, edge_index = random_nodes(edges)
    scores = 30 * torch.randn(edge_index.shape[1], 3, dtype=torch.float64)
    ours = edge_softmax(scores, edge_index[1], nodes=7)
    theirs = softmax(scores, edge_index[1], num_nodes=7)
    agrees(ours, theirs, "torch_geometric.utils.softmax")


def gat_score(layer: GAT, target, source, head):
    value = layer.lin_src.weight.view(layer.heads, 4, 5)[head]
    listens = layer.att_dst[head] @ value @ target
    return leaky_relu(listens + layer.att_src[head] @ value @ source, 0.2)


def gatv2_score(layer: GATv2, target, source, head):
    value = layer.lin_src.weight.view(layer.heads, 4, 5)[head]
    query = layer.lin_dst.weight.view(layer.heads, 4, 5)[head]
    return layer.att[head] @ leaky_relu(query @ target + value @ source, 0.2)


@pytest.mark.parametrize(("layer", "score"), [(GAT, gat_score), (GATv2, gatv2_score)])
@pytest.mark.parametrize("edges", GRAPHS)
def test_layer_is_its_definition(agrees, layer, score, edges):
    x, edge_index = random_nodes(edges)
    ours = random_layer(layer)
    pairs = [pair for pair in edge_index.T.tolist() if pair[0] != pair[1]]
    pairs += [[node, node] for node in range(7)]
    expected = torch.zeros(7, 3, 4, dtype=torch.float64)
    for node in range(7):
        heard = [source for source, target in pairs if target == node]
        for head in range(3):
            scores = [score(ours, x[node], x[source], head) for source in heard]
            weights = torch.stack(scores).softmax(dim=0)
            value = ours.lin_src.weight.view(3, 4, 5)[head]
            for weight, source in zip(weights, heard, strict=True):
                expected[node, head] += weight * (value @ x[source])
    agrees(ours(x, edge_index), expected + ours.bias, "its definition as loops")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("edges", GRAPHS)
def test_weights_of_what_a_node_hears_sum_to_one(layer, edges):
    x, edge_index = random_nodes(edges)
    edge_index = with_self_loops(edge_index, 7)
    weights = random_layer(layer).weights(x, edge_index)
    assert (weights > 0).all()
    total = torch.zeros(7, 3, dtype=torch.float64).index_add(0, edge_index[1], weights)
    assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("edges", GRAPHS)
def test_names_of_nodes_do_not_matter(layer, edges):
    x, edge_index = random_nodes(edges)
    net = random_layer(layer)
    order = torch.randperm(7)  # node ``i`` is called ``order[i]`` afterwards
    renamed = torch.empty_like(x).index_copy(0, order, x)
    assert_close(net(renamed, order[edge_index])[order], net(x, edge_index))


@pytest.mark.parametrize("layer", LAYERS)
def test_isolated_node_hears_itself(layer):
    x, edge_index = random_nodes("isolated nodes")
    net = random_layer(layer)
    alone = net.by_head(net.lin_src(x)) + net.bias
    kept = [0, 1, 3, 4, 6]
    assert_close(net(x, edge_index)[kept], alone[kept])


@pytest.mark.parametrize("layer", LAYERS)
def test_parallel_edge_is_heard_twice(layer):
    """Twice the weight of a single edge, before they are divided by their sum."""
    x, _ = random_nodes("no edges")
    net = random_layer(layer)
    once = net.weights(x, torch.tensor([[0, 2], [1, 1]]))
    twice = net.weights(x, torch.tensor([[0, 0, 2], [1, 1, 1]]))
    assert_close(twice[:2].sum(0) / twice[2], 2 * once[0] / once[1])


@pytest.mark.parametrize("layer", LAYERS)
def test_given_self_loop_changes_nothing(layer):
    x, edge_index = random_nodes("undirected")
    looped = torch.cat([edge_index, torch.tensor([[1, 1, 6], [1, 1, 6]])], dim=1)
    net = random_layer(layer)
    assert_close(net(x, looped), net(x, edge_index))


@pytest.mark.parametrize("layer", LAYERS)
def test_large_scores_stay_finite(layer):
    x, edge_index = random_nodes("directed")
    net = random_layer(layer)
    x = (1e4 * x).requires_grad_()
    net(x, edge_index).sum().backward()
    assert x.grad.isfinite().all()


def rankings(layer: type) -> int:
    """How many orders of the same ten sources there are among ten targets."""
    torch.manual_seed(2)
    x = torch.randn(10, 5, dtype=torch.float64)
    everyone = edges_of(torch.ones(10, 10))
    scores = random_layer(layer, heads=1).scores(x, everyone)[:, 0]
    return scores.unflatten(0, (10, 10)).argsort(dim=0).unique(dim=1).shape[1]


def test_attention_of_gat_is_static_and_that_of_gatv2_dynamic():
    assert rankings(GAT) == 1
    assert rankings(GATv2) > 1


@pytest.mark.parametrize("layer", LAYERS)
def test_bad_sizes_are_refused(layer):
    x, edge_index = random_nodes("undirected")
    with pytest.raises(ValueError, match="edges name nodes 0 to 3, but nodes=3"):
        random_layer(layer)(x[:3], edge_index)
    with pytest.raises(ValueError, match="4 features, the layer has 5"):
        random_layer(layer)(x[:, :4], edge_index)
    with pytest.raises(ValueError, match="features=5, heads=0, hidden=4"):
        layer(features=5, heads=0, hidden=4)


@pytest.mark.parametrize("layer", [GAT, GATv2])
def test_fresh_weights_fill_the_range_of_xavier_and_biases_are_zero(layer):
    fresh = layer(features=40, heads=4, hidden=20)
    assert_close(fresh.bias, torch.zeros(4, 20))
    for name, weight in fresh.named_parameters():
        if name != "bias":
            limit = (6 / sum(weight.shape)) ** 0.5
            assert 0.9 * limit < weight.abs().max() <= limit


@pytest.mark.parametrize("layer", [GAT, GATv2])
def test_one_feature_is_enough(layer):
    alone = torch.zeros(2, 0, dtype=torch.long)
    made = layer(features=1, heads=1, hidden=1)
    assert_close(made(torch.ones(1, 1), alone), made.lin_src.weight[None])


@pytest.mark.parametrize("edges", GRAPHS)
def test_the_mean_without_attention_agrees_with_torch_geometric(agrees, edges):
    x, edge_index = random_nodes(edges)
    ours, theirs = MeanLayer(features=5, hidden=4).double(), SAGEConv(5, 4).double()
    own, mean = ours.linear.weight.data.split(5, dim=1)
    theirs.lin_r.weight.data, theirs.lin_l.weight.data = own, mean
    theirs.lin_l.bias.data = ours.linear.bias.data
    agrees(ours(x, edge_index), theirs(x, edge_index), "torch_geometric.nn.SAGEConv")


def test_junk_graphs_are_what_they_say():
    x, edge_index, label, junk = together(range(20))
    source, target = edge_index
    assert torch.equal(source // 150, target // 150)
    assert torch.equal((x[:, 3] == 1), junk)
    hint = x[torch.arange(len(x)), label]
    assert abs(hint[~junk].mean().item() - 1) < 0.1
    assert abs(hint[junk].mean().item()) < 0.2
    assert abs(x[~junk, 4].std().item() - 1) < 0.1
    assert abs(x[junk, :3].std().item() - 4) < 0.2
    ordinary = ~junk[source] & ~junk[target]
    same = (label[source] == label[target]).double()
    assert same[ordinary].mean() > 0.7
    assert same[~ordinary].mean() < 0.4


def test_dictionaries_are_answered_by_the_entry_of_the_word():
    x, (source, target), meaning = dictionaries(3, torch.Generator().manual_seed(0))
    word, told = x.split(8, dim=1)
    for question, answer in zip(
        [16 * book + 8 + row for book in range(3) for row in range(8)],
        meaning.tolist(),
        strict=True,
    ):
        entries = source[target == question]
        (entry,) = [e for e in entries if torch.equal(word[e], word[question])]
        assert told[entry].argmax() == answer
        assert not told[question].any()


def test_controls_lack_what_they_say_and_nothing_else():
    graph = together(range(2))
    assert without_edges(graph).edge_index.shape == (2, 0)
    x = without_flag(graph).x
    assert torch.equal(x != graph.x, (torch.arange(6) == 3).expand(len(x), -1))
    assert not x[:, 3].any()
    kept = set(map(tuple, without_junk(graph).edge_index.T.tolist()))
    for source, target in graph.edge_index.T.tolist():
        assert ((source, target) in kept) != (graph.junk[[source, target]].any())


@pytest.mark.parametrize("heads", [1, 3])
def test_gats_abreast_look_up_as_each_does_alone(heads):
    torch.manual_seed(0)
    layers = [GAT(features=16, heads=heads, hidden=5).double() for _ in range(2)]
    answers = [nn.Linear(5 * heads, 8).double() for _ in range(2)]
    for layer in layers:
        nn.init.normal_(layer.bias)
    given = [dictionaries(4, torch.Generator().manual_seed(seed)) for seed in range(2)]
    x = torch.stack([one.x for one in given]).double()
    abreast = GATsAbreast(layers, answers)
    scores = abreast(x.view(2, 4, 2, 8, 16))
    alone = []
    for one, edges, layer, answer in zip(x, given, layers, answers, strict=True):
        out = answer(elu(layer(one, edges.edge_index).flatten(1)))
        alone.append(out.unflatten(0, (-1, 2, 8))[:, 1].flatten(0, 1))
    assert_close(scores, torch.stack(alone))
    probe = torch.randn_like(scores)
    ours = torch.autograd.grad((probe * scores).sum(), [abreast.att_dst, abreast.lin])
    alone = (probe * torch.stack(alone)).sum()
    for name, gradient in zip(("att_dst", "lin_src.weight"), ours, strict=True):
        single = [layer.get_parameter(name) for layer in layers]
        single = torch.autograd.grad(alone, single, retain_graph=True)
        assert_close(gradient.reshape(2, *single[0].shape), torch.stack(single))


def test_training_abreast_is_training_alone():
    torch.manual_seed(1)
    layer, answer = GAT(features=16, heads=1, hidden=32), nn.Linear(32, 8)
    random = torch.Generator().manual_seed(1)
    learned = [*layer.parameters(), *answer.parameters()]
    optimizer = torch.optim.Adam(learned, lr=0.02)
    for count in [8] * 4 + [100]:
        x, edges, meaning = dictionaries(count, random)
        scores = answer(elu(layer(x, edges).flatten(1)))
        scores = scores.unflatten(0, (-1, 2, 8))[:, 1].flatten(0, 1)
        optimizer.zero_grad()
        cross_entropy(scores, meaning).backward()
        optimizer.step()
    alone = (scores.argmax(dim=1) == meaning).double().mean().item()
    both = look_up_abreast(heads=1, steps=4, seeds=(0, 1))
    assert both[1] == pytest.approx(alone, abs=0.005)

"""GraphSAGE against torch_geometric's SAGEConv, on graphs with every oddity."""

import warnings

import pytest
import torch
from scipy.stats import chisquare
from sklearn.preprocessing import normalize as scaled_rows
from torch.nn.functional import normalize
from torch.testing import assert_close

from snippets.graphs.adjacency_matrix import adjacency_matrix
from snippets.graphs.graphsage import GraphSAGE, SAGELayer, averaging_matrix
from snippets.graphs.message_passing import propagate, scatter_mean
from snippets.graphs.neighbor_sampling import draw, sampled_tree

with warnings.catch_warnings(action="ignore"):  # it uses torch.jit.script
    from torch_geometric.nn import SAGEConv

NODES = 6  # node 5 is isolated, node 4 is heard and hears nobody
ODD = torch.tensor(  # parallel edges from 0 to 1, a self-loop at 2
    [[0, 0, 1, 1, 2, 2, 3, 4, 4], [1, 1, 0, 3, 2, 1, 0, 0, 3]]
)
SAGE_CONV = "torch_geometric.nn.SAGEConv"


def features(nodes: int = NODES, seed: int = 1) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(nodes, 3, dtype=torch.float64)


def layer(in_features: int = 3, out_features: int = 7) -> SAGELayer:
    torch.manual_seed(0)
    return SAGELayer(in_features=in_features, out_features=out_features).double()


def net(*widths: int) -> GraphSAGE:
    torch.manual_seed(0)
    return GraphSAGE(widths=widths).double()


def theirs(ours: SAGELayer) -> SAGEConv:
    own, heard = ours.linear.weight.data.chunk(2, dim=1)
    conv = SAGEConv(own.shape[1], own.shape[0]).double()
    conv.lin_r.weight.data, conv.lin_l.weight.data = own, heard
    conv.lin_l.bias.data = ours.linear.bias.data
    return conv


def test_layer_agrees_with_sage_conv(agrees):
    ours, x = layer(), features()
    heard = normalize(theirs(ours)(x, ODD).relu())
    agrees(ours(x, ODD), heard, SAGE_CONV)


def test_matrix_form_agrees_with_sage_conv(agrees):
    ours, x = layer(), features()
    adjacency = adjacency_matrix(ODD, NODES).double()
    heard = normalize(theirs(ours)(x, ODD).relu())
    agrees(ours.dense(x, adjacency), heard, SAGE_CONV)
    assert_close(ours.dense(x, adjacency), ours(x, ODD))


def test_averaging_matrix_agrees_with_scikit_learn(agrees):
    heard = adjacency_matrix(ODD, NODES).double().T
    expected = torch.from_numpy(scaled_rows(heard.numpy(), norm="l1"))
    agrees(averaging_matrix(heard.T), expected, "sklearn.preprocessing.normalize")


def test_layer_is_its_definition_node_by_node(agrees):
    ours, x = layer(), features()
    rows = []
    for node in range(NODES):
        told = [x[j] for j, i in ODD.T.tolist() if i == node]
        mean = sum(told) / len(told) if told else torch.zeros(3, dtype=x.dtype)
        row = ours.linear.weight @ torch.cat([x[node], mean]) + ours.linear.bias
        row = row.clamp(min=0)
        rows.append(row / row.square().sum().sqrt())
    agrees(ours(x, ODD), torch.stack(rows), "its definition as loops")


def test_embeddings_have_length_one_or_are_zero():
    ours, x = layer(), features()
    assert_close(ours(x, ODD).norm(dim=1), torch.ones(NODES, dtype=x.dtype))
    torch.nn.init.constant_(ours.linear.bias, -100)
    assert_close(ours(x, ODD), torch.zeros(NODES, 7, dtype=x.dtype))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_without_active_units_is_zero_and_not_nan(dtype):
    ours, x = layer().to(dtype), features().to(dtype)
    torch.nn.init.constant_(ours.linear.bias, -100)
    assert_close(ours(x, ODD), torch.zeros(NODES, 7, dtype=dtype))
    ours(x, ODD).sum().backward()
    assert not ours.linear.weight.grad.any()


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
def test_length_is_one_at_any_scale(scale):
    ours = layer().float()
    torch.nn.init.zeros_(ours.linear.bias)
    x = features().float()
    assert_close(ours(scale * x, ODD), ours(x, ODD))


@pytest.mark.parametrize("node", [4, 5])
def test_who_hears_nobody_depends_on_itself_alone(node):
    ours, x = net(3, 5, 7), features()
    others = features(seed=2)
    others[node] = x[node]
    assert_close(ours(x, ODD)[node], ours(others, ODD)[node])


def test_a_graph_without_edges_is_a_network_on_each_node():
    ours, x = layer(), features()
    heard = ours.update(x, torch.zeros_like(x))
    assert_close(ours(x, ODD[:, :0]), heard)
    assert_close(ours.dense(x, torch.zeros(NODES, NODES, dtype=x.dtype)), heard)


def test_permuted_nodes_give_permuted_embeddings():
    order = torch.randperm(NODES)
    place = order.argsort()
    adjacency, x = adjacency_matrix(ODD, NODES).double(), features()
    ours, deep = layer(), net(3, 5, 7)
    assert_close(ours(x[order], place[ODD]), ours(x, ODD)[order])
    assert_close(deep(x[order], place[ODD]), deep(x, ODD)[order])
    permuted = adjacency[order][:, order]
    assert_close(ours.dense(x[order], permuted), ours.dense(x, adjacency)[order])


def test_sampled_embeddings_agree_with_sage_conv(agrees):
    """Each slot of the tree is a node of its own, and slots of nobody have no edge."""
    ours, x = net(3, 5, 7), features()
    targets = torch.tensor([1, 5, 0, 3])
    first, second = sampled_tree(targets, ODD, NODES, fan_outs=(2, 3))

    def listen(conv, own, heard, present):  # (slots, width), (slots, fan_out, width)
        slot = torch.arange(len(own))[:, None].expand_as(present)
        source = torch.arange(present.numel()).view_as(present)
        edge_index = torch.stack([source[present], slot[present]])
        return normalize(conv((heard.flatten(0, 1), own), edge_index).relu())

    slots = second.flatten(0, 1)
    one, two = (theirs(part) for part in ours.layers)
    h = listen(one, x[slots[:, 0]], x[slots[:, 1:]], slots[:, 1:] >= 0).view(4, 4, 5)
    expected = listen(two, h[:, 0], h[:, 1:], first[:, 1:] >= 0)
    agrees(ours.sampled(x, [first, second]), expected, SAGE_CONV)


def test_one_neighbor_each_makes_sampling_exact():
    ring = torch.stack([torch.arange(5), torch.arange(5).roll(1)])
    ours, x = net(3, 4, 2, 6), features(5)
    levels = sampled_tree(torch.arange(5), ring, 5, fan_outs=(2, 1, 3))
    assert_close(ours.sampled(x, levels), ours(x, ring))


def test_who_hears_nobody_is_embedded_exactly():
    ours, x = net(3, 5, 7), features()
    levels = sampled_tree(torch.tensor([4, 5]), ODD, NODES, fan_outs=(2, 3))
    assert_close(ours.sampled(x, levels), ours(x, ODD)[[4, 5]])


def test_each_slot_is_the_node_itself_then_its_neighbors():
    first, second = sampled_tree(torch.arange(NODES), ODD, NODES, fan_outs=(2, 3))
    assert first.shape == (NODES, 4)
    assert second.shape == (NODES, 4, 3)
    edges = {tuple(edge) for edge in ODD.T.tolist()}
    above = torch.arange(NODES)
    for level in (first, second):
        assert_close(level[..., 0], above)
        rows = level.flatten(0, -2).tolist()
        for node, *drawn in rows:
            hears = [j for j, i in edges if i == node]
            assert set(drawn) <= set(hears) if hears else set(drawn) == {-1}
        above = level


@pytest.mark.parametrize(
    ("node", "shares"), [(0, {1: 1, 3: 1, 4: 1}), (1, {0: 2, 2: 1})]
)
def test_neighbors_are_drawn_as_often_as_their_edges(node, shares):
    random = torch.Generator().manual_seed(0)
    first, *_ = sampled_tree(torch.tensor([node]), ODD, NODES, (3000,), random)
    counts = first[0, 1:].bincount(minlength=NODES).tolist()
    total = sum(shares.values())
    expected = [3000 * shares.get(other, 0) / total for other in range(NODES)]
    drawn = [pair for pair in zip(counts, expected, strict=True) if pair != (0, 0)]
    assert chisquare(*zip(*drawn, strict=True)).pvalue > 0.01


@pytest.mark.parametrize("fan_out", [1, 2, 5])
def test_sampled_mean_is_unbiased_with_error_of_one_over_fan_out(fan_out):
    x, draws = features(), 4000
    random = torch.Generator().manual_seed(0)
    trees = sampled_tree(torch.zeros(draws).long(), ODD, NODES, (fan_out,), random)
    means = x[trees[0][:, 1:]].mean(dim=1)
    variance = x[[1, 3, 4]].var(dim=0, correction=0) / fan_out
    off = means.mean(dim=0) - propagate(x, ODD, scatter_mean)[0]
    assert (off.abs() < 4 * (variance / draws).sqrt()).all()
    assert_close(means.var(dim=0), variance, rtol=0.1, atol=0)


def test_a_single_feature_is_enough():
    assert layer(1, 1)(features(NODES)[:, :1], ODD).shape == (NODES, 1)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="in_features=3 to out_features=0"):
        SAGELayer(in_features=3, out_features=0)
    with pytest.raises(ValueError, match="nodes 0 to 4, but nodes=4"):
        layer()(features(4), ODD)
    with pytest.raises(ValueError, match="nodes 0 to 6, but nodes=6"):
        sampled_tree(torch.tensor([0, 6]), ODD, NODES, (2,))
    with pytest.raises(ValueError, match="cannot draw fan_outs=\\(2, 0\\)"):
        sampled_tree(torch.tensor([0]), ODD, NODES, (2, 0))
    levels = sampled_tree(torch.tensor([0]), ODD, NODES, (2, 2))
    with pytest.raises(ValueError, match="longer"):
        net(3, 5).sampled(features(), levels)


def test_nobody_draws_nobody():
    begin, sources = torch.tensor([0, 0, 1]), torch.tensor([0])
    assert draw(torch.tensor([-1, 0, 1]), begin, sources, 2).tolist() == [
        [-1, -1],
        [-1, -1],
        [0, 0],
    ]


def test_neighbors_are_drawn_on_the_device_of_the_graph():
    begin, sources, level = (
        torch.zeros(n, dtype=int, device="meta") for n in (4, 5, 3)
    )
    drawn = draw(level, begin, sources, 2)
    assert (drawn.device.type, drawn.shape) == ("meta", (3, 2))


def test_who_has_no_neighbors_hears_nothing_of_the_last_node():
    """A missing neighbor is selected away; times zero, NaN would stay NaN."""
    x = torch.randn(4, 3)
    x[3] = torch.nan
    net, edge_index = GraphSAGE(widths=(3, 4)), torch.tensor([[1], [0]])
    levels = sampled_tree(torch.arange(3), edge_index, 4, fan_outs=(2,))
    assert_close(net.sampled(x, levels), net(x, edge_index)[:3])

"""Label spreading against networkx, and the toy citations it is tried on."""

import networkx as nx
import pytest
import torch
from networkx.algorithms.node_classification import local_and_global_consistency
from torch.testing import assert_close

from snippets.graphs.adjacency_matrix import adjacency_matrix, both_directions
from snippets.graphs.gcn import GCN
from snippets.graphs.karate_club import karate_club
from snippets.graphs.label_spreading import label_spreading
from snippets.graphs.semi_supervised import trained_scores, training
from snippets.graphs.toy_citations import citations

EDGES = both_directions(torch.tensor([[0, 0, 1, 2, 4], [1, 2, 2, 3, 5]]))  # 6 is alone


def two_labels(nodes: int = 7) -> torch.Tensor:
    Y = torch.zeros(nodes, 2, dtype=torch.float64)
    Y[0, 0] = Y[nodes - 1, 1] = 1
    return Y


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.99])
def test_predictions_agree_with_networkx(alpha):
    edge_index, _ = karate_club()
    club = nx.karate_club_graph()
    club = nx.from_numpy_array(nx.to_numpy_array(club, weight=None))
    club.nodes[0]["label"], club.nodes[33]["label"] = 0, 1
    theirs = local_and_global_consistency(club, alpha, max_iter=2000)
    ours = label_spreading(edge_index, two_labels(34), alpha).argmax(dim=1)
    assert ours.tolist() == list(theirs)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9])
def test_scores_are_the_limit_of_the_iteration(agrees, alpha):
    A = adjacency_matrix(EDGES, 7).double()
    degree = A.sum(dim=0)
    Y, F = two_labels(), torch.randn(7, 2, dtype=torch.float64)
    for _ in range(600):
        G = torch.zeros_like(F)
        for i, j in EDGES.T.tolist():
            G[i] += F[j] / (degree[i] * degree[j]).sqrt()
        F = alpha * G + (1 - alpha) * Y
    agrees(label_spreading(EDGES, Y, alpha), F, "the iteration of the paper")


def test_isolated_nodes_keep_their_part_of_the_label():
    scores = label_spreading(EDGES, two_labels(), alpha=0.75)
    assert_close(scores[6], torch.tensor([0.0, 0.25], dtype=torch.float64))
    assert_close(scores[4:6], torch.zeros(2, 2, dtype=torch.float64))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"alpha=1\.0"):
        label_spreading(EDGES, two_labels(), alpha=1.0)
    with pytest.raises(ValueError, match="edges name nodes 0 to 5, but nodes=3"):
        label_spreading(EDGES, two_labels(3))
    with pytest.raises(ValueError, match="nodes=402"):
        citations(seed=0, nodes=402)


@pytest.mark.parametrize("homophily", [0.0, 0.25, 1.0])
def test_citations_stay_within_the_topic_as_often_as_asked(homophily):
    x, (source, target), topic = citations(0, homophily, nodes=4000)
    same = (topic[source] == topic[target]).double().mean().item()
    assert abs(same - homophily) < 0.02
    assert_close(x.sum(dim=1), torch.ones(4000))
    assert (source != target).all()


def test_words_of_the_own_topic_are_as_frequent_as_asked():
    x, _, topic = citations(0, nodes=4000, on_topic=0.3)
    own = x.unflatten(1, (4, 20)).sum(dim=2)[torch.arange(4000), topic]
    assert abs(own.mean().item() - (0.3 + 0.7 / 4)) < 0.01


def test_training_sees_the_labels_of_labeled_nodes_only():
    x, edge_index, topic = citations(0, nodes=40)
    labeled = torch.arange(8)
    hidden = torch.where(torch.arange(40) < 8, topic, 0)
    results = []
    for label in (topic, hidden):
        torch.manual_seed(0)
        model = GCN(features=80, hidden=4, classes=4)
        scores = trained_scores(model, x, edge_index, label, labeled, steps=50)
        results.append(scores)
    assert_close(results[0], results[1])
    assert (results[0].argmax(dim=1) == topic)[:8].double().mean() > 0.5


def test_training_yields_the_scores_before_the_first_and_after_the_last_step():
    x, edge_index, topic = citations(0, nodes=40)
    model = GCN(features=80, hidden=4, classes=4)
    first = model(x, edge_index).detach()
    run = list(training(model, x, edge_index, topic, torch.arange(8), steps=3))
    assert len(run) == 4
    assert_close(run[0], first)
    assert_close(run[-1], model(x, edge_index).detach())

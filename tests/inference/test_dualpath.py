"""DualPath and routing against clusters on SimPy, and against bounds for split work.

The second cluster is written here from the paper's description: every storage NIC,
every link and every prefill node is a SimPy resource, and a turn walks through them.
Both must finish each turn at the same instant.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from snippets.inference.dualpath import (
    Cluster,
    Job,
    draw_jobs,
    earliest,
    gain_bound,
    rate_bound,
    serve_in_turn,
    shortest_queue,
    simulate,
)
from snippets.inference.prefix_routing import (
    Turn,
    draw_turns,
    prefix_aware,
    round_robin,
    serve_turns,
)

bounded = settings(max_examples=40, deadline=None, derandomize=True, database=None)


class SimPyCluster:
    """Turns are processes; NICs, links and nodes serve one at a time."""

    def __init__(self, jobs, cluster):
        self.env, self.cluster = simpy.Environment(), cluster
        nodes = cluster.prefill + cluster.decode
        one = lambda: simpy.Resource(self.env, capacity=1)  # noqa: E731
        self.cards = [one() for _ in range(nodes)]
        self.links = [one() for _ in range(cluster.prefill)]
        self.nodes = [one() for _ in range(cluster.prefill)]
        self.outstanding = [0.0] * nodes  # bytes that wait in front of a card
        self.begun = [0.0] * nodes
        self.work = [0.0] * cluster.prefill
        self.finish, self.via = {}, {}
        for name, job in enumerate(jobs):
            self.env.process(self.turn(name, job))
        self.env.run()

    def backlog(self, card):
        if not self.cards[card].count:
            return 0.0
        passed = (self.env.now - self.begun[card]) * self.cluster.snic
        return self.outstanding[card] - passed

    def turn(self, name, job):
        yield self.env.timeout(job.arrival)
        card = min(range(len(self.cards)), key=self.backlog)
        direct = card < self.cluster.prefill
        node = card if direct else int(np.argmin(self.work))
        self.work[node] += job.compute
        self.outstanding[card] += job.load
        self.via[name] = card
        with self.cards[card].request() as turn:
            yield turn
            self.begun[card] = self.env.now
            yield self.env.timeout(job.load / self.cluster.snic)
            self.outstanding[card] -= job.load
        if not direct:
            with self.links[node].request() as turn:
                yield turn
                yield self.env.timeout(job.load / self.cluster.cnic)
        with self.nodes[node].request() as turn:
            yield turn
            yield self.env.timeout(job.compute)
        self.finish[name] = self.env.now


def exact_jobs(rate: float, compute: float = 0.5) -> list[Job]:
    """Times in multiples of 1 / 1024, so that sums are exact."""
    return [
        Job(*(math.ceil(1024 * value) / 1024 for value in job))
        for job in draw_jobs(60, compute, rate, seed=3)
    ]


@pytest.mark.parametrize("rate", [0.5, 2.0, math.inf])
@pytest.mark.parametrize("nodes", [(1, 0), (1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("crossing", [math.inf, 0.5])
def test_turns_finish_when_they_do_on_simpy(agrees, rate, nodes, crossing):
    jobs = exact_jobs(1e12 if rate == math.inf else rate)
    cluster = Cluster(prefill=nodes[0], decode=nodes[1], snic=0.5, cnic=crossing)
    run, theirs = simulate(jobs, cluster), SimPyCluster(jobs, cluster)
    assert run.nic.tolist() == [theirs.via[name] for name in range(60)]
    expected = [theirs.finish[name] for name in range(60)]
    agrees(run.finish.tolist(), expected, "a second cluster on SimPy", 0, 0)


times = st.integers(0, 400).map(lambda n: n / 16)
lengths = st.integers(1, 64).map(lambda n: n / 16)
some_jobs = st.lists(st.builds(Job, times, lengths, lengths), min_size=1, max_size=30)
some_clusters = st.builds(
    Cluster,
    prefill=st.integers(1, 3),
    decode=st.integers(0, 3),
    snic=st.sampled_from([0.5, 2.0]),
    cnic=st.sampled_from([0.25, 4.0, math.inf]),
)


@bounded
@given(some_jobs, some_clusters, st.sampled_from([shortest_queue, earliest]))
def test_no_schedule_beats_the_bound_or_the_way_of_a_byte(jobs, cluster, rule):
    jobs = sorted(jobs)
    run = simulate(jobs, cluster, rule)
    _, load, compute = np.array(jobs).T
    bound = rate_bound(cluster, load.mean(), compute.mean())
    assert run.rate <= bound * (1 + 1e-9)
    detour = run.nic >= cluster.prefill
    way = load / cluster.snic + detour * load / cluster.cnic + compute
    assert np.all(run.latency >= way - 1e-9)


@bounded
@given(some_jobs, some_clusters)
def test_every_byte_is_read_once_by_a_nic_that_never_pauses(jobs, cluster):
    """All wait from the start: a NIC is done when it has read its bytes."""
    jobs = [job._replace(arrival=0.0) for job in jobs]
    run, load = simulate(jobs, cluster), np.array(jobs)[:, 1]
    total = 0.0
    for card in range(cluster.prefill + cluster.decode):
        mine = run.nic == card
        total += load[mine].sum()
        if mine.any():
            end = run.loaded[mine].max()
            assert end == pytest.approx(load[mine].sum() / cluster.snic)
    assert total == pytest.approx(load.sum())


@bounded
@given(some_jobs)
def test_queue_in_turn_by_definition(jobs):
    arrival, service = np.array([(job.arrival, job.load) for job in jobs]).T
    finish = serve_in_turn(arrival, service)
    order = np.lexsort((np.arange(len(jobs)), arrival))
    for place, i in enumerate(order):
        before = finish[order[:place]].max(initial=0.0)
        assert finish[i] == max(before, arrival[i]) + service[i]


@pytest.mark.parametrize("nodes", [(1, 1), (2, 1), (1, 2), (2, 4)])
@pytest.mark.parametrize("compute", [0.1, 0.52, 0.7, 1.2])
def test_gain_comes_close_to_its_bound(nodes, compute):
    cluster = Cluster(prefill=nodes[0], decode=nodes[1])
    jobs = draw_jobs(400, compute)
    gain = (
        simulate(jobs, cluster).rate / simulate(jobs, replace(cluster, decode=0)).rate
    )
    mean = np.mean(jobs, axis=0)[1:].tolist()
    assert 0.9 < gain / gain_bound(cluster, *mean) < 1.02
    if compute > 1:
        assert gain == pytest.approx(1, abs=0.02)


def test_bound_is_a_linear_program(agrees):
    """Maximize turns per second, by direct way and detour, under each capacity."""
    from scipy.optimize import linprog

    for crossing in (0.1, 1.0, 7.0):
        for compute in (0.05, 0.3, 2.0):
            cluster = Cluster(prefill=2, decode=3, snic=1.5, cnic=crossing)
            load = 0.8
            rows = [[load, 0], [0, load], [0, load], [compute, compute]]
            capacity = [2 * 1.5, 3 * 1.5, 2 * crossing, 2]
            best = -linprog([-1, -1], A_ub=rows, b_ub=capacity).fun
            ours = rate_bound(cluster, load, compute)
            agrees(ours, float(best), "scipy.optimize.linprog")


def test_idle_storage_is_read_directly():
    jobs = [Job(100.0 * i, 1.0, 0.5) for i in range(5)]
    assert simulate(jobs, Cluster(prefill=1, decode=3)).nic.tolist() == [0] * 5


def test_a_queue_in_the_network_counts_from_when_the_cache_is_read():
    cluster, job = Cluster(prefill=1, decode=1, cnic=5.0), Job(0.0, 1.0, 0.5)
    assert earliest(job, cluster, [1.5, 0.0], link=1.8) == 1  # at 2.0, not at 2.5
    assert earliest(job, cluster, [0.5, 0.0], link=1.8) == 0  # at 1.5, not at 2.0


def test_a_narrow_network_hurts_a_rule_that_ignores_it():
    narrow, jobs = Cluster(prefill=1, decode=1, cnic=0.05), draw_jobs(100, 0.1)
    single = simulate(jobs, replace(narrow, decode=0)).rate
    assert simulate(jobs, narrow).rate < 0.2 * single
    assert simulate(jobs, narrow, earliest).rate > single


@pytest.mark.parametrize("name", ["snic", "cnic"])
@pytest.mark.parametrize("bandwidth", [0.0, -2.0, math.nan])
def test_bandwidth_that_lets_nothing_through_is_refused(name, bandwidth):
    with pytest.raises(ValueError, match=f"bandwidth: {name}={bandwidth}"):
        Cluster(prefill=1, decode=1, **{name: bandwidth})


def test_other_bad_input_is_refused():
    with pytest.raises(ValueError, match="nodes: prefill=0, decode=2"):
        Cluster(prefill=0, decode=2)
    with pytest.raises(ValueError, match="no jobs"):
        simulate([], Cluster(prefill=1, decode=1))
    late = [Job(5.0, 1.0, 1.0), Job(0.0, 1.0, 1.0)]
    with pytest.raises(ValueError, match="jobs are not in the order"):
        simulate(late, Cluster(prefill=1, decode=0))
    turns = [Turn(5.0, 0, 0, 4), Turn(0.0, 1, 0, 4)]
    with pytest.raises(ValueError, match="turns are not in the order"):
        serve_turns(turns, 1, 8, prefix_aware, prefill)
    with pytest.raises(ValueError, match=r"load=0.0, compute=1.0"):
        rate_bound(Cluster(prefill=1, decode=1), 0.0, 1.0)


def prefill(tokens: int, cached: int) -> float:
    return tokens + cached / 4


@bounded
@given(
    st.integers(1, 4), st.integers(0, 9), st.sampled_from([round_robin, prefix_aware])
)
def test_turns_wait_as_they_do_on_simpy(replicas, seed, rule):
    """Without evictions; the rule sees the same caches and loads."""
    turns = draw_turns(sessions=3, count=4, new=2, rate=0.5, seed=seed)
    _, waits = serve_turns(turns, replicas, 10**6, rule, prefill)
    env = simpy.Environment()
    nodes = [simpy.Resource(env, capacity=1) for _ in range(replicas)]
    cached = [dict.fromkeys(range(3), 0) for _ in range(replicas)]
    ends = {}

    def serve(count, turn, node, hit):
        with nodes[node].request() as place:
            yield place
            yield env.timeout(prefill(turn.context + turn.new - hit, hit))
        ends[count] = env.now

    def arrive():
        for count, turn in enumerate(turns):
            yield env.timeout(turn.arrival - env.now)
            matched = [min(cache[turn.session], turn.context) for cache in cached]
            load = [node.count + len(node.queue) for node in nodes]
            node = rule(count, turn, matched, load)
            cached[node][turn.session] = turn.context + turn.new
            env.process(serve(count, turn, node, matched[node]))

    env.process(arrive())
    env.run()
    expected = [ends[count] - turn.arrival for count, turn in enumerate(turns)]
    np.testing.assert_allclose(waits, expected)


def test_one_replica_computes_no_token_twice():
    turns = draw_turns(sessions=5, count=3, new=7, rate=1.0)
    reused, _ = serve_turns(turns, 1, 10**6, prefix_aware, prefill)
    assert reused == 1


def test_sessions_unused_for_longest_are_evicted():
    """Two sessions of four tokens do not fit into six."""
    turns = [Turn(0.0, 0, 0, 4), Turn(9.0, 1, 0, 4), Turn(99.0, 0, 4, 1)]
    assert serve_turns(turns, 1, 8, prefix_aware, prefill)[0] == 1
    assert serve_turns(turns, 1, 6, prefix_aware, prefill)[0] == 0


def test_a_store_is_read_for_what_the_replica_lacks():
    """The third turn finds the four tokens of the first one on its replica."""
    turns = [Turn(0.0, 0, 0, 4), Turn(9.0, 0, 4, 1), Turn(99.0, 0, 5, 1)]
    fetch = lambda tokens: tokens / 8  # noqa: E731
    _, waits = serve_turns(turns, 2, 9, round_robin, prefill, fetch)
    assert waits.tolist() == [4.0, 4 / 8 + prefill(1, 4), 1 / 8 + prefill(1, 5)]


def test_a_busy_replica_loses_a_turn_that_it_has_cached():
    turn = Turn(0.0, 0, 90, 10)
    assert prefix_aware(0, turn, [90, 0], [1, 1]) == 0
    assert prefix_aware(0, turn, [90, 0], [20, 0], beta=1.0) == 1
    assert prefix_aware(0, turn, [90, 0], [20, 0], beta=0.0) == 0

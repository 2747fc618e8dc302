"""Paged attention against PyTorch's kernel, and its server against one on SimPy.

The kernel is ``scaled_dot_product_attention`` on keys that were never cut into blocks.
The second server is written here from the paper's text, with SimPy's clock and its
``Container`` as the pool of blocks, and a buddy allocator that looks at a bitmap; both
servers must finish every request at the same instant. Block tables run against a model
of what each sequence ought to read, under random operations of Hypothesis.
"""

import math

import numpy as np
import pytest
import simpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from snippets.inference.block_frames import Recorder
from snippets.inference.block_tables import (
    BlockTables,
    OutOfBlocks,
    PrefixCache,
    write,
)
from snippets.inference.cache_policies import (
    Buddies,
    Paged,
    Request,
    Reserved,
    four_policies,
    reserve_max,
    reserve_oracle,
    reserve_pow2,
)
from snippets.inference.paged_attention import (
    blocks_with_sharing,
    gather,
    paged_attention,
)
from snippets.inference.server_costs import Work
from snippets.inference.serving_simulator import OPT_13B, draw_requests, simulate

SDPA = "torch.nn.functional.scaled_dot_product_attention"

bounded = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def scattered(kv_len: int, block_size: int, kv_heads: int = 2, scale: float = 1.0):
    """Keys and values, whole and in a shuffled pool that is full of NaN elsewhere."""
    torch.manual_seed(kv_len)
    whole = scale * torch.randn(2, kv_len, kv_heads, 5, dtype=torch.float64)
    table = torch.randperm(20)[: math.ceil(kv_len / block_size)].tolist()
    pools = torch.full((2, 20, block_size, kv_heads, 5), math.nan, dtype=torch.float64)
    for position in range(kv_len):
        block = table[position // block_size]
        pools[:, block, position % block_size] = whole[:, position]
    return whole, pools, table


def fused(query, whole):
    """PyTorch's attention of one query over keys and values in order."""
    keys, values = whole.transpose(1, 2)  # (kv_heads, kv_len, head_dim)
    return scaled_dot_product_attention(
        query[:, None], keys, values, enable_gqa=True
    ).squeeze(1)


@pytest.mark.parametrize("block_size", [1, 4, 16])
@pytest.mark.parametrize("kv_len", [1, 4, 13])
@pytest.mark.parametrize("heads", [2, 6])
def test_attention_over_scattered_blocks_agrees_with_fused_kernel(
    agrees, block_size, kv_len, heads
):
    whole, (keys, values), table = scattered(kv_len, block_size)
    query = torch.randn(heads, 5, dtype=torch.float64)
    mixed = paged_attention(query, keys, values, table, kv_len)
    agrees(mixed, fused(query, whole), SDPA)


@pytest.mark.parametrize("scale", [1e-3, 300.0])
def test_large_scores_do_not_overflow(agrees, scale):
    whole, (keys, values), table = scattered(kv_len=11, block_size=4, scale=scale)
    query = torch.full((2, 5), 30.0, dtype=torch.float64)
    mixed = paged_attention(query, keys, values, table, 11)
    agrees(mixed, fused(query, whole), SDPA)


def test_table_restores_the_order():
    whole, (keys, _), table = scattered(kv_len=11, block_size=4)
    assert_close(gather(keys, table, 11), whole[0], rtol=0, atol=0)


@pytest.mark.parametrize(("table", "kv_len"), [([3], 5), ([3, 1], 4), ([], 0)])
def test_table_that_does_not_fit_is_refused(table, kv_len):
    pool = torch.zeros(5, 4, 1, 2)
    with pytest.raises(
        ValueError, match=f"kv_len={kv_len} in {len(table)} blocks of 4"
    ):
        gather(pool, table, kv_len)
    with pytest.raises(
        ValueError, match=f"kv_len={kv_len} in {len(table)} blocks of 4"
    ):
        paged_attention(torch.zeros(1, 2), pool, pool, table, kv_len)


def test_heads_that_cannot_share_are_refused():
    pool = torch.zeros(5, 4, 2, 3)
    with pytest.raises(ValueError, match="3 query heads cannot share 2"):
        paged_attention(torch.zeros(3, 3), pool, pool, [0], 1)


class Tables(RuleBasedStateMachine):
    """Every sequence reads what was written for it, whatever the others do.

    What is stored for a token depends on all tokens before it, as a key does.
    """

    def __init__(self):
        super().__init__()
        self.cache = PrefixCache(blocks=9, block_size=3)
        self.pool = torch.zeros(9, 3, dtype=torch.float64)
        self.expected: dict[int, list[float]] = {}

    def entries(self, tokens):
        entry, found = 1, []
        for token in tokens:
            entry = (entry * 31 + token) % 1_000_003
            found.append(float(entry))
        return found

    def store(self, sequence, slots):
        tokens = self.cache.tokens[sequence]
        self.expected[sequence] = self.entries(tokens)
        entries = torch.tensor(self.expected[sequence], dtype=torch.float64)
        for slot, entry in zip(slots, entries[len(tokens) - len(slots) :], strict=True):
            write(self.pool, slot, entry)

    @rule(prompt=st.lists(st.integers(0, 1), min_size=1, max_size=11))
    def admit(self, prompt):
        before = dict(self.cache.tables), list(self.cache.references)
        try:
            sequence, slots = self.cache.admit(prompt)
        except OutOfBlocks:
            assert before == (self.cache.tables, self.cache.references)
        else:
            assert self.cache.tokens[sequence] == prompt
            self.store(sequence, slots)

    @precondition(lambda self: self.expected)
    @rule(data=st.data(), token=st.integers(0, 1))
    def append(self, data, token):
        sequence = data.draw(st.sampled_from(sorted(self.expected)))
        length = len(self.expected[sequence])
        try:
            slot = self.cache.append(sequence, token)
        except OutOfBlocks:
            assert not self.cache.free_blocks
            assert len(self.cache.tokens[sequence]) == length
        else:
            self.store(sequence, [slot])

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def fork(self, data):
        sequence = data.draw(st.sampled_from(sorted(self.expected)))
        self.expected[self.cache.fork(sequence)] = list(self.expected[sequence])

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def free(self, data):
        sequence = data.draw(st.sampled_from(sorted(self.expected)))
        self.cache.free(sequence)
        del self.expected[sequence]

    @invariant()
    def references_count_table_entries(self):
        entries = [block for table in self.cache.tables.values() for block in table]
        counted = np.bincount(np.array(entries, dtype=int), minlength=9)
        assert self.cache.references == counted.tolist()

    @invariant()
    def every_block_is_either_free_or_used(self):
        used = {block for block in range(9) if self.cache.references[block]}
        assert used.isdisjoint(self.cache.free_blocks)
        assert len(used) + len(self.cache.free_blocks) == 9

    @invariant()
    def sequences_read_what_was_written_for_them(self):
        assert self.cache.tables.keys() == self.expected.keys()
        for sequence, entries in self.expected.items():
            read = gather(self.pool, self.cache.tables[sequence], len(entries))
            assert read.tolist() == entries


Tables.TestCase.settings = settings(bounded, max_examples=20, stateful_step_count=30)
TestTables = Tables.TestCase


def test_equal_beginnings_share_full_blocks_only():
    cache = PrefixCache(blocks=9, block_size=3)
    first, _ = cache.admit([1, 2, 3, 4, 5, 6, 7])
    second, slots = cache.admit([1, 2, 3, 4, 5, 6, 7])
    assert cache.tables[first][:2] == cache.tables[second][:2]
    assert cache.tables[first][2] != cache.tables[second][2]
    assert len(slots) == 1


@pytest.mark.parametrize("length", [1, 2, 3, 4, 6, 7])
def test_the_last_token_of_a_repeated_prompt_is_computed(length):
    """Its logits choose the first new token, so that not all blocks may be found."""
    cache = PrefixCache(blocks=9, block_size=3)
    prompt = list(range(length))
    cache.free(cache.admit(prompt)[0])
    sequence, slots = cache.admit(prompt)
    assert 1 <= len(slots) == length - 3 * ((length - 1) // 3)
    assert cache.tokens[sequence] == prompt


def test_equal_blocks_after_another_past_are_not_shared():
    cache = PrefixCache(blocks=9, block_size=3)
    first, _ = cache.admit([1, 1, 1, 4, 5, 6])
    second, _ = cache.admit([4, 5, 6, 4, 5, 6])
    assert set(cache.tables[first]).isdisjoint(cache.tables[second])


def test_generated_tokens_are_found_by_the_next_turn_until_they_are_overwritten():
    cache = PrefixCache(blocks=3, block_size=2)
    turn, _ = cache.admit([1])
    for token in (2, 3, 4):
        cache.append(turn, token)
    cache.free(turn)
    follow_up, slots = cache.admit([1, 2, 3, 4, 5])
    assert len(slots) == 1
    cache.free(follow_up)
    cache.free(cache.admit([9, 9, 9, 9, 9, 9])[0])
    assert cache.find_prefix([1, 2, 3, 4]) == []


@bounded
@given(
    prompt=st.integers(1, 40),
    output=st.integers(1, 40),
    samples=st.integers(1, 6),
    block_size=st.integers(1, 17),
)
def test_allocator_uses_the_blocks_that_the_formula_counts(
    prompt, output, samples, block_size
):
    cache = BlockTables(blocks=500, block_size=block_size)
    first, _ = cache.admit([0] * prompt)
    sequences = [first] + [cache.fork(first) for _ in range(samples - 1)]
    for token in range(output):
        for sequence in sequences:
            cache.append(sequence, token)
    used = 500 - len(cache.free_blocks)
    assert used == blocks_with_sharing(
        prompt=prompt, output=output, samples=samples, block_size=block_size
    )


def test_misuse_of_tables_is_refused():
    with pytest.raises(ValueError, match="4 blocks of 0 slots"):
        BlockTables(blocks=4, block_size=0)
    cache = BlockTables(blocks=4, block_size=2)
    with pytest.raises(ValueError, match="an empty prompt"):
        cache.admit([])
    with pytest.raises(ValueError, match="5 blocks in a pool of 4"):
        cache.admit([0] * 9)
    for misuse in (cache.free, cache.fork, lambda name: cache.append(name, 0)):
        with pytest.raises(ValueError, match="sequence 7 is unknown"):
            misuse(7)
    sequence, _ = cache.admit([0])
    cache.free(sequence)
    with pytest.raises(ValueError, match="sequence 0 is unknown or freed"):
        cache.free(sequence)
    with pytest.raises(ValueError, match="output=0"):
        blocks_with_sharing(prompt=3, output=0, samples=2)


class Bitmap:
    """Buddies by definition: the free blocks are the largest aligned free ranges."""

    def __init__(self, size):
        self.size, self.taken = size, np.zeros(size, dtype=bool)

    def take(self, length):
        wanted = 2 ** math.ceil(math.log2(length))
        size = wanted
        while size <= self.size:
            free = ~self.taken.reshape(-1, size).any(axis=1)
            if size < self.size:
                parents = ~self.taken.reshape(-1, 2 * size).any(axis=1)
                free &= ~parents.repeat(2)
            if free.any():
                start = int(free.argmax()) * size
                self.taken[start : start + wanted] = True
                return start
            size *= 2
        return None

    def give(self, start, length):
        self.taken[start : start + 2 ** math.ceil(math.log2(length))] = False


@bounded
@given(st.lists(st.tuples(st.integers(1, 70), st.booleans()), max_size=60))
def test_buddies_find_what_a_bitmap_finds(operations):
    buddies, bitmap, held = Buddies(64), Bitmap(64), []
    for length, keep in operations:
        start = buddies.take(length)
        assert start == bitmap.take(length)
        if start is not None:
            held.append((start, length))
        if held and not keep:
            returned = held.pop(length % len(held))
            buddies.give(*returned)
            bitmap.give(*returned)


class SimPyServer:
    """Section 4.5 of the paper, on SimPy."""

    def __init__(self, requests, *, size, reserve=None, block_size=16, watermark=0.01):
        self.requests, self.reserve = requests, reserve
        self.env, self.bitmap = simpy.Environment(), Bitmap(size)
        self.block_size, self.watermark = block_size, watermark
        blocks = size // block_size
        self.blocks = simpy.Container(self.env, capacity=blocks, init=blocks)
        self.waiting, self.running, self.held, self.finish = set(), set(), {}, {}
        self.produced = dict.fromkeys(range(len(requests)), 0)
        for name, request in enumerate(requests):
            self.env.process(self.arrive(name, request.arrival))
        self.env.run(self.env.process(self.serve()))

    def arrive(self, name, instant):
        yield self.env.timeout(instant)
        self.waiting.add(name)

    def age(self, name):
        return self.requests[name].arrival, name

    def obtain(self, name, tokens, spare=0.0):
        """Blocks for so many tokens in total, if that leaves ``spare`` of them."""
        missing = -(-tokens // self.block_size) - self.held.get(name, 0)
        if missing > 0 and self.blocks.level - missing < spare:
            return False
        if missing > 0:
            self.blocks.get(missing)
            self.held[name] = self.held.get(name, 0) + missing
        return True

    def starts(self, name, tokens):
        if self.reserve is None:
            spare = self.watermark * self.blocks.capacity
            return self.obtain(name, tokens + 1, spare)
        length = self.reserve(self.requests[name])
        start = self.bitmap.take(length)
        self.held[name] = (start, length)
        return start is not None

    def leave(self, name):
        self.running.discard(name)
        if self.reserve is None:
            self.blocks.put(self.held.pop(name))
        else:
            self.bitmap.give(*self.held.pop(name))

    def serve(self):
        yield self.env.timeout(0)
        while len(self.finish) < len(self.requests):
            work = 0
            keys = sum(self.requests[n].prompt + self.produced[n] for n in self.running)
            for name in sorted(self.waiting, key=self.age):
                tokens = self.requests[name].prompt + self.produced[name]
                if not self.starts(name, tokens):
                    break
                self.waiting.remove(name)
                self.running.add(name)
                work += tokens
            if not self.running:
                yield self.env.timeout(self.env.peek() - self.env.now)
                continue
            for name in sorted(self.running, key=self.age):
                self.produce(name)
            yield self.env.timeout(1 + work / 256 + (keys + work) / 2**14)
            for name in list(self.running):
                if self.produced[name] == self.requests[name].output:
                    self.finish[name] = self.env.now
                    self.leave(name)

    def produce(self, name):
        while name in self.running:
            tokens = self.requests[name].prompt + self.produced[name] + 1
            if self.reserve is not None or self.obtain(name, tokens):
                self.produced[name] += 1
                return
            youngest = max(self.running, key=self.age)
            self.leave(youngest)
            self.waiting.add(youngest)


def exact_clock(work: Work) -> float:
    """Times that are exact in binary, as the arrivals below, which are in 64ths."""
    return 1 + work.prefilled / 256 + work.context / 2**14


def exact_requests(rate: float) -> list[Request]:
    """Short requests that arrive in 64ths."""
    return [
        Request(math.floor(64 * arrival) / 64, prompt // 8 + 1, output // 8 + 1)
        for arrival, prompt, output in draw_requests(40, rate)
    ]


def instants(ours: dict, theirs: dict) -> tuple[list[float], list[float]]:
    """When each request is finished, by both servers, in the order of requests."""
    assert ours.keys() == theirs.keys()
    return [ours[name] for name in sorted(ours)], [theirs[n] for n in sorted(theirs)]


@pytest.mark.parametrize("rate", [0.2, math.inf])
@pytest.mark.parametrize(
    ("reserve", "size"),
    [(reserve_max, 4096), (reserve_pow2, 512), (reserve_oracle, 512)],
)
def test_reserving_server_finishes_when_simpy_does(agrees, rate, reserve, size):
    requests = exact_requests(rate)
    run = simulate(requests, Reserved(Buddies(size), reserve), exact_clock)
    theirs = SimPyServer(requests, size=size, reserve=reserve).finish
    agrees(*instants(run.finish, theirs), "a second server on SimPy", rtol=0, atol=0)


@pytest.mark.parametrize("rate", [0.2, math.inf])
@pytest.mark.parametrize(("block_size", "watermark"), [(16, 0.01), (5, 0.0)])
def test_paging_server_finishes_when_simpy_does(agrees, rate, block_size, watermark):
    requests = exact_requests(rate)
    memory = Paged(512, block_size, watermark)
    run = simulate(requests, memory, exact_clock)
    options = {"block_size": block_size, "watermark": watermark}
    theirs = SimPyServer(requests, size=512, **options).finish
    agrees(*instants(run.finish, theirs), "a second server on SimPy", rtol=0, atol=0)
    assert run.preemptions > 0 or rate < 1
    assert len(memory.free) == 512 // block_size


class OnTables:
    """The paged policy, with real block tables as its memory."""

    def __init__(self, size):
        self.size, self.room, self.sequences = size, {}, {}
        self.tables = BlockTables(blocks=size // 16, block_size=16)

    def admit(self, name, request, tokens):
        if -(-tokens // 16) + self.size // 16 / 100 > len(self.tables.free_blocks):
            return False
        self.sequences[name], _ = self.tables.admit([0] * (tokens - 1))
        return self.grow(name, tokens)

    def grow(self, name, tokens):
        sequence = self.sequences[name]
        try:
            while len(self.tables.tokens[sequence]) < tokens:
                self.tables.append(sequence, 0)
        except OutOfBlocks:
            return False
        self.room[name] = 16 * len(self.tables.tables[sequence])
        return True

    def release(self, name):
        del self.room[name]
        self.tables.free(self.sequences.pop(name))


def test_paged_policy_holds_the_blocks_of_real_tables():
    requests = exact_requests(math.inf)
    counted, real = (simulate(requests, m) for m in (Paged(512), OnTables(512)))
    assert counted.finish == real.finish
    assert counted.shares == real.shares
    assert counted.preemptions == real.preemptions > 0


def test_shares_are_a_partition_and_paging_has_no_waste_but_its_tails():
    requests = exact_requests(math.inf)
    for policy, memory in four_policies(4096).items():
        run = simulate(requests, memory)
        shares = np.array(run.shares)
        assert np.all(shares >= 0)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        if policy == "Oracle":
            assert not shares[:, 2].any()
        if policy == "Paged":
            tails = shares[:, 1:3].sum(axis=1) * 4096
            assert np.all(tails <= 15 * np.array(run.batch))


def test_long_prompts_make_the_baselines_equal():
    """Section 6.5: buddies round 1024 tokens and any output up to 2048."""
    requests = [r._replace(prompt=1024) for r in exact_requests(math.inf)]
    runs = {
        name: simulate(requests, memory) for name, memory in four_policies(8192).items()
    }
    assert runs["Max"].finish == runs["Pow2"].finish == runs["Oracle"].finish
    assert runs["Paged"].throughput > 1.2 * runs["Oracle"].throughput


def test_each_iteration_reads_weights_and_all_caches():
    """A request alone: a prompt of 5 tokens, then two steps that read 6 and 7 keys."""
    works = []

    def clock(work: Work) -> float:
        works.append(work)
        return OPT_13B.seconds(work)

    run = simulate([Request(0.0, 5, 3)], Paged(64), clock)
    assert works == [Work(0, 5, 5, 15), Work(1, 0, 6, 6), Work(1, 0, 7, 7)]
    weights = 12.8e9 * 2 / (0.8 * 1.555e12)  # seconds, without the table of tokens
    assert run.finish[0] == pytest.approx(3 * weights, rel=0.03)


def test_policies_reserve_what_the_paper_says():
    """Section 6.1: 'if the true output length is 25, it reserves 32 positions'."""
    request = Request(0.0, prompt=7, output=25)
    assert reserve_max(request) == 2048
    assert reserve_pow2(request) == 7 + 32
    assert reserve_oracle(request) == 7 + 25


class Refusing(Paged):
    def admit(self, name, request, tokens):
        return False


def test_requests_that_never_fit_are_refused():
    request = [Request(0.0, prompt=100, output=29)]
    with pytest.raises(ValueError, match="request 0 does not fit into an empty cache"):
        simulate(request, Refusing(256))
    with pytest.raises(ValueError, match="9 blocks in a pool of 8"):
        simulate(request, Paged(128))
    with pytest.raises(ValueError, match="129 slots in a pool of 128"):
        simulate(request, Reserved(Buddies(128), reserve_oracle))
    with pytest.raises(ValueError, match="128 slots in blocks of 0"):
        Paged(128, block_size=0)
    with pytest.raises(ValueError, match="100 slots is not a power of two"):
        Buddies(100)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_late_blocks_count_as_much_as_early_ones_in_half_precision(kind):
    """A running sum in bfloat16 would stop at some 4000 equal weights."""
    blocks = 1024
    keys, values = torch.zeros(2, blocks, 16, 1, 1, dtype=kind)
    values[blocks // 2 :] = 1
    query, table = torch.ones(1, 1, dtype=kind), list(range(blocks))
    mixed = paged_attention(query, keys, values, table, kv_len=16 * blocks)
    assert_close(mixed, torch.full((1, 1), 0.5, dtype=kind))


def test_frames_keep_what_was_there_and_name_the_writers():
    cache = BlockTables(blocks=3, block_size=2)
    recorder = Recorder(cache)
    recorder.admit(3, "A arrives")
    cache.fork(0)
    recorder.append(1, 0)
    texts = [frame.text for frame in recorder.frames]
    copy = "B writes to block 2, a copy of block 1"
    assert texts == ["A arrives", copy, copy, copy, "A writes to block 1"]
    assert recorder.frames[0].tables == {0: [0, 1]}
    assert recorder.frames[1].writers == [[0, 0], [0, 0], [0, 1]]
    assert recorder.frames[-1].tables == {0: [0, 1], 1: [0, 2]}
    assert [len(tokens) for tokens in recorder.frames[-1].tokens.values()] == [4, 4]

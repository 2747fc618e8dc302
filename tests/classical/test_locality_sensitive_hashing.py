"""Locality-sensitive hashing against datasketch, SciPy's Jaccard distance, and the
definitions as loops over Python integers.

Hashes have to agree bit for bit, with the scheme ``affine32`` of datasketch 2.0.
"""

import itertools
import math
import random

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from datasketch.hashfunc import sha1_hash32
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import jaccard as jaccard_distance

from snippets.classical.inverted_index import similar_pairs
from snippets.classical.locality_sensitive_hashing import (
    Sets,
    band_keys,
    candidate_pairs,
    candidate_probability,
    fmix32,
    hashed,
    jaccard,
    minhash,
    near_duplicates,
    random_permutations,
    rho,
    shingles,
    simhash,
    similarities,
)
from snippets.classical.prefix_filtering import joined_pairs

bounded = settings(max_examples=40, deadline=None, derandomize=True)
words = st.sets(st.integers(0, 30).map(str), min_size=1, max_size=12)


def collection(documents: int, seed: int = 0) -> list[set[str]]:
    """Sets of uneven sizes; every third is an edited copy of the one before."""
    drawn, sets = random.Random(seed), []
    for i in range(documents):
        if i % 3 == 2:
            fresh = {f"new {i} {n}" for n in range(drawn.randrange(1, 9))}
            sets.append(set(sorted(sets[-1])[drawn.randrange(4) :]) | fresh)
        else:
            size = drawn.randrange(5, 40)
            sets.append({str(drawn.randrange(10**6)) for _ in range(size)})
    return sets


def their_minhash(members, hashes: int, seed: int) -> MinHash:
    theirs = MinHash(num_perm=hashes, seed=seed)
    theirs.update_batch([member.encode() for member in members])
    return theirs


def numbers(array):
    return np.asarray(array).astype(np.int64)


@pytest.mark.parametrize(("documents", "hashes", "seed"), [(5, 128, 1), (29, 7, 42)])
def test_signatures_are_those_of_datasketch_bit_for_bit(
    agrees, documents, hashes, seed
):
    sets = collection(documents)
    ours = minhash(hashed(sets), random_permutations(hashes, seed))
    theirs = [their_minhash(members, hashes, seed).hashvalues for members in sets]
    agrees(numbers(ours), numbers(theirs), "datasketch.MinHash", rtol=0, atol=0)
    assert_array_equal(ours, np.array(theirs))


def test_orders_and_hashes_are_those_of_datasketch(agrees):
    theirs = MinHash(num_perm=33, seed=5).permutations
    ours = random_permutations(33, seed=5)
    agrees(numbers(ours), numbers(theirs), "datasketch.MinHash", rtol=0, atol=0)
    sets = [{"a", "the rose", "Straße"}, {"x"}]
    theirs = [sorted(sha1_hash32(m.encode()) for m in members) for members in sets]
    agrees(
        numbers(hashed(sets).members),
        numbers([*theirs[0], *theirs[1]]),
        "datasketch.hashfunc.sha1_hash32",
        rtol=0,
        atol=0,
    )


def test_estimates_and_bands_are_those_of_datasketch(agrees):
    sets = collection(40)
    signatures = minhash(hashed(sets), random_permutations(12))
    sketches = [their_minhash(members, 12, 1) for members in sets]
    pairs = list(itertools.combinations(range(40), 2))
    ours = [np.mean(signatures[i] == signatures[j]) for i, j in pairs]
    theirs = [sketches[i].jaccard(sketches[j]) for i, j in pairs]
    agrees(np.array(ours), np.array(theirs), "datasketch.MinHash.jaccard")
    for bands in (2, 3, 6, 12):
        index = MinHashLSH(num_perm=12, params=(bands, 12 // bands))
        for i, sketch in enumerate(sketches):
            index.insert(i, sketch)
        met = {(i, j) for i, s in enumerate(sketches) for j in index.query(s) if i < j}
        found = candidate_pairs(band_keys(signatures, bands))
        agrees(found, np.array(sorted(met)), "datasketch.MinHashLSH", rtol=0, atol=0)


def test_signature_is_the_definition_as_loops_over_integers(agrees):
    sets = hashed(collection(7))
    permutations = random_permutations(6)
    rows = []
    for i in range(7):
        row = []
        for factor, offset in permutations.T.tolist():
            ranks = []
            for number in sets.members[sets.starts[i] : sets.starts[i + 1]].tolist():
                number ^= number >> 16
                number = number * 0x85EBCA6B % 2**32
                number ^= number >> 13
                number = number * 0xC2B2AE35 % 2**32
                number ^= number >> 16
                ranks.append((factor * number + offset) % 2**32)
            row.append(min(ranks))
        rows.append(row)
    for block in (1, 3, 1024):
        ours = numbers(minhash(sets, permutations, block))
        agrees(ours, numbers(rows), "definition as loops", rtol=0, atol=0)


def test_scatter_and_orders_hit_no_number_twice():
    some = np.arange(2**16, dtype=np.uint32) * np.uint32(65537)
    assert len(np.unique(fmix32(some))) == len(some)
    for factor, offset in random_permutations(5).T:
        assert factor % 2 == 1
        assert len(np.unique(some * factor + offset)) == len(some)


def test_signature_of_a_union_is_the_smaller_of_both():
    first, second = collection(2)
    ours = minhash(hashed([first, second, first | second]), random_permutations(64))
    assert_array_equal(np.minimum(ours[0], ours[1]), ours[2])


@pytest.mark.parametrize(("shared", "alone"), [(2, 4), (6, 3), (12, 1)])
def test_equal_minima_are_as_frequent_as_the_similarity(shared, alone):
    both = {f"both {n}" for n in range(shared)}
    sides = [both | {f"{side} {n}" for n in range(alone)} for side in ("a", "b")]
    signatures = minhash(hashed(sides), random_permutations(20_000))
    truth = jaccard(*sides)
    assert truth == shared / (shared + 2 * alone)
    spread = math.sqrt(truth * (1 - truth) / 20_000)
    estimate = np.mean(signatures[0] == signatures[1])
    assert abs(estimate - truth) < 4 * spread


@bounded
@given(st.lists(words, min_size=2, max_size=6))
def test_similarities_agree_with_scipy(sets):
    pairs = np.array(list(itertools.product(range(len(sets)), repeat=2)))
    ours = similarities(hashed(sets), pairs)
    names = sorted(set().union(*sets))
    rows = [[name in members for name in names] for members in sets]
    theirs = [1 - jaccard_distance(rows[i], rows[j]) for i, j in pairs]
    assert_allclose(ours, theirs)
    assert_allclose(ours, [jaccard(sets[i], sets[j]) for i, j in pairs])


def test_similarities_agree_with_scipy_once_more(agrees):
    sets = collection(9)
    names = sorted(set().union(*sets))
    rows = [[name in members for name in names] for members in sets]
    pairs = np.array([[0, 1], [1, 2], [4, 5], [7, 8], [3, 3]])
    theirs = [1 - jaccard_distance(rows[i], rows[j]) for i, j in pairs]
    ours = similarities(hashed(sets), pairs)
    agrees(ours, np.array(theirs), "scipy.spatial.distance.jaccard")
    assert len(similarities(hashed(sets), pairs[:0])) == 0


@bounded
@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), max_size=12))
def test_colliding_pairs_are_all_pairs_with_a_key_in_common(rows):
    keys = np.array(rows, dtype=np.uint64).reshape(-1, 3)
    expected = [
        [i, j]
        for i in range(len(rows))
        for j in range(i + 1, len(rows))
        if any(rows[i][band] == rows[j][band] for band in range(3))
    ]
    assert candidate_pairs(keys).tolist() == expected


def test_keys_are_equal_where_bands_are():
    rng = np.random.default_rng(0)
    signatures = rng.integers(0, 3, size=(50, 12)).astype(np.uint32)
    keys = band_keys(signatures, bands=4)
    for i, j, band in itertools.product(range(50), range(50), range(4)):
        same = (signatures[i] == signatures[j])[3 * band : 3 * band + 3].all()
        assert (keys[i, band] == keys[j, band]) == same


@pytest.mark.parametrize(("bands", "rows"), [(16, 8), (3, 2), (1, 5), (7, 1)])
def test_candidates_are_as_frequent_as_the_curve_says(bands, rows):
    rng = np.random.default_rng(0)
    for similarity in (0.3, 0.6, 0.9):
        equal = rng.random((20_000, bands, rows)) < similarity
        found = equal.all(axis=2).any(axis=1).mean()
        expected = candidate_probability(similarity, bands, rows)
        assert abs(found - expected) < 4 * math.sqrt(0.25 / 20_000)


def test_tiny_and_certain_probabilities_are_exact():
    assert_allclose(candidate_probability(0.01, bands=2, rows=13), 2e-26)
    assert candidate_probability(1.0, 3, 5) == 1
    assert_array_equal(candidate_probability(np.array([0.0, 1.0]), 3, 5), [0, 1])


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.6, 0.8, 1.0])
def test_prefix_filtering_finds_what_the_comparison_of_all_pairs_finds(
    agrees, threshold
):
    """Sets of uneven sizes over 20 members, in which many similarities are equal."""
    drawn = random.Random(0)
    every = [str(n) for n in range(20)]
    sets = [set(drawn.sample(every, drawn.randrange(1, 12))) for _ in range(120)]
    found, compared = joined_pairs(hashed(sets), threshold)
    pairs = itertools.combinations(range(120), 2)
    theirs = [[i, j] for i, j in pairs if jaccard(sets[i], sets[j]) >= threshold]
    agrees(found, np.array(theirs), "definition as loops", rtol=0, atol=0)
    assert_array_equal(similar_pairs(hashed(sets), threshold)[0], theirs)
    assert len(theirs) <= compared < 120 * 119 / 2


def test_prefix_filtering_of_sets_without_a_pair_and_of_bad_thresholds():
    sets = hashed([{"a"}, {"b", "c"}])
    found, compared = joined_pairs(sets, 0.5)
    assert (found.shape, compared) == ((0, 2), 0)
    for threshold in (0.0, 1.1, math.nan):
        with pytest.raises(ValueError, match=f"threshold={threshold}"):
            joined_pairs(sets, threshold)


def test_near_duplicates_by_hand():
    """The first two share 9 of 11 members, the others nothing."""
    nine = {str(n) for n in range(9)}
    sets = hashed([nine | {"a"}, {"x"}, nine | {"b"}, {"y", "z"}])
    found, compared = near_duplicates(sets, random_permutations(64), 32, threshold=0.8)
    assert found.tolist() == [[0, 2]]
    assert compared == 1
    assert_allclose(similarities(sets, found), 9 / 11)
    found, compared = near_duplicates(sets, random_permutations(64), 32, threshold=0.9)
    assert (found.tolist(), compared) == ([], 1)


def test_fingerprints_are_the_definition_as_loops(agrees):
    sets = hashed(collection(8))
    fingerprints = []
    for i in range(8):
        members = sets.members[sets.starts[i] : sets.starts[i + 1]].tolist()
        votes, mixed = [0] * 64, []
        for number in members:
            number = (number + 0x9E3779B97F4A7C15) % 2**64
            number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
            number = (number ^ (number >> 27)) * 0x94D049BB133111EB % 2**64
            mixed.append(number)
            for bit in range(64):
                votes[bit] += 1 if number >> bit & 1 else -1
        for bit in range(64):  # of a tie, the smallest member decides
            votes[bit] = votes[bit] or (1 if mixed[0] >> bit & 1 else -1)
        fingerprints.append(sum(2**bit for bit in range(64) if votes[bit] > 0))
    halves = [[value >> 32, value % 2**32] for value in fingerprints]
    ours = [[int(value) >> 32, int(value) % 2**32] for value in simhash(sets)]
    agrees(np.array(ours), np.array(halves), "definition as loops", rtol=0, atol=0)


@pytest.mark.parametrize("shared", [150, 270])
def test_bits_agree_as_often_as_the_angle_says(shared):
    """Sets of 300 members: their cosine is the share that they have in common."""
    sets = []
    for trial in range(40):
        both = {f"{trial} {n}" for n in range(shared)}
        sets += [both | {f"{trial} {n} {s}" for n in range(300 - shared)} for s in "ab"]
    fingerprints = simhash(hashed(sets))
    bits = np.bitwise_count(fingerprints[::2] ^ fingerprints[1::2])
    assert_allclose(bits.mean() / 64, math.acos(shared / 300) / math.pi, atol=0.03)


def test_shingles_agree_with_windows_of_words():
    assert shingles("a rose is a rose is a rose", 2) == {"a rose", "rose is", "is a"}
    assert shingles("one two", 2) == {"one two"}


def test_what_has_no_answer_is_refused():
    for size in (0, 4):
        with pytest.raises(ValueError, match=f"of {size} words in a text of 3"):
            shingles("one two three", size)
    with pytest.raises(ValueError, match="set 1 of 2 is empty"):
        hashed([{"a"}, set()])
    with pytest.raises(ValueError, match="no sets"):
        hashed([])
    with pytest.raises(ValueError, match="two empty sets"):
        jaccard(set(), set())
    with pytest.raises(ValueError, match="hashes=0"):
        random_permutations(0)


@pytest.mark.parametrize("use", [lambda s: minhash(s, random_permutations(3)), simhash])
def test_edges_that_cut_no_sets_are_refused(use):
    members = np.arange(5, dtype=np.uint32)
    with pytest.raises(ValueError, match="set 1 is empty"):
        use(Sets(members, np.array([0, 2, 2, 5])))
    for starts in ([0, 4], [1, 5], [0], [5]):
        with pytest.raises(ValueError, match="5 members but edges"):
            use(Sets(members, np.array(starts)))


def test_impossible_bands_pairs_and_thresholds_are_refused():
    sets, permutations = hashed([{"a"}, {"b"}]), random_permutations(10)
    for bands in (0, 3, 11):
        with pytest.raises(ValueError, match=f"10 hashes cannot be cut into {bands}"):
            near_duplicates(sets, permutations, bands, 0.8)
    for threshold in (0.0, 1.1, math.nan):
        with pytest.raises(ValueError, match=f"threshold={threshold}"):
            near_duplicates(sets, permutations, 5, threshold)
    for pair in ([0, 2], [-1, 0]):
        with pytest.raises(ValueError, match="pairs name documents from"):
            similarities(sets, np.array([pair]))
    with pytest.raises(ValueError, match="block=0 must be positive"):
        minhash(sets, permutations, block=0)
    cases = [(0.5, 0, 2), (0.5, 2, 0), (1.5, 2, 2), (math.nan, 2, 2)]
    for arguments in [*cases, (np.array([-0.1]), 2, 2)]:
        with pytest.raises(ValueError, match=r"bands=\d, rows=\d, or a similarity"):
            candidate_probability(*arguments)


@pytest.mark.parametrize("size", [1, 2, 5, 6, 16])
def test_bits_of_sets_without_a_common_member_agree_by_chance_alone(size):
    """Ties among an even number of members are broken either way equally often."""
    fingerprints = simhash(
        hashed([{f"{i} {n}" for n in range(size)} for i in range(2000)])
    )
    equal = 1 - np.bitwise_count(fingerprints[::2] ^ fingerprints[1::2]).mean() / 64
    assert_allclose(equal, 0.5, atol=0.01)  # five standard deviations


def test_one_set_of_one_member_is_like_itself():
    sets = hashed([{"a"}])
    assert len(simhash(sets)) == 1
    assert (
        len(candidate_pairs(band_keys(minhash(sets, random_permutations(1)), 1))) == 0
    )


def test_as_many_tables_as_the_exponent_says_leave_one_false_candidate_per_table():
    """Indyk and Motwani (1998): r rows with n p2^r = 1, then n^rho = p1^-r tables."""
    sets, p1, p2 = 10_000, 0.8, 0.3
    rows = math.log(sets) / math.log(1 / p2)
    assert_allclose(sets * p2**rows, 1)
    assert_allclose(sets ** rho(p1, p2), p1**-rows)
    found = candidate_probability(p1, round(sets ** rho(p1, p2)), round(rows))
    assert found > 1 - 1 / math.e


@pytest.mark.parametrize(("p1", "p2"), [(0.3, 0.3), (0.2, 0.5), (1.0, 0.5), (0.5, 0.0)])
def test_a_family_that_does_not_separate_has_no_exponent(p1, p2):
    with pytest.raises(ValueError, match=f"p1={p1}, p2={p2}"):
        rho(p1, p2)

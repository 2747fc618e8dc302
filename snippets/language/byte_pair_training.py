"""Training of byte-pair encoding: merge the most frequent pair, again and again.

Sennrich, Haddow and Birch (2016), https://doi.org/10.18653/v1/P16-1162. The heap and
the index of places are those of ``BpeTrainer`` in Hugging Face tokenizers 0.23, and so
are the rules for ties.

Glossary::

    vocab in Algorithm 1    words      how often each pre-token occurs
    pairs                   counts     how often each pair of symbols occurs in them
    num_merges              merges     how many merges to learn
    where_to_update         places     tokenizers: words that contain a pair, or did
    queue                   heap       tokenizers: pairs, the most frequent first
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import islice, pairwise
from typing import NamedTuple

from snippets.language.byte_pair_encoding import BYTE_IDS, Pair, merge


def split_into_bytes(words: Mapping[bytes, int]) -> list[list[int]]:
    """The ids of the bytes of each word."""
    if not words:
        raise ValueError("the corpus is empty")
    for word, count in words.items():
        if count < 1 or not word:
            raise ValueError(f"word {word!r} with count {count}")
    return [[BYTE_IDS[byte] for byte in word] for word in words]


def train_by_recounting(words: Mapping[bytes, int], merges: int) -> list[Pair]:
    """The definition: count all pairs anew before each merge."""
    symbols, learned = split_into_bytes(words), []
    while len(learned) < merges:
        counts: Counter[Pair] = Counter()
        for word, weight in zip(symbols, words.values(), strict=True):
            for pair in pairwise(word):
                counts[pair] += weight
        if not counts:
            raise ValueError(f"only {len(learned)} of {merges} merges are possible")
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        symbols = [merge(word, best, 256 + len(learned)) for word in symbols]
        learned.append(best)
    return learned


class PairIndex:
    """How often each pair occurs, and the words that contain it or did."""

    def __init__(self, words: Mapping[bytes, int]):
        self.symbols, self.weights = split_into_bytes(words), list(words.values())
        self.counts: Counter[Pair] = Counter()
        self.places: defaultdict[Pair, set[int]] = defaultdict(set)
        self.size = sum(map(len, self.symbols))
        for i in range(len(self.symbols)):
            self.count(i, self.weights[i])

    def count(self, i: int, weight: int) -> set[Pair]:
        """Add the pairs of a word to the counts; a negative weight removes them."""
        pairs = list(pairwise(self.symbols[i]))
        for pair in pairs:
            self.counts[pair] += weight
            self.places[pair].add(i)
        return set(pairs)

    def merge(self, pair: Pair, new: int) -> tuple[set[Pair], int]:
        """Update the words with the pair; their new pairs, and the symbols read."""
        made, read = set(), 0
        for i in self.places.pop(pair):
            read += len(self.symbols[i])
            self.count(i, -self.weights[i])
            self.size -= len(self.symbols[i])
            self.symbols[i] = merge(self.symbols[i], pair, new)
            self.size += len(self.symbols[i])
            made |= {p for p in self.count(i, self.weights[i]) if new in p}
        return made, read


class Step(NamedTuple):
    """A merge, and what it took to find it."""

    pair: Pair
    count: int  # occurrences of the pair; those that overlap count, too
    read: int  # symbols in the words that were updated
    symbols: int  # symbols in all words: what counting anew would read


def training_steps(words: Mapping[bytes, int]) -> Iterator[Step]:
    """Yield merges, most frequent pair first, until every word is one token."""
    index, new = PairIndex(words), 256
    heap = [(-count, pair) for pair, count in index.counts.items()]
    heapify(heap)
    while heap:
        count, pair = heappop(heap)
        now = index.counts[pair]
        if -count != now:  # an old entry: the count has fallen since
            if now:
                heappush(heap, (-now, pair))
            continue
        symbols = index.size
        made, read = index.merge(pair, new)
        for fresh in made:
            heappush(heap, (-index.counts[fresh], fresh))
        yield Step(pair, now, read, symbols)
        new += 1


def train(words: Mapping[bytes, int], merges: int) -> list[Pair]:
    """The same merges as :func:`train_by_recounting`, in far less time.

    Raises
    ------
    ValueError
        If the corpus is empty, or every word is one token before the last merge.

    Examples
    --------
    >>> from snippets.language.byte_pair_encoding import vocabulary
    >>> vocabulary(train({b"low": 5, b"lowest": 2, b"best": 3}, 3))[256:]
    [b'lo', b'low', b'es']
    """
    if merges < 0:
        raise ValueError(f"merges={merges} must not be negative")
    learned = [step.pair for step in islice(training_steps(words), merges)]
    if len(learned) < merges:
        raise ValueError(f"only {len(learned)} of {merges} merges are possible")
    return learned

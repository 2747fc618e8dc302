"""Discounting: absolute, Kneser-Ney, and modified Kneser-Ney, all interpolated.

Kneser and Ney (1995), https://doi.org/10.1109/ICASSP.1995.479394, who back off instead;
Chen and Goodman (1999), https://doi.org/10.1006/csla.1999.0128.

Glossary::

    D1, D2, D3+        discounts        taken from counts of 1, of 2, and of 3 or more
    n1, n2, n3, n4     n                how many n-grams have this count
    gamma              alpha_gamma      weight of the context without its first word
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache

from snippets.language.ngram_counts import Context, Counts, NGramCounts, adjusted
from snippets.language.ngram_models import Interpolated

Discounts = tuple[float, float, float]
LIMITS = (1.0, 2.0, 3.0)


class Discounted(Interpolated):
    """Take a discount from each count; gamma is the share that becomes free.

    Parameters
    ----------
    discounts
        (D1, D2, D3+) for contexts of 1, 2, ... words.
    """

    def __init__(self, counts: NGramCounts, discounts: Sequence[Discounts]):
        super().__init__(counts)
        if len(discounts) != self.order - 1:
            raise ValueError(f"{len(discounts)} discounts for order {self.order}")
        for d in discounts:
            if not all(0 <= x <= limit for x, limit in zip(d, LIMITS, strict=True)):
                raise ValueError(f"discounts {d} are not between 0 and {LIMITS}")
        self.discounts = discounts
        self.taken = cache(self.taken_from)

    def discount(self, found: int, context: Context) -> float:
        """D1, D2 or D3+, by the count; 0 for a word that did not occur."""
        return (0.0, *self.discounts[len(context) - 1])[min(found, 3)]

    def taken_from(self, context: Context) -> float:
        """All discounts after a context: D1 N1 + D2 N2 + D3+ N3+."""
        return sum(self.discount(c, context) for c in self.seen(context).values())

    def alpha_gamma(self, found: int, context: Context) -> tuple[float, float]:
        left = found - self.discount(found, context)
        return left / self.total(context), self.taken(context) / self.total(context)


def estimated_discounts(counts: Counts) -> Discounts:
    """D1, D2, D3+ from how many n-grams occur once, twice, three and four times."""
    n = Counter(found for seen in counts.values() for found in seen.values())
    if not (n[1] and n[2] and n[3]):
        raise ValueError(f"n1={n[1]}, n2={n[2]}, n3={n[3]}: too few to estimate")
    y = n[1] / (n[1] + 2 * n[2])
    raw = [c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3)]
    d1, d2, d3 = (max(d, 0.0) for d in raw)  # with few n-grams, D3+ can be negative
    return d1, d2, d3


def kneser_ney(counts: NGramCounts, discount: float = 0.75) -> Discounted:
    """Interpolated Kneser-Ney: adjusted counts, and one discount for all."""
    return Discounted(adjusted(counts), [(discount,) * 3] * (len(counts.orders) - 1))


def modified_kneser_ney(counts: NGramCounts) -> Discounted:
    """Adjusted counts, and three discounts for each order."""
    counts = adjusted(counts)
    return Discounted(counts, [estimated_discounts(o) for o in counts.orders[1:]])

"""Clothing fit: the ordinal hinge loss, and models with latent sizes (1-LV, K-LV).

1-LV is the model of Sembium et al. (2017), here with a middle between the thresholds
that is learned. K-LV adds factors of matrix factorization to it.

Glossary::

    f_w(t)       scores              above 0 if a piece of clothing is too small
    b_1 < b_2    thresholds          large below b_1, small above b_2, fit between
    s_u, s_c     customer_sizes, child_sizes   true sizes of 1-LV and K-LV
    u, v         customer_factors, product_factors of K-LV

Axes::

    batch      purchases
    sizes      sizes of a product, from the smallest
    factors    entries of a factor; K in the text
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

SMALL, FIT, LARGE = 0, 1, 2
Numbers = Int[Tensor, " batch"]
Scores = Float[Tensor, " batch"]


def hinge(
    scores: Tensor,
    thresholds: Float[Tensor, "2"],
    labels: Tensor,
) -> Tensor:
    """How far each score falls short of a distance of 1 on its side of the thresholds.

    Nothing is checked, so that it can be mapped over several models.
    """
    below, above = scores - thresholds[0], scores - thresholds[1]
    small, large = torch.relu(1 - above), torch.relu(1 + below)
    fit = torch.relu(1 + above) + torch.relu(1 - below)
    others = torch.where(labels == FIT, fit, large)
    return torch.where(labels == SMALL, small, others)


def ordinal_hinge(
    scores: Float[Tensor, "*batch"],
    thresholds: Float[Tensor, "2"],
    labels: Int[Tensor, "*batch"],
) -> Float[Tensor, "*batch"]:
    """The same, with a ValueError for thresholds out of order or an unknown label.

    Examples
    --------
    >>> cuts, labels = torch.tensor([-1.0, 1.0]), torch.tensor([SMALL, FIT, LARGE])
    >>> ordinal_hinge(torch.tensor([2.5, 0.5, 0.5]), cuts, labels)
    tensor([0.0000, 0.5000, 2.5000])
    """
    if not thresholds[0] < thresholds[1]:
        raise ValueError(f"thresholds {thresholds.tolist()} are not in order")
    wrong = labels[(labels < SMALL) | (labels > LARGE)].tolist()
    if wrong or not scores.isfinite().all():
        raise ValueError(f"labels {wrong[:3]}, {(~scores.isfinite()).sum()} bad scores")
    return hinge(scores, thresholds, labels)


def refuse_empty(**counts: int) -> None:
    """Raise a ValueError that names the first count below 1."""
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"a model needs {name}, got {count}")


class FitModel(nn.Module):
    """What the models share: thresholds that are in order whatever is learned."""

    ordered = ""  # the parameter whose rows of sizes are kept in order

    def __init__(self, customers: int, products: int, sizes: int) -> None:
        super().__init__()
        refuse_empty(customers=customers, products=products, sizes=sizes)
        self.shape = customers, products, sizes
        self.middle = nn.Parameter(torch.zeros(()))
        self.log_width = nn.Parameter(torch.zeros(()))

    def thresholds(self) -> Float[Tensor, "2"]:
        """b_1 and b_2."""
        width = self.log_width.exp()
        return torch.stack([self.middle - width, self.middle + width])

    def forward(
        self,
        customers: Numbers,
        products: Numbers,
        sizes: Numbers,
    ) -> Scores:
        """Scores of purchases."""
        return self.terms(customers, products, sizes)[0]


class LatentSizes(FitModel):
    """1-LV: the size of the customer minus that of the child product."""

    ordered = "child_sizes"

    def __init__(self, customers: int, products: int, sizes: int) -> None:
        super().__init__(customers, products, sizes)
        start = torch.arange(sizes) - (sizes - 1) / 2
        self.customer_sizes = nn.Parameter(torch.zeros(customers))
        self.child_sizes = nn.Parameter(start.repeat(products, 1))

    def terms(
        self, customers: Numbers, products: Numbers, sizes: Numbers
    ) -> tuple[Scores, Scores]:
        """Scores of purchases, and the squares that a penalty shrinks."""
        customer = self.customer_sizes[customers]
        return customer - self.child_sizes[products, sizes], customer**2


class LatentTastes(LatentSizes):
    """K-LV: 1-LV plus a dot product of a customer's and a product's factors."""

    def __init__(
        self,
        customers: int,
        products: int,
        sizes: int,
        factors: int,
    ) -> None:
        super().__init__(customers, products, sizes)
        refuse_empty(factors=factors)
        u, v = torch.randn(customers, factors), torch.randn(products, factors)
        self.customer_factors = nn.Parameter(0.3 * u)
        self.product_factors = nn.Parameter(0.3 * v)

    def terms(
        self, customers: Numbers, products: Numbers, sizes: Numbers
    ) -> tuple[Scores, Scores]:
        """Scores of purchases, and the squares of factors: sizes are free."""
        u, v = self.customer_factors[customers], self.product_factors[products]
        scores, _ = super().terms(customers, products, sizes)
        return scores + (u * v).sum(dim=-1), (u**2 + v**2).sum(dim=-1)

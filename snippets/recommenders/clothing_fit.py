"""Clothing fit: ordinal hinge loss, latent sizes (1-LV, K-LV), and fit factors (K-LF).

1-LV is the model of Sembium et al. (2017), K-LF that of Misra, Wan and McAuley (2018).

Glossary::

    f_w(t)       scores              above 0 if a piece of clothing is too small
    b_1 < b_2    thresholds          large below b_1, small above b_2, fit between
    s_u, s_c     customer_sizes, child_sizes   true sizes of 1-LV and K-LV
    u, v         customer_factors, product_factors (K-LV), child_factors (K-LF)
    alpha, b_u, b_p, w    offset, customer_biases, product_biases, weights of K-LF
    lambda       penalty             weight of squared factors, for each purchase

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


def ordinal_hinge(
    scores: Float[Tensor, "*batch"],
    thresholds: Float[Tensor, "2"],
    labels: Int[Tensor, "*batch"],
) -> Float[Tensor, "*batch"]:
    """How far each score falls short of a distance of 1 on its side of the thresholds.

    Examples
    --------
    >>> cuts, labels = torch.tensor([-1.0, 1.0]), torch.tensor([SMALL, FIT, LARGE])
    >>> ordinal_hinge(torch.tensor([2.5, 0.5, 0.5]), cuts, labels)
    tensor([0.0000, 0.5000, 2.5000])
    """
    above, below = scores - thresholds[1], scores - thresholds[0]
    small, large = torch.relu(1 - above), torch.relu(1 + below)
    fit = torch.relu(1 + above) + torch.relu(1 - below)
    return torch.where(labels == SMALL, small, torch.where(labels == FIT, fit, large))


class FitModel(nn.Module):
    """What the models share: thresholds that are in order whatever is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.Parameter(torch.zeros(()))
        self.log_width = nn.Parameter(torch.zeros(()))

    def thresholds(self) -> Float[Tensor, "2"]:
        """b_1 and b_2."""
        width = self.log_width.exp()
        return torch.stack([self.middle - width, self.middle + width])

    def forward(self, customers: Numbers, products: Numbers, sizes: Numbers) -> Scores:
        """Scores of purchases."""
        return self.terms(customers, products, sizes)[0]


class LatentSizes(FitModel):
    """1-LV: the size of the customer minus that of the child product."""

    ordered = "child_sizes"

    def __init__(self, customers: int, products: int, sizes: int) -> None:
        super().__init__()
        refuse_empty(customers=customers, products=products, sizes=sizes)
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

    def __init__(self, customers: int, products: int, sizes: int, factors: int) -> None:
        super().__init__(customers, products, sizes)
        refuse_empty(factors=factors)
        self.customer_factors = nn.Parameter(0.3 * torch.randn(customers, factors))
        self.product_factors = nn.Parameter(0.3 * torch.randn(products, factors))

    def terms(
        self, customers: Numbers, products: Numbers, sizes: Numbers
    ) -> tuple[Scores, Scores]:
        """Scores of purchases, and the squares of factors: sizes are free."""
        u, v = self.customer_factors[customers], self.product_factors[products]
        scores, _ = super().terms(customers, products, sizes)
        return scores + (u * v).sum(dim=-1), (u**2 + v**2).sum(dim=-1)


class FitFactors(FitModel):
    """K-LF: biases, and a product of factors of a customer and of a child product."""

    ordered = "child_factors"

    def __init__(self, customers: int, products: int, sizes: int, factors: int) -> None:
        super().__init__()
        refuse_empty(customers=customers, products=products, sizes=sizes)
        refuse_empty(factors=factors)
        self.offset = nn.Parameter(torch.zeros(1))
        self.customer_biases = nn.Parameter(torch.zeros(customers, 1))
        self.product_biases = nn.Parameter(torch.zeros(products, 1))
        u, v = 0.1 * torch.randn(customers, factors), torch.randn(products, 1, factors)
        v = (0.1 * v).repeat(1, sizes, 1)
        u[:, 0] += 1.0  # the first factor begins as the size
        v[:, :, 0] += torch.arange(sizes) - (sizes - 1) / 2
        self.customer_factors, self.child_factors = nn.Parameter(u), nn.Parameter(v)
        self.weights = nn.Parameter(torch.ones(3 + factors))

    def features(
        self, customers: Numbers, products: Numbers, u: Tensor, v: Tensor
    ) -> Float[Tensor, "batch 3+factors"]:
        """The vector that describes a purchase: offset, biases, product of factors."""
        biases = self.customer_biases[customers], self.product_biases[products]
        return torch.cat([self.offset.expand(len(u), 1), *biases, u * v], dim=1)

    def terms(
        self, customers: Numbers, products: Numbers, sizes: Numbers
    ) -> tuple[Scores, Scores]:
        """Scores, and the squares of factors; weighted features grow with the size."""
        u, v = self.customer_factors[customers], self.child_factors[products, sizes]
        features = self.features(customers, products, u, v)
        return -(features @ self.weights), (u**2 + v**2).sum(dim=-1)


def refuse_empty(**counts: int) -> None:
    """Raise a ValueError that names the first count below 1."""
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"a model needs {name}, got {count}")


def clip_order(
    new: Float[Tensor, "products sizes *factors"],
    old: Float[Tensor, "products sizes *factors"],
) -> Float[Tensor, "products sizes *factors"]:
    """Clip each child against its neighbors, from the smallest size to the largest.

    The smaller neighbor is clipped already; the larger one is that before the step.

    Examples
    --------
    >>> clip_order(torch.tensor([[1.0, 5.0, 3.0]]), torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 3., 3.]])
    """
    clipped = [torch.minimum(new[:, 0], old[:, 1])] if new.shape[1] > 1 else [new[:, 0]]
    for size in range(1, new.shape[1]):
        child = torch.maximum(new[:, size], clipped[-1])
        if size + 1 < new.shape[1]:
            child = torch.minimum(child, old[:, size + 1])
        clipped.append(child)
    return torch.stack(clipped, dim=1)

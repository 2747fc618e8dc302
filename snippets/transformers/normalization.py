"""LayerNorm and RMSNorm, with their gradients written out.

LayerNorm: Ba et al. (2016), https://arxiv.org/abs/1607.06450
RMSNorm: Zhang & Sennrich (2019), https://arxiv.org/abs/1910.07467

Symbols::

    gamma, beta   weight, bias (learned, one number a feature)
    epsilon       eps
    x-hat         normalized
    g             gradient, of a loss with respect to the output

Axes::

    batch     anything in front: sequences, positions, or nothing
    features  of a vector that is normalized; ``d_model`` in a block
"""

from jaxtyping import Float
from torch import Tensor

from snippets.attention.stabilized_attention import rms_norm, widened

__all__ = ["layer_norm", "layer_norm_gradient", "rms_norm", "rms_norm_gradient"]


def fitting(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``x`` in at least 32 bits, if there is one weight for each feature."""
    if x.shape[-1:] != weight.shape:
        raise ValueError(f"{weight.numel()} weights do not fit {x.shape[-1]} features")
    return widened(x, eps)


def layer_norm(
    x: Float[Tensor, "*batch features"],
    weight: Float[Tensor, " features"],
    bias: Float[Tensor, " features"],
    eps: float = 1e-5,
) -> Float[Tensor, "*batch features"]:
    """Give each vector mean 0 and variance 1, then scale and shift each feature.

    Raises
    ------
    ValueError
        If ``x`` holds integers, there is not one weight per feature, or ``eps`` is
        negative.

    Examples
    --------
    The mean is 4 and the standard deviation 2:

    >>> import torch
    >>> x = torch.tensor([2.0, 2.0, 6.0, 6.0])
    >>> layer_norm(x, torch.ones(4), torch.zeros(4)).round()
    tensor([-1., -1.,  1.,  1.])
    """
    wide = fitting(x, weight, eps)
    centered = wide - wide.mean(dim=-1, keepdim=True)
    variance = centered.square().mean(dim=-1, keepdim=True)
    return weight * (centered * (variance + eps).rsqrt()).to(x.dtype) + bias


def layer_norm_gradient(
    x: Float[Tensor, "*batch features"],
    weight: Float[Tensor, " features"],
    gradient: Float[Tensor, "*batch features"],
    eps: float = 1e-5,
) -> Float[Tensor, "*batch features"]:
    """Gradient with respect to ``x``, given that with respect to the output.

    What ``weight`` lets through loses its mean and its component along the normalized
    vector, and is divided by the standard deviation.
    """
    wide = fitting(x, weight, eps)
    centered = wide - wide.mean(dim=-1, keepdim=True)
    scale = (centered.square().mean(dim=-1, keepdim=True) + eps).rsqrt()
    normalized, g = centered * scale, weight * gradient.to(wide.dtype)
    along = (g * normalized).mean(dim=-1, keepdim=True)
    return (scale * (g - g.mean(dim=-1, keepdim=True) - normalized * along)).to(x.dtype)


def rms_norm_gradient(
    x: Float[Tensor, "*batch features"],
    weight: Float[Tensor, " features"],
    gradient: Float[Tensor, "*batch features"],
    eps: float = 1e-6,
) -> Float[Tensor, "*batch features"]:
    """Gradient of :func:`rms_norm` with respect to ``x``: no mean is subtracted."""
    wide = fitting(x, weight, eps)
    scale = (wide.square().mean(dim=-1, keepdim=True) + eps).rsqrt()
    normalized, g = wide * scale, weight * gradient.to(wide.dtype)
    along = (g * normalized).mean(dim=-1, keepdim=True)
    return (scale * (g - normalized * along)).to(x.dtype)

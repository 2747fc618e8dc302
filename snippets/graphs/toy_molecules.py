"""Toy molecules: random trees of atoms, and their energy in Hückel's model.

Axes::

    atoms      nodes of one molecule; of all molecules in a batch, which is one graph
    bonds      edges of a tree, once each
    edges      bonds in both directions
    molecules  connected parts of a batch
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.graphs.adjacency_matrix import adjacency_matrix


def energy(
    bonds: Int[Tensor, "2 bonds"], strength: Float[Tensor, " bonds"]
) -> Float[Tensor, ""]:
    """Energy per atom: two electrons in each orbital of the lower half.

    With bonds as positive entries, the orbitals of lowest energy have the largest
    eigenvalues.

    Examples
    --------
    Ethene has two atoms, butadiene has four in a row:

    >>> energy(torch.tensor([[0], [1]]), torch.ones(1))
    tensor(1.)
    >>> chain = torch.tensor([[0, 1, 2], [1, 2, 3]])
    >>> round(4 * energy(chain, torch.ones(3)).item(), 3)
    4.472
    """
    atoms = int(bonds.max()) + 1
    there = adjacency_matrix(bonds, atoms, strength)
    eigenvalues = torch.linalg.eigvalsh(there + there.T)
    return 2 * eigenvalues[atoms // 2 :].sum() / atoms


def tree(atoms: int, random: np.random.Generator) -> Int[Tensor, "2 bonds"]:
    """Atoms that join one after the other an earlier one with a bond to spare."""
    bonds = [(0, 1)]
    for atom in range(2, atoms):
        used = np.bincount(np.ravel(bonds), minlength=atom)
        bonds.append((int(random.choice(np.flatnonzero(used < 3))), atom))
    return torch.tensor(bonds).T


def molecules(
    count: int, seed: int
) -> tuple[
    Int[Tensor, "2 edges"],
    Float[Tensor, "edges 1"],
    Int[Tensor, " atoms"],
    Float[Tensor, " molecules"],
]:
    """Edges and their strengths, the molecule of each atom, and the energies.

    The molecules are random trees of 6 to 12 atoms, none bound to more than three.
    """
    random = np.random.default_rng(seed)
    edges, strengths, owner, energies, first = [], [], [], [], 0
    for number in range(count):
        atoms = 2 * int(random.integers(3, 7))
        bonds = tree(atoms, random)
        strength = torch.from_numpy(random.uniform(0.7, 1.3, atoms - 1)).float()
        energies.append(energy(bonds, strength))
        edges += [first + bonds, first + bonds.flip(0)]
        strengths += [strength, strength]
        owner.append(torch.full((atoms,), number))
        first += atoms
    strengths = torch.cat(strengths)[:, None]
    return torch.cat(edges, 1), strengths, torch.cat(owner), torch.stack(energies)


def in_a_row(
    edge_index: Int[Tensor, "2 edges"],
    strength: Float[Tensor, "edges 1"],
    owner: Int[Tensor, " atoms"],
) -> tuple[Int[Tensor, "2 edges"], Float[Tensor, "edges 1"]]:
    """The same bonds, but each molecule is a chain: a control for who is bound to whom.

    A tree has one bond fewer than atoms, and so has a chain.
    """
    left = (owner[1:] == owner[:-1]).nonzero()[:, 0]
    once = edge_index[0] < edge_index[1]
    chain = torch.stack([left, left + 1])
    return torch.cat([chain, chain.flip(0)], dim=1), strength[once].repeat(2, 1)

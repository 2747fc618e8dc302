"""Three tasks on short strings, told apart by the first token of the input.

A string has 4 different letters from a to j. The answer is the string reversed, its
letters in order, or the number of its vowels, always written as text and closed by an
end token. Half of the training examples ask to reverse, which is learned last.

Axes::

    batch   examples
    input   5 tokens: the prefix and the letters
    target  5 tokens: the answer, the end token, and padding
    tasks   3
"""

from itertools import permutations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from snippets.transformers.t5 import T5, initialize

TASKS = ("reverse", "sort", "count")
PREFIXES = [f"{task}:" for task in TASKS]
PAD, END, PREFIX, LETTER, DIGIT = 0, 1, 2, 5, 15  # first ids of each kind
VOCAB = 20
SHARES = (0.5, 0.25, 0.25)  # of the training examples
HELD_OUT = 500


def strings() -> Int[Tensor, "batch 4"]:
    """All strings, as numbers of letters; the first 500 are never trained on."""
    every = torch.tensor(list(permutations(range(10), 4)))
    return every[torch.randperm(len(every), generator=torch.Generator().manual_seed(0))]


def vowels(letters: Int[Tensor, "batch 4"]) -> Int[Tensor, " batch"]:
    """How many letters of each string are a, e, or i."""
    return torch.isin(letters, torch.tensor([0, 4, 8])).sum(dim=1)


def inputs(
    letters: Int[Tensor, "batch 4"], task: Int[Tensor, " batch"]
) -> Int[Tensor, "batch input"]:
    """The prefix of the task, then the letters."""
    return torch.cat([task[:, None] + PREFIX, letters + LETTER], dim=1)


def answers(
    letters: Int[Tensor, "batch 4"], task: Int[Tensor, " batch"]
) -> Int[Tensor, "batch target"]:
    """What the decoder should write."""
    count = torch.full_like(letters, PAD)
    count[:, 0], count[:, 1] = vowels(letters) + DIGIT, END
    order = letters.sort(dim=1).values + LETTER
    answer = torch.stack([letters.flip(1) + LETTER, order, count])
    answer = answer[task, torch.arange(len(task))]
    last = torch.where(task == TASKS.index("count"), PAD, END)
    return torch.cat([answer, last[:, None]], dim=1)


@torch.no_grad()
def exact(model: T5, letters: Int[Tensor, "batch 4"]) -> Float[Tensor, " tasks"]:
    """Share of strings for which greedy decoding gives the whole answer, by task.

    Greedy decoding writes an answer if and only if each of its tokens is the most
    likely one after the tokens before it. So one pass is enough.
    """
    shares = []
    for place in range(len(TASKS)):
        task = torch.full((len(letters),), place)
        target = answers(letters, task)
        written = model(inputs(letters, task), target).argmax(dim=-1)
        right = ((written == target) | (target == PAD)).all(dim=1)
        shares.append(right.float().mean())
    return torch.stack(shares)


def train(
    *, models: int, steps: int, record_every: int
) -> tuple[list[T5], Float[Tensor, "records models tasks"]]:
    """Train models side by side; also the shares of exact answers along the way.

    Adam on batches of 32 new examples for each model. The learning rate rises to 0.007
    over the first fifth of the steps, and then falls to zero.
    """
    sizes = {"d_model": 32, "heads": 4, "head_dim": 8, "d_ff": 64, "layers": 2}
    made = []
    for seed in range(models):
        torch.manual_seed(seed)
        made.append(initialize(T5(vocab=VOCAB, **sizes)))
    stacked, _ = stack_module_state(made)
    apply = vmap(lambda own, x, y: functional_call(made[0], own, (x, y)))
    optimizer = torch.optim.Adam(stacked.values(), betas=(0.9, 0.99), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.007, total_steps=steps, pct_start=0.2
    )
    drawn = torch.Generator().manual_seed(1)
    trained, curve = strings()[HELD_OUT:], []
    for step in range(1, steps + 1):
        rows = torch.randint(len(trained), (models * 32,), generator=drawn)
        task = torch.tensor(SHARES).multinomial(models * 32, True, generator=drawn)
        letters = trained[rows]
        target = answers(letters, task).unflatten(0, (models, 32))
        logits = apply(
            stacked, inputs(letters, task).unflatten(0, (models, 32)), target
        )
        loss = cross_entropy(logits.flatten(0, 2), target.flatten(), ignore_index=PAD)
        optimizer.zero_grad()
        (models * loss).backward()
        optimizer.step()
        schedule.step()
        if step % record_every == 0:
            for place, model in enumerate(made):
                own = {name: weight[place] for name, weight in stacked.items()}
                model.load_state_dict(own)
            curve.append(torch.stack([exact(m, strings()[:HELD_OUT]) for m in made]))
    return made, torch.stack(curve)


@torch.no_grad()
def cross_weights(
    model: T5, tokens: Int[Tensor, "batch input"], targets: Int[Tensor, "batch target"]
) -> Float[Tensor, "batch target input"]:
    """Weights of the last cross-attention, mean of its heads."""
    seen = []
    layer = model.decoder.blocks[-1].cross_attention
    handle = layer.register_forward_pre_hook(lambda _, given: seen.append(given))
    model(tokens, targets)
    handle.remove()
    return layer.weights(*seen[0]).mean(dim=1)

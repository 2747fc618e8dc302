"""Tiny recursive model: its block against Llama's parts in transformers, its average
against PyTorch's, its recursion against a written-out loop; then Sudoku and bad input.
"""

from copy import deepcopy
from itertools import product

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn, get_ema_multi_avg_fn
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from snippets.transformers.small_sudoku import (
    CELLS,
    SIDE,
    all_grids,
    canonical,
    draw_puzzles,
    matches,
    rename,
    split,
)
from snippets.transformers.sudoku_training import (
    Plan,
    SideBySide,
    answer,
    draw,
    replaced,
    train,
)
from snippets.transformers.sudoku_training import models as make_models
from snippets.transformers.tiny_recursive_model import (
    MixerBlock,
    State,
    Step,
    TinyRecursiveModel,
    deep_recursion,
    latent_recursion,
    solved,
    supervision_loss,
    update_average,
)

BATCH, SITES, VALUES, WIDTH, SITES_FF, D_FF = 2, 7, 3, 6, 5, 11
DOUBLE = torch.float64


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def tiny():
    model = TinyRecursiveModel(SITES, VALUES, WIDTH, SITES_FF, D_FF).double()
    for head in (model.halt_head.weight, model.halt_head.bias):
        nn.init.normal_(head)
    return model


def inputs(model):
    given = torch.randint(VALUES + 1, (BATCH, SITES))
    target = torch.randint(VALUES, (BATCH, SITES))
    return given, target, model.start(given)


class Counted(nn.Module):
    """A network whose weights differ from call to call."""

    def __init__(self, calls):
        super().__init__()
        parts = [nn.Linear(WIDTH, WIDTH, dtype=DOUBLE) for _ in range(calls)]
        self.parts, self.call = nn.ModuleList(parts), 0

    def forward(self, h):
        self.call += 1
        return self.parts[self.call - 1](h).tanh()


def draw_state(**options):
    x, y, z = torch.randn(3, BATCH, SITES, WIDTH, dtype=DOUBLE)
    for part in (x, y, z):
        part.requires_grad_(**options)
    return x, State(y, z)


def config(width, inner):
    return LlamaConfig(
        hidden_size=width, intermediate_size=inner, num_attention_heads=1, head_dim=2
    )


def test_the_block_is_made_of_llamas_parts(agrees):
    ours = MixerBlock(SITES, WIDTH, SITES_FF, D_FF).double()
    x = torch.randn(BATCH, SITES, WIDTH, dtype=DOUBLE)
    parts = []
    for own, width, inner in (
        (ours.mix_cells, SITES, SITES_FF),
        (ours.mix_features, WIDTH, D_FF),
    ):
        part = LlamaMLP(config(width, inner))
        part.double().load_state_dict(own.state_dict())
        parts.append((part, LlamaRMSNorm(width, eps=1e-5).double()))
    h = x.transpose(1, 2)
    for part, norm in parts:
        h = norm(h + part(h)).transpose(1, 2)
    # the library's norm works in float32
    h = h.transpose(1, 2)
    agrees(ours(x), h, "transformers.LlamaMLP", rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("average_of", [get_ema_multi_avg_fn, get_ema_avg_fn])
def test_the_average_is_that_of_pytorch(agrees, average_of):
    model, decay = nn.Linear(5, 3, dtype=DOUBLE), 0.9
    ours = deepcopy(model)
    theirs = (
        AveragedModel(model, multi_avg_fn=average_of(decay))
        if (average_of is get_ema_multi_avg_fn)
        else AveragedModel(model, avg_fn=average_of(decay))
    )
    theirs.update_parameters(model)  # the first call copies the weights
    for _ in range(4):
        for weight in model.parameters():
            weight.data.add_(torch.randn_like(weight))
        update_average(ours, model, decay)
        theirs.update_parameters(model)
    for mean, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        agrees(mean, expected, "torch.optim.swa_utils.AveragedModel")


def test_the_average_leaves_the_model_alone_and_forgets_at_zero():
    model = nn.Linear(2, 2)
    before, average = deepcopy(model.state_dict()), nn.Linear(2, 2)
    update_average(average, model, 0.0)
    assert_close(dict(model.state_dict()), dict(before))
    assert_close(dict(average.state_dict()), dict(before))


@pytest.mark.parametrize(("n", "cycles"), [(1, 1), (3, 1), (1, 3), (2, 3)])
def test_the_recursion_is_the_loop_written_out(n, cycles):
    net, (x, (y, z)) = MixerBlock(SITES, WIDTH, SITES_FF, D_FF).double(), draw_state()
    ours = deep_recursion(net, x, State(y, z), n, cycles)
    for call in range(cycles * (n + 1)):
        if call % (n + 1) == n:
            y = net(y + z)
        else:
            z = net(x + y + z)
    assert_close(ours, State(y, z))


def test_with_one_cycle_everything_has_a_gradient():
    net, (x, state) = MixerBlock(SITES, WIDTH, SITES_FF, D_FF).double(), draw_state()
    wanted = [*net.parameters(), x, *state]
    one = deep_recursion(net, x, state, n=2, cycles=1)
    z = net(x + state.y + net(x + state.y + state.z))
    by_hand = torch.autograd.grad(net(state.y + z).sum() + z.sum(), wanted)
    assert_close(torch.autograd.grad(one.y.sum() + one.z.sum(), wanted), by_hand)
    assert all(gradient.abs().max() > 0 for gradient in by_hand)


@pytest.mark.parametrize(("n", "cycles"), [(1, 2), (2, 3), (3, 1)])
def test_only_the_calls_of_the_last_cycle_have_a_gradient(n, cycles):
    calls = cycles * (n + 1)
    net, (x, state) = Counted(calls), draw_state()
    result = deep_recursion(net, x, state, n, cycles)
    result.y.sum().backward()
    assert net.call == calls
    for call, part in enumerate(net.parts):
        if call < calls - (n + 1):
            assert part.weight.grad is None
        else:
            assert part.weight.grad.abs().max() > 0
    assert (state.z.grad is None) == (cycles > 1)


def test_the_gradient_is_that_of_the_last_cycle_from_where_the_others_end():
    net, (x, state) = MixerBlock(SITES, WIDTH, SITES_FF, D_FF).double(), draw_state()
    weights = list(net.parameters())
    ours = torch.autograd.grad(deep_recursion(net, x, state, 2, 3).y.sum(), weights)
    for _ in range(2):
        state = State(*(part.detach() for part in latent_recursion(net, x, state, 2)))
    last = latent_recursion(net, x, state, 2).y.sum()
    assert_close(ours, torch.autograd.grad(last, weights))


@pytest.mark.parametrize("n_sup", [1, 2, 5])
def test_supervision_steps_are_the_unrolled_loop(n_sup):
    model, n, cycles = tiny(), 2, 2
    given, _, state = inputs(model)
    for _ in range(n_sup):
        step = model(given, state, n, cycles)
        assert not step.state.y.requires_grad
        assert not step.state.z.requires_grad
        state = step.state
    x, (y, z) = model.embedding(given), model.start(given)
    for _, _ in product(range(n_sup), range(cycles)):
        for _ in range(n):
            z = model.net(x + y + z)
        y = model.net(y + z)
    assert_close(state, State(y.detach(), z.detach()))
    assert_close(step.logits, y @ model.output_head.weight.T)
    halt = y.mean(1) @ model.halt_head.weight[0] + model.halt_head.bias
    assert_close(step.halt, halt)


def test_no_gradient_crosses_a_supervision_step():
    model = tiny()
    given, target, state = inputs(model)
    first = model(given, state, 2, 1)
    second = model(given, first.state, 2, 1)
    weights = list(model.parameters())
    ours = torch.autograd.grad(supervision_loss(second, target), weights)
    again = model(given, State(*(part.clone() for part in first.state)), 2, 1)
    assert_close(ours, torch.autograd.grad(supervision_loss(again, target), weights))


def test_the_loss_is_the_sum_of_two_cross_entropies():
    logits = torch.randn(BATCH, SITES, VALUES, dtype=DOUBLE)
    target = logits.argmax(dim=-1)
    target[1, 2] = (target[1, 2] + 1) % VALUES  # the second answer has one error
    halt = torch.randn(BATCH, dtype=DOUBLE)
    assert solved(logits, target).tolist() == [True, False]
    cells = cross_entropy(logits.reshape(-1, VALUES), target.reshape(-1))
    right = torch.tensor([1.0, 0.0], dtype=DOUBLE)
    expected = cells + binary_cross_entropy_with_logits(halt, right)
    step = Step(State(logits, logits), logits, halt)
    assert_close(supervision_loss(step, target), expected)


def test_a_new_model_does_not_halt_and_starts_every_puzzle_alike():
    model = TinyRecursiveModel(SITES, VALUES, WIDTH, SITES_FF, D_FF)
    given, _, state = inputs(model)
    assert_close(model(given, state, 1, 1).halt, torch.full((BATCH,), -5.0))
    assert_close(state.y[0, 0], state.y[1, 3])
    assert not {"y_init", "z_init"} & dict(model.named_parameters()).keys()


def test_there_are_288_grids():
    grids = all_grids()
    assert len(grids) == 288 == len(grids.unique(dim=0))
    square = grids.view(-1, SIDE, SIDE)
    boxes = square.view(-1, 2, 2, 2, 2).transpose(2, 3).reshape(-1, SIDE, SIDE)
    for groups in (square, square.mT, boxes):
        assert (groups.sort(dim=-1).values == torch.arange(1, SIDE + 1)).all()
    assert len(canonical(grids).unique(dim=0)) == 12


def test_all_other_fillings_of_a_grid_break_a_rule():
    grid = {tuple(row) for row in all_grids().tolist()}
    lines = [[4 * i + j for j in range(4)] for i in range(4)]
    lines += [[4 * j + i for j in range(4)] for i in range(4)]
    lines += [[8 * i + 2 * j + k for k in (0, 1, 4, 5)] for i in (0, 1) for j in (0, 1)]
    found = []

    def fill(cells):
        if len(cells) == CELLS:
            found.append(tuple(cells))
            return
        for digit in range(1, 5):
            new = [*cells, digit]
            seen = [[new[c] for c in line if c < len(new)] for line in lines]
            if all(len(set(s)) == len(s) for s in seen):
                fill(new)

    fill([])
    assert set(found) == grid
    assert len(found) == len(grid)


def test_a_puzzle_has_one_solution_and_no_twin():
    drawn = draw_puzzles(60, 5, torch.Generator().manual_seed(3))
    grids = all_grids()
    for given, solution in zip(*drawn, strict=True):
        fits = [g for g in grids if ((g == given) | (given == 0)).all()]
        assert len(fits) == 1
        assert torch.equal(fits[0], solution)
        assert (given > 0).sum() == 5
    assert len(canonical(drawn.given).unique(dim=0)) == 60


def test_no_test_puzzle_is_a_training_puzzle_renamed():
    drawn = draw_puzzles(61, 5, torch.Generator().manual_seed(2))
    training, test = split(drawn)
    assert (len(training.given), len(test.solution)) == (30, 31)
    assert_close(torch.cat([training.solution, test.solution]), drawn.solution)
    codes = [set(map(tuple, canonical(p.given).tolist())) for p in (training, test)]
    assert not codes[0] & codes[1]


def test_canonical_forgets_names_and_nothing_else():
    given = draw_puzzles(20, 6, torch.Generator().manual_seed(1)).given
    names = 1 + torch.rand(20, SIDE).argsort(dim=1)
    assert_close(canonical(rename(given, names)), canonical(given))
    assert_close(canonical(given) > 0, given > 0)
    again = canonical(given)
    same = given[:, :, None] == given[:, None]
    assert_close(again[:, :, None] == again[:, None], same)


def test_models_side_by_side_are_the_models():
    apart = [TinyRecursiveModel(SITES, VALUES, WIDTH, SITES_FF, D_FF) for _ in range(3)]
    together = SideBySide(apart)
    given = torch.randint(VALUES + 1, (3, BATCH, SITES))
    step = together(given, together.start(given), 2, 2)
    for run, model in enumerate(apart):
        alone = model(given[run], model.start(given[run]), 2, 2)
        assert_close(step.logits[run], alone.logits)
        assert_close(step.state.z[run], alone.state.z)


def test_only_a_halted_puzzle_is_replaced():
    halted = torch.tensor([[True, False]])
    new, old = torch.ones(1, 2, 3), torch.zeros(1, 2, 3)
    (mixed,) = replaced(halted, (new,), (old,))
    assert mixed.tolist() == [[[1, 1, 1], [0, 0, 0]]]


def test_drawn_puzzles_keep_their_solutions():
    puzzles = draw_puzzles(9, 5, torch.Generator().manual_seed(0))
    given, solution = draw(puzzles, (2, 4), torch.Generator().manual_seed(0))
    assert given.shape == solution.shape == (2, 4, CELLS)
    fits = matches(given.flatten(0, 1), all_grids())
    assert fits.sum(dim=1).tolist() == [1] * 8
    found = all_grids()[fits.int().argmax(dim=1)]
    assert_close(found - 1, solution.flatten(0, 1))


def test_training_lowers_the_loss_and_averages():
    puzzles = draw_puzzles(40, 8, torch.Generator().manual_seed(0))
    model, plan = make_models([0, 1], 8, 8, 8), Plan(1, 2, 2, 40, batch=16, decay=0.8)
    before = answer(model, puzzles, plan, 2)
    early, average = train(model, puzzles, plan, kept=2)
    after = answer(average, puzzles, plan, 2)
    target = (puzzles.solution - 1).expand(2, -1, -1).flatten()
    losses = [
        cross_entropy(a.logits[-1].flatten(0, 2), target) for a in (before, after)
    ]
    assert losses[1] < losses[0] - 0.2
    assert (average.weights[0] != model.weights[0]).any()
    assert (average.weights[0] != early.weights[0]).any()
    assert after.solved.shape == after.halt.shape == (2, 2, 40)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: latent_recursion(nn.Identity(), *draw_state(), 0), "n=0"),
        (lambda: deep_recursion(nn.Identity(), *draw_state(), 1, 0), "cycles=0"),
        (lambda: update_average(nn.Identity(), nn.Identity(), 1.0), "decay=1.0"),
        (lambda: matches(torch.zeros(1, 9, dtype=torch.long), all_grids()), "9 cells"),
        (lambda: matches(torch.full((1, CELLS), 5), all_grids()), r"digits \[5\]"),
        (lambda: update_average(nn.Linear(1, 1).half(), nn.Linear(1, 1), 0.9), "16"),
        (lambda: TinyRecursiveModel(SITES, VALUES, 4, 4, 4, layers=0), "layers=0"),
        (lambda: TinyRecursiveModel(SITES, VALUES, 0, 4, 4), "d_model=0"),
        (lambda: supervision_loss(halves(0)[0], halves(0)[1]), "no cells"),
        (lambda: supervision_loss(halves(2)[0], halves(2)[1] - 100), "negative"),
        (lambda: update_average(nn.Linear(3, 1), nn.Linear(1, 1), 0.9), r"\(1, 3\)"),
        (
            lambda: train(
                make_models([0], 4, 4, 4),
                draw_puzzles(2, 8, torch.Generator().manual_seed(0)),
                Plan(1, 1, 1, 5),
                kept=2,
            ),
            "kept=2",
        ),
        (lambda: draw_puzzles(0, 5, torch.Generator()), "count=0"),
        (lambda: draw_puzzles(5, 3, torch.Generator()), "givens=3"),
        (lambda: draw_puzzles(200, 16, torch.Generator()), "only 12 of 200"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_half_precision_stays_half():
    block = MixerBlock(SITES, WIDTH, SITES_FF, D_FF).bfloat16()
    out = block(torch.randn(BATCH, SITES, WIDTH, dtype=torch.bfloat16))
    assert out.dtype == torch.bfloat16
    assert out.isfinite().all()


def halves(batch):
    logits = torch.zeros(batch, CELLS, 9, dtype=torch.float16)
    step = Step(State(logits, logits), logits, logits[:, 0, 0])
    return step, torch.zeros(batch, CELLS, dtype=torch.long)


def test_the_loss_of_many_half_precision_puzzles_does_not_overflow():
    expected = torch.tensor(9.0).log() + torch.tensor(2.0).log()
    assert_close(supervision_loss(*halves(8000)), expected)


def test_the_average_of_half_precision_weights_moves():
    average, model = nn.Linear(3, 2), nn.Linear(3, 2).bfloat16()
    before = average.weight.clone()
    update_average(average, model, 0.999)
    assert_close(average.weight, before.lerp(model.weight.float(), 0.001))


def test_no_puzzles_match_no_grids():
    none = torch.zeros(0, CELLS, dtype=torch.long)
    assert matches(none, all_grids()).shape == (0, 288)

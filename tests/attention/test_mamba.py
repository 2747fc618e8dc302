"""Mamba against transformers' MambaMixer, torch's conv1d and scipy's ODE solver."""

import pytest
import torch
from scipy.integrate import solve_ivp
from torch.nn.functional import conv1d, pad, softplus
from torch.testing import assert_close
from transformers import DynamicCache, MambaConfig
from transformers.models.mamba.modeling_mamba import MambaMixer as TheirMixer

from snippets.attention.mamba import (
    MambaMixer,
    combine,
    parallel_scan,
    scan,
    selective_scan,
    zero_order_hold,
)
from snippets.attention.selective_copying_task import (
    CopyingModel,
    TimeInvariantMixer,
    accuracy,
    accuracy_with_changed_fillers,
    copying,
    filler_only,
    step_sizes,
)


def random_steps(seq: int):
    """Decays in (0, 1) and drives: (batch, seq, channels, d_state)."""
    torch.manual_seed(0)
    drive = torch.randn(2, seq, 5, 3, dtype=torch.float64)
    return torch.rand_like(drive), drive


def mixer(kind=MambaMixer, width: int = 4) -> MambaMixer:
    torch.manual_seed(0)
    return kind(d_model=20, d_state=6, expand=2, d_conv=width).double()


def transformers_mixer(ours: MambaMixer) -> tuple[TheirMixer, MambaConfig]:
    config = MambaConfig(
        hidden_size=20,
        state_size=6,
        expand=2,
        conv_kernel=ours.conv1d.kernel_size[0],
        num_hidden_layers=1,
    )
    theirs = TheirMixer(config, layer_idx=0).double().eval()
    names = {
        "in_proj.weight": ours.in_proj.weight,
        "conv1d.weight": ours.conv1d.weight,
        "conv1d.bias": ours.conv1d.bias,
        "x_proj.weight": ours.x_proj.weight,
        "dt_proj.weight": ours.dt_proj.weight,
        "dt_proj.bias": ours.dt_proj.bias,
        "A_log": ours.A_log,
        "D": ours.D,
        "out_proj.weight": ours.out_proj.weight,
    }
    theirs.load_state_dict(names, strict=True)
    return theirs, config


MIXER = "transformers.MambaMixer"


@pytest.mark.parametrize("width", [4, 2])
def test_agrees_with_transformers(agrees, width):
    ours = mixer(width=width)
    theirs, _ = transformers_mixer(ours)
    x = torch.randn(3, 11, 20, dtype=torch.float64)
    # their scan computes in 32 bits whatever it is given
    agrees(ours(x).float(), theirs(x).float(), MIXER)


def test_first_parameters_follow_transformers(agrees):
    ours = mixer()
    theirs = TheirMixer(transformers_mixer(ours)[1], layer_idx=0).double()
    agrees(ours.A_log, theirs.A_log, MIXER)
    agrees(ours.D, theirs.D, MIXER)
    for bias in (ours.dt_proj.bias, theirs.dt_proj.bias):
        steps = softplus(bias)
        assert steps.min() >= 0.001 - 1e-6
        assert steps.max() <= 0.1 + 1e-6
        assert steps.max() > 5 * steps.min()


def test_one_token_at_a_time_agrees_with_transformers(agrees):
    ours, memory = mixer(), None
    theirs, config = transformers_mixer(ours)
    cache = DynamicCache(config=config)
    for token in torch.randn(7, 3, 1, 20, dtype=torch.float64):
        expected = theirs(token, cache).float()
        mine, memory = ours.extend(token, memory)
        agrees(mine.float(), expected, MIXER)


@pytest.mark.parametrize("seq", [1, 2, 3, 7, 8, 13])
def test_scans_agree_with_loops_over_numbers(agrees, seq):
    decay, drive = random_steps(seq)
    expected = torch.empty_like(drive)
    for batch, channel, n in torch.cartesian_prod(*map(torch.arange, (2, 5, 3))):
        state = 0.0
        for t in range(seq):
            state = decay[batch, t, channel, n] * state + drive[batch, t, channel, n]
            expected[batch, t, channel, n] = state
    agrees(scan(decay, drive), expected, "its definition as loops")
    agrees(parallel_scan(decay, drive), expected, "its definition as loops")


def test_gradients_of_both_scans_agree():
    decay, drive = (x.requires_grad_() for x in random_steps(7))
    weight = torch.randn_like(drive)
    one, other = (
        torch.autograd.grad((weight * f(decay, drive)).sum(), (decay, drive))
        for f in (scan, parallel_scan)
    )
    assert_close(one, other)


def test_decays_that_underflow_as_products_do_no_harm():
    """Dividing cumulative products, a common shortcut, gives NaN here."""
    decay, drive = random_steps(400)
    decay = decay * 0.01
    assert decay.cumprod(dim=1).min() == 0
    assert_close(parallel_scan(decay, drive), scan(decay, drive))


def test_combining_is_associative_but_does_not_commute():
    a, b, c = (tuple(step) for step in torch.randn(3, 2, 4, dtype=torch.float64))
    assert_close(combine(combine(a, b), c), combine(a, combine(b, c)))
    assert not torch.allclose(combine(a, b)[1], combine(b, a)[1])


@pytest.mark.parametrize(("dt", "A"), [(0.3, -1.7), (2.0, -0.4), (1e-9, -3.0)])
def test_zero_order_hold_agrees_with_an_ode_solver(agrees, dt, A):
    held, before = 1.8, 0.4
    solved = solve_ivp(
        lambda _, h: A * h + held, (0, dt), [before], rtol=1e-11, atol=1e-13
    )
    sizes = [torch.tensor(x, dtype=torch.float64) for x in (dt, A)]
    decay, gain = zero_order_hold(*sizes)
    expected = torch.tensor(solved.y[0, -1], dtype=torch.float64)
    agrees(decay * before + gain * held, expected, "scipy.integrate.solve_ivp")


def test_a_step_is_a_gate():
    """With rate -1, the step softplus(z) keeps 1 - sigmoid(z) and takes sigmoid(z)."""
    z = torch.linspace(-8, 8, 9, dtype=torch.float64)
    step = softplus(z)
    decay, gain = zero_order_hold(step, -torch.ones_like(z))
    assert_close(decay, 1 - z.sigmoid())
    assert_close(gain, z.sigmoid())


def test_time_invariant_scan_agrees_with_a_convolution(agrees):
    torch.manual_seed(0)
    x = torch.randn(2, 9, 5, dtype=torch.float64)
    step, rate = torch.rand(5).double(), -torch.rand(5, 3).double()
    write, read = torch.randn(2, 3).double()
    state = torch.zeros(2, 5, 3, dtype=torch.float64)
    both = [v.expand(2, 9, 3) for v in (write, read)]
    y, _ = selective_scan(x, step.expand_as(x), rate, *both, state)
    ages = torch.arange(9)[:, None, None]
    kernel = (read * write * (ages * step[:, None] * rate).exp()).sum(-1) * step
    padded = pad(x.transpose(1, 2), (8, 0))
    theirs = conv1d(padded, kernel.T.flip(1)[:, None], groups=5).transpose(1, 2)
    agrees(y, theirs, "torch.nn.functional.conv1d")


def test_only_the_selective_mixer_depends_on_what_else_it_reads():
    """Time-invariant: the scan of a sum is the sum of the scans."""

    def scanned(ours, x):
        state = x.new_zeros(len(x), 40, 6)
        step, write, read = ours.select(x)
        return selective_scan(x, step, -ours.A_log.exp(), write, read, state)[0]

    first, second = torch.randn(2, 3, 7, 40, dtype=torch.float64)
    for kind, linear in ((MambaMixer, False), (TimeInvariantMixer, True)):
        ours = mixer(kind)
        apart = scanned(ours, first) + scanned(ours, second)
        assert torch.allclose(scanned(ours, first + second), apart) == linear


@pytest.mark.parametrize("kind", [MambaMixer, TimeInvariantMixer])
@pytest.mark.parametrize("lengths", [[1] * 7, [2, 4, 1], [5, 2]])
def test_reading_in_pieces_equals_reading_at_once(kind, lengths):
    ours, cache, pieces = mixer(kind), None, []
    x = torch.randn(3, 7, 20, dtype=torch.float64)
    for piece in x.split(lengths, dim=1):
        y, cache = ours.extend(piece, cache)
        pieces.append(y)
    assert_close(torch.cat(pieces, dim=1), ours(x))


def test_the_cache_does_not_grow_and_is_not_changed():
    ours = mixer()
    _, cache = ours.extend(torch.randn(3, 5, 20, dtype=torch.float64))
    shapes = [tuple(part.shape) for part in cache]
    assert shapes == [(3, 3, 40), (3, 40, 6)]  # the convolution's tail, the state
    before = [part.clone() for part in cache]
    _, later = ours.extend(torch.randn(3, 50, 20, dtype=torch.float64), cache)
    assert [tuple(part.shape) for part in later] == shapes
    assert_close(list(cache), before, rtol=0, atol=0)


def test_the_future_does_not_matter():
    ours = mixer()
    x = torch.randn(2, 7, 20, dtype=torch.float64)
    changed = torch.cat([x[:, :4], torch.randn_like(x[:, 4:])], dim=1)
    assert_close(ours(x)[:, :4], ours(changed)[:, :4])
    assert not torch.allclose(ours(x)[:, 4:], ours(changed)[:, 4:])


def test_a_step_of_zero_passes_over_a_position():
    torch.manual_seed(0)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    step = torch.rand_like(x)
    step[:, 3] = 0
    rate = -torch.rand(5, 3, dtype=torch.float64)
    write, read = torch.randn(2, 2, 6, 3, dtype=torch.float64)
    state = torch.randn(2, 5, 3, dtype=torch.float64)
    rest = [0, 1, 2, 4, 5]
    _, after = selective_scan(x, step, rate, write, read, state)
    parts = [part[:, rest] for part in (x, step, write, read)]
    _, without = selective_scan(*parts[:2], rate, *parts[2:], state)
    assert_close(after, without)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near_single(dtype):
    ours = mixer().float()
    x = torch.randn(3, 300, 20)
    expected = ours(x)
    short = ours.to(dtype)(x.to(dtype))
    assert short.dtype == dtype
    assert_close(short.float(), expected, rtol=0.05, atol=0.02)


def test_fillers_change_only_what_is_asked():
    """Without decay and without their terms, fillers are passed over as at dt = 0."""
    torch.manual_seed(0)
    model = CopyingModel(MambaMixer)
    as_it_is = accuracy_with_changed_fillers(model, 40, decay=True, add=True)
    assert as_it_is == accuracy(model, 40, batch=100)
    tokens, answers = copying(100, 40, torch.Generator().manual_seed(99))
    select = model.mixer.select

    def stopped(x):
        dt, B, C = select(x)
        return dt.masked_fill(filler_only(tokens)[..., None], 0), B, C

    model.mixer.select = stopped
    with torch.no_grad():
        expected = (model(tokens).argmax(-1) == answers).float().mean().item()
    model.mixer.select = select
    passed = accuracy_with_changed_fillers(model, 40, decay=False, add=False)
    assert passed == pytest.approx(expected)


@pytest.mark.parametrize(("decay", "add"), [(True, False), (False, True)])
def test_decay_and_added_terms_are_changed_apart(monkeypatch, decay, add):
    seen = []

    def watched(a, b):
        if b.shape[1] == 42:  # not one of its own calls on half of the positions
            seen.append((a, b))
        return parallel_scan(a, b)

    monkeypatch.setattr("snippets.attention.mamba.parallel_scan", watched)
    model = CopyingModel(MambaMixer)
    accuracy_with_changed_fillers(model, 40, decay=decay, add=add)
    accuracy(model, 40, batch=100)
    (a, b), (plain_a, plain_b) = seen
    tokens, _ = copying(100, 40, torch.Generator().manual_seed(99))
    fillers = filler_only(tokens)
    assert_close(a[~fillers], plain_a[~fillers])
    assert_close(b[~fillers], plain_b[~fillers])
    assert_close(a[fillers], plain_a[fillers] if decay else plain_a[fillers] * 0 + 1)
    assert_close(b[fillers], plain_b[fillers] if add else plain_b[fillers] * 0)


def test_without_a_position_there_is_nothing_to_scan():
    empty = torch.zeros(2, 0, 5, 3)
    with pytest.raises(ValueError, match=r"needs a position: got \(2, 0, 5, 3\)"):
        parallel_scan(empty, empty)
    with pytest.raises(ValueError, match=r"needs a position: got \(2, 0, 20\)"):
        mixer()(torch.zeros(2, 0, 20).double())


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="d_state=0"):
        MambaMixer(d_model=20, d_state=0)
    with pytest.raises(ValueError, match="d_conv=0"):
        MambaMixer(d_model=20, d_conv=0)


@pytest.mark.parametrize("kind", [MambaMixer, TimeInvariantMixer])
def test_a_convolution_of_one_position_remembers_none(kind):
    ours, x = mixer(kind, width=1), torch.randn(2, 5, 20, dtype=torch.float64)
    cache, steps = None, []
    for t in range(5):
        y, cache = ours.extend(x[:, t : t + 1], cache)
        steps.append(y)
    assert cache.conv_state.shape == (2, 0, 40)
    assert_close(torch.cat(steps, dim=1), ours(x))


def test_a_rate_of_zero_keeps_the_state_and_adds_step_times_input():
    """The limit of the gain, and of its gradient step**2 / 2, at the boundary."""
    rate = torch.zeros((), dtype=torch.float64, requires_grad=True)
    decay, gain = zero_order_hold(torch.tensor(0.3).double(), rate)
    gain.backward()
    assert (decay.item(), gain.item()) == (1.0, pytest.approx(0.3))
    assert rate.grad.isfinite()


def test_an_input_of_zeros_gives_zeros_and_finite_gradients():
    ours = mixer()
    ours.conv1d.bias.data.zero_()
    x = torch.zeros(1, 5, 20, dtype=torch.float64, requires_grad=True)
    out = ours(x)
    out.square().sum().backward()
    assert_close(out, torch.zeros_like(out))
    assert x.grad.isfinite().all()


def test_fresh_vectors_of_the_control_are_random():
    torch.manual_seed(0)
    fixed = TimeInvariantMixer(d_model=4, d_state=4000).B_and_C
    assert_close(fixed.std().item(), 1.0, rtol=0.03, atol=0)


def test_positions_whose_convolution_sees_only_fillers():
    tokens = torch.tensor([[6, 6, 2, 6, 6, 6, 6, 7]])
    expected = [True, True, False, False, False, False, True, False]
    assert filler_only(tokens)[0].tolist() == expected


def test_step_sizes_are_means_of_what_the_mixer_uses():
    torch.manual_seed(0)
    model, seen = CopyingModel(MambaMixer), []
    tokens, _ = copying(9, 16, torch.Generator().manual_seed(0))
    select = model.mixer.select
    model.mixer.select = lambda x: seen.append(select(x)[0]) or select(x)
    model(tokens)
    model.mixer.select = select
    at = {place: [] for place in (0, 1, 2, 3, None)}
    for text, sizes in zip(tokens.tolist(), seen[0].mean(dim=-1), strict=True):
        for t in range(4, 16):
            near = [back for back in range(4) if text[t - back] < 6]
            for place in near or [None]:
                at[place].append(sizes[t])
    expected = torch.stack([torch.stack(sizes).mean() for sizes in at.values()])
    assert_close(step_sizes(model, tokens), expected)

"""Schedules and steps against diffusers; closed forms by regression and autograd."""

import jaxtyping
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal
from torch.testing import assert_close

from snippets.generative import shapes
from snippets.generative.circle_denoisers import NULL, CircleDenoisers, Layers, train
from snippets.generative.diffusion import (
    Parts,
    add_noise,
    ddim_step,
    ddpm_step,
    flow_sigma,
    flow_step,
    from_flow,
    from_noise,
    from_v,
    from_x_0,
    gaussian_noise,
    guide,
    sample_ddim,
    sample_ddpm,
    score,
    v_target,
)
from snippets.generative.labelled_circle import (
    CLASSES,
    STD,
    accuracy,
    centers,
    class_std,
    exact_noise,
    mmd2,
)
from snippets.generative.noise_schedules import (
    check_schedule,
    cosine_schedule,
    linear_schedule,
    trailing_steps,
    zero_terminal_snr,
)
from snippets.generative.tiny_unet import TinyUNet

STEPS = 20
ALPHA_BAR = linear_schedule(STEPS, 1e-3, 0.4)
BETAS = (1 - ALPHA_BAR / torch.cat([torch.ones(1), ALPHA_BAR[:-1]])).numpy()
ONE = torch.ones(())


def normal(*shape, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random)


def scheduler(kind, **changes):
    settings = {"num_train_timesteps": STEPS, "clip_sample": False}
    made = kind(**(settings | {"trained_betas": BETAS} | changes))
    made.set_timesteps(STEPS)
    return made


def before(t):
    return ALPHA_BAR[t - 1] if t else ONE


# Schedules


def test_linear_schedule_is_that_of_diffusers(agrees):
    theirs = DDPMScheduler(num_train_timesteps=1000)  # its defaults are the paper's
    agrees(linear_schedule(1000), theirs.alphas_cumprod, "diffusers.DDPMScheduler")


@pytest.mark.parametrize("steps", [7, 100])
def test_cosine_schedule_is_that_of_diffusers(agrees, steps):
    name = "squaredcos_cap_v2"
    theirs = DDPMScheduler(num_train_timesteps=steps, beta_schedule=name)
    ours = cosine_schedule(steps)
    agrees(ours[:-1], theirs.alphas_cumprod[:-1], "diffusers.DDPMScheduler")
    assert_close(ours[-1] / ours[-2], torch.tensor(0.001), rtol=1e-3, atol=0)


def test_zero_terminal_snr_is_that_of_diffusers(agrees):
    theirs = DDIMScheduler(rescale_betas_zero_snr=True).alphas_cumprod
    ours = zero_terminal_snr(linear_schedule(1000))
    assert_close(ours, theirs, rtol=1e-3, atol=1e-6)  # theirs goes through the betas
    assert ours[-1] == theirs[-1] == 0
    wide = zero_terminal_snr(linear_schedule(1000).double())
    assert_close(wide[0], linear_schedule(1000).double()[0])


def test_schedules_fall_from_one_to_noise():
    for alpha_bar in (ALPHA_BAR, cosine_schedule(50), linear_schedule(1000)):
        check_schedule(alpha_bar)
        check_schedule(zero_terminal_snr(alpha_bar))
        assert alpha_bar[0] > 0.99


@pytest.mark.parametrize(
    ("alpha_bar", "named"),
    [
        (linear_schedule(100), "0.3636"),
        (torch.tensor([0.5, 0.7, 0.0]), "must fall"),
        (torch.tensor([0.5, 0.5, 0.0]), "must fall"),
        (torch.tensor([1.0, 0.5, 0.0]), "must fall"),
        (torch.tensor([0.5, -0.1]), "must fall"),
        (torch.tensor([0.5, float("nan")]), "nan"),
        (torch.tensor([]), "no finite"),
    ],
)
def test_a_bad_schedule_is_refused(alpha_bar, named):
    def predict(x, t):
        return Parts(x, x)

    with pytest.raises(ValueError, match=named):
        sample_ddim(predict, normal(3, 2), alpha_bar, 1)
    with pytest.raises(ValueError, match=named):
        sample_ddpm(predict, normal(3, 2), alpha_bar, torch.Generator())


# Noise and conversions


def test_noising_is_that_of_diffusers(agrees):
    theirs = scheduler(DDPMScheduler)
    x_0, noise = normal(5, 3), normal(5, 3, seed=1)
    t = torch.tensor([0, 3, 7, 18, 19])
    ours = add_noise(x_0, noise, ALPHA_BAR[t][:, None])
    agrees(ours, theirs.add_noise(x_0, noise, t), "diffusers.DDPMScheduler.add_noise")


def test_one_step_of_noising_is_the_chain():
    x = torch.full((200_000,), 2.0)
    random = torch.Generator().manual_seed(0)
    for beta in torch.from_numpy(BETAS[:8]):
        fresh = torch.randn(len(x), generator=random)
        x = (1 - beta).sqrt() * x + beta.sqrt() * fresh
    assert_close(x.mean(), 2 * ALPHA_BAR[7].sqrt(), atol=0.01, rtol=0)
    assert_close(x.var(), 1 - ALPHA_BAR[7], atol=0.01, rtol=0)


def test_v_is_that_of_diffusers(agrees):
    theirs = scheduler(DDPMScheduler)
    x_0, noise = normal(5, 3), normal(5, 3, seed=1)
    t = torch.tensor([0, 3, 7, 18, 19])
    ours = v_target(Parts(x_0, noise), ALPHA_BAR[t][:, None])
    expected = theirs.get_velocity(x_0, noise, t)
    agrees(ours, expected, "diffusers.DDPMScheduler.get_velocity")


def test_each_prediction_gives_the_same_parts():
    parts = Parts(normal(5, 3).double(), normal(5, 3, seed=1).double())
    level = torch.tensor([0.9, 0.5, 0.3, 0.1, 1e-4]).double()[:, None]
    x_t = add_noise(*parts, level)
    assert_close(from_noise(x_t, parts.noise, level), parts)
    assert_close(from_x_0(x_t, parts.x_0, level), parts)
    assert_close(from_v(x_t, v_target(parts, level), level), parts)
    sigma = torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0]).double()[:, None]
    x = (1 - sigma) * parts.x_0 + sigma * parts.noise
    assert_close(from_flow(x, parts.noise - parts.x_0, sigma), parts)


def test_v_works_at_both_ends_where_the_others_fail():
    parts = Parts(normal(4).double(), normal(4, seed=1).double())
    for level in (torch.zeros(()).double(), torch.ones(()).double()):
        x_t = add_noise(*parts, level)
        assert_close(from_v(x_t, v_target(parts, level), level), parts)
    with pytest.raises(ValueError, match="alpha_bar=tensor"):
        from_noise(parts.noise, parts.noise, torch.zeros(()))
    with pytest.raises(ValueError, match="alpha_bar=tensor"):
        from_x_0(parts.x_0, parts.x_0, torch.ones(()))
    with pytest.raises(ValueError, match="score"):
        score(parts.noise, torch.ones(()))


# Steps


@pytest.mark.parametrize("t", [0, 1, 11, 19])
@pytest.mark.parametrize("large", [False, True])
def test_ddpm_step_is_that_of_diffusers(agrees, t, large):
    kind = "fixed_large" if large else "fixed_small"
    theirs = scheduler(DDPMScheduler, variance_type=kind)
    x_t, noise, fresh = normal(5, 3), normal(5, 3, seed=1), normal(5, 3, seed=2)
    x_0 = from_noise(x_t, noise, ALPHA_BAR[t]).x_0
    ours = ddpm_step(x_t, x_0, ALPHA_BAR[t], before(t), fresh, large=large)
    random = torch.Generator().manual_seed(2)
    expected = theirs.step(noise, t, x_t, generator=random).prev_sample
    agrees(ours, expected, "diffusers.DDPMScheduler.step")


@pytest.mark.parametrize("t", [1, 11, 19])
def test_ddpm_step_is_the_formula_of_the_paper(t):
    x_t, noise, fresh = (normal(5, 3, seed=s).double() for s in range(3))
    level, prev = ALPHA_BAR[t].double(), before(t).double()
    beta = 1 - level / prev
    mean = (x_t - beta / (1 - level).sqrt() * noise) / (1 - beta).sqrt()
    x_0 = from_noise(x_t, noise, level).x_0
    for large in (False, True):
        variance = beta if large else beta * (1 - prev) / (1 - level)
        ours = ddpm_step(x_t, x_0, level, prev, fresh, large=large)
        assert_close(ours, mean + variance.sqrt() * fresh)


@pytest.mark.parametrize("count", [20, 10, 4, 1])
@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_ddim_step_is_that_of_diffusers(agrees, count, eta, kind):
    changes = {"prediction_type": kind, "timestep_spacing": "trailing"}
    theirs = scheduler(DDIMScheduler, **changes)
    theirs.set_timesteps(count)
    chosen = trailing_steps(STEPS, count)
    assert theirs.timesteps.tolist() == chosen
    parts_from = {"epsilon": from_noise, "v_prediction": from_v, "sample": from_x_0}
    x, fresh = normal(5, 3), normal(5, 3, seed=2)
    output = normal(5, 3, seed=1)
    for i, t in enumerate(chosen):
        target = ALPHA_BAR[chosen[i + 1]] if i + 1 < count else ONE
        parts = parts_from[kind](x, output, ALPHA_BAR[t])
        ours = ddim_step(parts, ALPHA_BAR[t], target, eta=eta, fresh=fresh)
        noise = {"variance_noise": fresh} if eta else {}
        step = theirs.step(output, t, x, eta=eta, **noise)
        agrees(ours, step.prev_sample, "diffusers.DDIMScheduler.step")


def test_ddim_with_eta_1_is_ddpm_with_the_small_variance():
    x_t, noise, fresh = (normal(5, 3, seed=s).double() for s in range(3))
    for t in (0, 1, 11, 19):
        level, prev = ALPHA_BAR[t].double(), before(t).double()
        parts = from_noise(x_t, noise, level)
        ours = ddim_step(parts, level, prev, eta=1.0, fresh=fresh)
        assert_close(ours, ddpm_step(x_t, parts.x_0, level, prev, fresh))


def test_clipping_changes_results():
    x_t, noise = 3 * normal(5, 3), normal(5, 3, seed=1)
    free, clipped = (
        scheduler(DDIMScheduler, clip_sample=clip).step(noise, 0, x_t).prev_sample
        for clip in (False, True)
    )
    assert DDIMScheduler().config.clip_sample
    assert free.abs().max() > 2
    assert clipped.abs().max() <= 1


def test_whole_samplers_are_those_of_diffusers(agrees):
    mean = torch.tensor([1.0, -0.5, 2.0])
    x_T = normal(6, 3)

    def noise(x, t):
        return gaussian_noise(x, ALPHA_BAR[t], mean, 0.3)

    def predict(x, t):
        return from_noise(x, noise(x, t), ALPHA_BAR[t])

    theirs, x = scheduler(DDPMScheduler), x_T
    random = torch.Generator().manual_seed(3)
    for t in theirs.timesteps.tolist():
        x = theirs.step(noise(x, t), t, x, generator=random).prev_sample
    ours = sample_ddpm(predict, x_T, ALPHA_BAR, torch.Generator().manual_seed(3))
    agrees(ours, x, "diffusers.DDPMScheduler.step")

    theirs, x = scheduler(DDIMScheduler, timestep_spacing="trailing"), x_T
    theirs.set_timesteps(5)
    for t in theirs.timesteps.tolist():
        x = theirs.step(noise(x, t), t, x).prev_sample
    ours = sample_ddim(predict, x_T, ALPHA_BAR, 5)
    agrees(ours, x, "diffusers.DDIMScheduler.step")


def test_v_samples_from_pure_noise():
    alpha_bar = zero_terminal_snr(ALPHA_BAR)

    def predict(x, t):
        noise = gaussian_noise(x, alpha_bar[t], torch.full((1,), 2.0), 1e-6)
        x_0 = torch.full_like(x, 2.0)
        return from_v(x, v_target(Parts(x_0, noise), alpha_bar[t]), alpha_bar[t])

    x = sample_ddpm(predict, normal(7, 1), alpha_bar, torch.Generator().manual_seed(0))
    assert_close(x, torch.full_like(x, 2.0), atol=1e-4, rtol=0)


@pytest.mark.parametrize("levels", [(0.5, 0.5), (0.5, 0.4), (-0.1, 0.4), (0.5, 1.1)])
def test_steps_that_remove_no_noise_are_refused(levels):
    x = normal(3)
    level, prev = map(torch.tensor, levels)
    with pytest.raises(ValueError, match="no step from"):
        ddpm_step(x, x, level, prev, x)
    with pytest.raises(ValueError, match="no step from"):
        ddim_step(Parts(x, x), level, prev)


def test_other_bad_input_is_refused():
    x, low, high = normal(3), torch.tensor(0.1), torch.tensor(0.2)
    with pytest.raises(ValueError, match=r"eta=1\.5"):
        ddim_step(Parts(x, x), low, high, eta=1.5, fresh=x)
    with pytest.raises(ValueError, match="no fresh noise"):
        ddim_step(Parts(x, x), low, high, eta=0.5)
    with pytest.raises(ValueError, match="no 21 of 20"):
        trailing_steps(20, 21)
    with pytest.raises(ValueError, match="steps=0"):
        linear_schedule(0)
    with pytest.raises(ValueError, match=r"last=0\.1"):
        linear_schedule(9, 0.2, 0.1)
    with pytest.raises(ValueError, match="largest=2"):
        cosine_schedule(9, 2.0)
    with pytest.raises(ValueError, match="alpha-bar from"):
        zero_terminal_snr(torch.tensor([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"sigma=0\.2"):
        flow_step(x, x, 0.2, 0.3)
    with pytest.raises(ValueError, match="std=0"):
        gaussian_noise(x, torch.ones(()), x, 0.0)
    with pytest.raises(jaxtyping.TypeCheckError):
        add_noise(normal(3, 2), normal(2, 3), low)


def test_an_empty_batch_and_half_precision():
    none = normal(0, 2)

    def predict(x, t):
        return from_noise(x, x, ALPHA_BAR[t])

    random = torch.Generator().manual_seed(0)
    assert sample_ddpm(predict, none, ALPHA_BAR, random).shape == (0, 2)
    half, full = normal(9, 2).bfloat16(), normal(9, 2)
    found = sample_ddim(predict, half, ALPHA_BAR, 5)
    assert found.dtype == torch.bfloat16
    assert_close(
        found.float(), sample_ddim(predict, full, ALPHA_BAR, 5), atol=0.1, rtol=0.1
    )


# Flows


def test_flow_steps_are_those_of_diffusers(agrees):
    theirs = FlowMatchEulerDiscreteScheduler(num_train_timesteps=STEPS)
    theirs.set_timesteps(4)
    x = noise = normal(5, 3)
    x_0 = normal(5, 3, seed=1)
    start = theirs.timesteps[1:2].repeat(5)
    expected = theirs.scale_noise(x_0, start, noise)
    sigma = theirs.sigmas[1]
    mixed = (1 - sigma) * x_0 + sigma * noise
    name = "diffusers.FlowMatchEulerDiscreteScheduler"
    agrees(mixed, expected, name)
    for i, t in enumerate(theirs.timesteps):
        u = normal(5, 3, seed=i)
        ours = flow_step(x, u, theirs.sigmas[i], theirs.sigmas[i + 1])
        x = theirs.step(u, t, x).prev_sample
        agrees(ours, x, name)


def test_ddim_is_an_euler_step_of_the_flow(agrees):
    """In the coordinates x / (sqrt(alpha-bar) + sqrt(1 - alpha-bar))."""
    level, prev = torch.tensor(0.2).double(), torch.tensor(0.7).double()
    x_t, noise = normal(5, 3).double(), normal(5, 3, seed=1).double()
    parts = from_noise(x_t, noise, level)
    scale, after = (a.sqrt() + (1 - a).sqrt() for a in (level, prev))
    u = parts.noise - parts.x_0
    ours = flow_step(x_t / scale, u, flow_sigma(level), flow_sigma(prev)) * after
    assert_close(ours, ddim_step(parts, level, prev))
    assert_close(from_flow(x_t / scale, u, flow_sigma(level)), parts)


# Closed forms


def test_regression_finds_the_noise_of_gaussian_data():
    random = torch.Generator().manual_seed(0)
    x_0 = 1.5 + 0.35 * torch.randn(400_000, generator=random, dtype=torch.double)
    noise = torch.randn(400_000, generator=random, dtype=torch.double)
    level = torch.tensor(0.4, dtype=torch.double)
    x_t = add_noise(x_0, noise, level)
    design = torch.stack([x_t, torch.ones_like(x_t)], 1)
    slope, intercept = torch.linalg.lstsq(design, noise[:, None]).solution[:, 0]
    mean = torch.tensor(1.5).double()
    at_0, at_1 = gaussian_noise(torch.tensor([0.0, 1.0]).double(), level, mean, 0.35)
    assert_close(slope, at_1 - at_0, atol=0.005, rtol=0)
    assert_close(intercept, at_0, atol=0.01, rtol=0)
    assert_close(at_1 - at_0, torch.tensor(1.1935).double(), atol=5e-5, rtol=0)
    assert_close(at_0, torch.tensor(-1.1323).double(), atol=5e-5, rtol=0)


@pytest.mark.parametrize("level", [0.001, 0.3, 0.95])
def test_score_is_the_gradient_of_the_log_density(agrees, level):
    level = torch.tensor(level, dtype=torch.double)
    x = normal(6, 2).double().requires_grad_()
    variance = level * STD**2 + 1 - level
    parts = MultivariateNormal(
        level.sqrt() * centers().double(), variance * torch.eye(2).double()
    )
    mixture = MixtureSameFamily(Categorical(torch.ones(CLASSES).double()), parts)
    (expected,) = torch.autograd.grad(mixture.log_prob(x).sum(), x)
    ours = score(exact_noise(x.detach(), level), level)
    agrees(ours, expected, "torch.distributions.MixtureSameFamily")
    label = torch.tensor([0, 1, 2, 3, 7, 7])
    own = parts.log_prob(x[:, None])[torch.arange(6), label]
    (expected,) = torch.autograd.grad(own.sum(), x)
    found = score(exact_noise(x.detach(), level, label), level)
    agrees(found, expected, "torch.distributions.MultivariateNormal")


def test_exact_denoiser_samples_the_data():
    random = torch.Generator().manual_seed(0)
    alpha_bar = linear_schedule(100, 1e-4, 0.1)
    label = torch.arange(CLASSES).repeat(300)

    def predict(x, t):
        return from_noise(x, exact_noise(x, alpha_bar[t], label), alpha_bar[t])

    x = sample_ddpm(predict, normal(len(label), 2), alpha_bar, random)
    assert accuracy(x, label) > 0.95
    assert_close(class_std(x, label), torch.tensor(STD), atol=0.04, rtol=0)


def test_guidance_is_a_line_between_two_predictions():
    null, conditional = normal(3, 2), normal(3, 2, seed=1)
    assert_close(guide(null, conditional, 0.0), null)
    assert_close(guide(null, conditional, 1.0), conditional)
    paper = (1 + 2.0) * conditional - 2.0 * null  # w = 2 of the paper
    assert_close(guide(null, conditional, 3.0), paper)


# Data, networks


def test_mmd_is_the_double_sum():
    x, y = normal(4, 2), normal(3, 2, seed=1)

    def kernel(a, b):
        return torch.exp(-((a - b) ** 2).sum() / (2 * 0.5**2))

    expected = sum(kernel(a, b) for i, a in enumerate(x) for b in x[i + 1 :]) / 6
    expected += sum(kernel(a, b) for i, a in enumerate(y) for b in y[i + 1 :]) / 3
    expected -= 2 * sum(kernel(a, b) for a in x for b in y) / 12
    assert_close(mmd2(x, y), expected)
    with pytest.raises(ValueError, match="1 and 3 points"):
        mmd2(x[:1], y)
    with pytest.raises(ValueError, match="bandwidth=0"):
        mmd2(x, y, 0.0)


def test_class_std_removes_each_mean():
    label = torch.tensor([0, 0, 5, 5, 5])
    x = normal(5, 2)
    own = torch.cat([x[:2] - x[:2].mean(0), x[2:] - x[2:].mean(0)])
    assert_close(class_std(x, label), (own.square().sum() / 6).sqrt())
    with pytest.raises(ValueError, match="two points"):
        class_std(x, torch.arange(5))
    with pytest.raises(ValueError, match="two points"):
        class_std(x[:0], label[:0])


def test_networks_are_independent_linear_layers():
    layers = Layers(3, 4, 5)
    x = normal(3, 7, 4)
    for seed, found in enumerate(layers(x)):
        expected = torch.nn.functional.linear(
            x[seed], layers.weight[seed].T, layers.bias[seed, 0]
        )
        assert_close(found, expected)
    model = CircleDenoisers(2, units=8)
    x, t = normal(2, 6, 2), torch.arange(12).view(2, 6)
    label = torch.full((2, 6), NULL)
    (grad,) = torch.autograd.grad(model(x, t, label)[0].sum(), model.labels)
    assert grad[1].eq(0).all()
    assert grad[0, :NULL].eq(0).all()
    assert grad[0, NULL].ne(0).any()


def test_training_is_deterministic_and_learns():
    runs = [train(ALPHA_BAR, 2, 60, batch=64)[1] for _ in range(2)]
    assert_close(*runs, atol=0, rtol=0)
    assert (runs[0][-10:].mean(0) < 0.7 * runs[0][:5].mean(0)).all()


def test_shapes_are_where_and_what_the_label_says():
    labels = torch.cartesian_prod(*[torch.arange(4)] * 3)
    images = shapes.render(labels, torch.ones(64, 2, dtype=torch.long))
    assert len(images.unique(dim=0)) == 64
    rgb = images.amax(dim=(2, 3))
    assert_close(rgb, shapes.RGB[labels[:, 1]])
    gray = images.amax(dim=1)
    quadrants = gray.unflatten(1, (2, 8)).unflatten(3, (2, 8)).sum(dim=(2, 4))
    assert (quadrants.flatten(1).argmax(1) == labels[:, 2]).all()
    assert ((quadrants > 0).sum(dim=(1, 2)) == 1).all()


def test_shapes_depend_on_the_generator_alone():
    first, again, other = (
        shapes.draw_shapes(9, torch.Generator().manual_seed(s)) for s in (0, 0, 1)
    )
    assert_close(first, again, atol=0, rtol=0)
    assert not first.images.equal(other.images)
    assert len({shapes.caption(x) for x in first.labels}) > 5
    with pytest.raises(ValueError, match="0 images"):
        shapes.draw_shapes(0, torch.Generator())
    with pytest.raises(ValueError, match="labels 0 to 4"):
        shapes.render(torch.tensor([[0, 4, 0]]), torch.zeros(1, 2, dtype=torch.long))
    with pytest.raises(ValueError, match="shifts 0 to 3"):
        shapes.render(torch.zeros(1, 3, dtype=torch.long), torch.tensor([[0, 3]]))


def test_unet_keeps_the_size_and_reads_step_and_labels():
    torch.manual_seed(0)
    model = TinyUNet(width=4)
    x, labels = normal(2, 3, 16, 16), torch.zeros(2, 3, dtype=torch.long)
    x[1] = x[0]
    same = torch.tensor([5, 5])
    found = model(x, same, labels)
    assert found.shape == x.shape
    assert_close(found[0], found[1])
    assert not torch.allclose(*model(x, torch.tensor([5, 6]), labels), atol=1e-4)
    labels[1, 2] = 3
    assert not torch.allclose(*model(x, same, labels), atol=1e-4)

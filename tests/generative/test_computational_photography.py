"""Bursts against scikit-image, exposures against OpenCV, the rest by definition."""

import cv2
import jaxtyping
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skimage.color import rgb2xyz
from skimage.metrics import peak_signal_noise_ratio
from skimage.registration import phase_cross_correlation
from skimage.restoration import wiener as skimage_wiener

from snippets.generative.computational_photography import (
    align,
    find_shift,
    mean_merge,
    merge_spectra,
    psnr,
    robust_merge,
    shift_frames,
)
from snippets.generative.deconvolution import blur_spectrum, wiener
from snippets.generative.high_dynamic_range import (
    hat,
    merge_exposures,
    response,
    stack,
    tone_map,
)
from snippets.generative.noise2noise import Denoiser, box_filter, draw_patches, train
from snippets.generative.photographs import luminance, photograph, to_linear, to_srgb


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def china():
    return luminance(photograph("china.jpg"))


def window(scene, top, left, height=96, width=117):
    return scene[top : top + height, left : left + width]


# Light


def test_luminance_of_srgb_is_that_of_skimage(agrees):
    image = rng().random((5, 7, 3))
    ours = luminance(to_linear(image))
    agrees(ours, rgb2xyz(image)[..., 1], "skimage.color.rgb2xyz", rtol=1e-3, atol=1e-4)


def test_light_and_code_go_back_and_forth():
    codes = np.arange(256) / 255
    assert_allclose(to_srgb(to_linear(codes)), codes, atol=1e-7)
    assert (np.diff(to_linear(codes)) > 0).all()
    assert_allclose(to_srgb(np.array([-1.0, 2.0])), [0, 1], atol=1e-9)


def test_psnr_is_that_of_skimage(agrees):
    clean, image = rng().random((2, 9, 7))
    for peak in (1.0, 255.0):
        theirs = peak_signal_noise_ratio(clean, image, data_range=peak)
        agrees(
            psnr(clean, image, peak), theirs, "skimage.metrics.peak_signal_noise_ratio"
        )
    assert psnr(clean, clean) == np.inf
    with pytest.raises(ValueError, match="peak=0"):
        psnr(clean, image, 0.0)
    with pytest.raises(ValueError, match="0 pixels"):
        psnr(np.zeros(0), np.zeros(0))


# Alignment


@pytest.mark.parametrize("shape", [(16, 21), (15, 16), (1, 9)])
def test_shift_is_that_of_skimage(agrees, shape):
    image = rng().random(shape)
    for seed in range(8):
        move = rng(seed).integers(-20, 20, 2)
        frame = np.roll(image, move, axis=(0, 1)) + 0.02 * rng(seed).random(shape)
        theirs = phase_cross_correlation(image, frame)[0]
        ours = find_shift(image, frame).astype(float)
        agrees(ours, theirs, "skimage.registration.phase_cross_correlation")
        assert (np.abs(ours) <= np.array(shape) / 2).all()


def test_shifts_of_real_frames_are_exact(agrees, china):
    reference = window(china, 100, 200) + 0.1 * rng(9).standard_normal((96, 117))
    for seed in range(5):
        down, right = rng(seed).integers(-8, 9, 2)
        frame = window(china, 100 - down, 200 - right)
        frame = frame + 0.1 * rng(seed).standard_normal(frame.shape)
        ours = find_shift(reference, frame)
        assert ours.tolist() == [-down, -right]
        theirs = phase_cross_correlation(reference, frame)[0]
        agrees(
            ours.astype(float), theirs, "skimage.registration.phase_cross_correlation"
        )


def test_aligned_frames_show_the_same_pixels(china):
    moves = [(0, 0), (3, -5), (-7, 2), (4, 4)]
    frames = [window(china, 100 - down, 200 - right) for down, right in moves]
    found = align(frames)
    reference = frames[0][found.rows, found.columns]
    assert reference.shape == (96 - 7 - 4, 117 - 5 - 4)
    for frame in found.frames:
        assert_array_equal(frame, reference)


def test_frames_without_a_common_pixel_are_refused():
    frames = [np.ones((4, 5)), np.ones((4, 5))]
    with pytest.raises(ValueError, match=r"\(4, 5\) have no pixel"):
        shift_frames(frames, [np.array([0, 0]), np.array([4, 0])])
    with pytest.raises(ValueError, match="1 shifts for 2"):
        shift_frames(frames, [np.array([0, 0])])


# Merging


@pytest.mark.parametrize("merge", [mean_merge, align, lambda x: robust_merge(x, 0.1)])
def test_bad_bursts_are_refused(merge):
    frame = rng().random((16, 18))
    with pytest.raises(ValueError, match="1 frame"):
        merge([frame])
    with pytest.raises(ValueError, match="0 frame"):
        merge([])
    with pytest.raises(ValueError, match=r"\(16, 17\), \(16, 18\)"):
        merge([frame, frame[:, 1:]])
    with pytest.raises(ValueError, match="finite"):
        merge([frame, np.full_like(frame, np.nan)])


def test_noise_falls_with_the_root_of_the_frames(china):
    scene = window(china, 100, 200)
    noise = 0.1 * rng().standard_normal((64, *scene.shape))
    for count in (2, 4, 16, 64):
        merged = mean_merge(list(scene + noise[:count]))
        error = np.sqrt(np.mean((merged - scene) ** 2))
        assert_allclose(error, 0.1 / np.sqrt(count), rtol=0.03)


def test_robust_merge_is_its_definition(agrees):
    tiles = rng().random((3, 4, 4))
    T = np.array([cv2.dft(tile, flags=cv2.DFT_COMPLEX_OUTPUT) for tile in tiles])
    T = T[..., 0] + 1j * T[..., 1]
    total = np.zeros((4, 4), complex)
    for z in range(3):
        for k in np.ndindex(4, 4):
            difference = abs(T[0][k] - T[z][k]) ** 2
            share = difference / (difference + 5 * 2 * 16 * 0.2**2)
            total[k] += (1 - share) * T[z][k] + share * T[0][k]
    pair = np.stack([total.real, total.imag], axis=-1) / 3
    expected = cv2.idft(pair, flags=cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
    agrees(merge_spectra(tiles, 0.2, 5.0), expected, "definition as loops")


def test_expected_power_of_the_difference():
    pairs = 0.3 * rng().standard_normal((2, 5000, 4, 6))
    power = np.abs(np.fft.fft2(pairs[0] - pairs[1])) ** 2
    assert_allclose(power.mean(), 2 * 24 * 0.3**2, rtol=0.01)


@pytest.mark.parametrize("shape", [(32, 48), (33, 41), (5, 7)])
def test_robust_merge_has_the_two_limits(shape):
    frames = list(rng().random((4, *shape)))
    assert_allclose(robust_merge(frames, 0.1, 1e9), mean_merge(frames), atol=1e-6)
    assert_allclose(robust_merge(frames, 0.1, 1e-9), frames[0], atol=1e-5)
    same = [frames[0]] * 3
    assert_allclose(robust_merge(same, 0.1), frames[0], atol=1e-12)


def test_robust_merge_removes_ghosts_and_noise():
    scene = np.full((64, 64), 0.3)
    frames = [scene + 0.02 * rng(z).standard_normal(scene.shape) for z in range(8)]
    for z, frame in enumerate(frames):
        frame[20:40, 5 * z : 5 * z + 10] += 0.5
    wanted = scene.copy()
    wanted[20:40, :10] += 0.5
    mean, robust = mean_merge(frames), robust_merge(frames, 0.02)
    calm = np.s_[48:, :]
    assert np.abs(mean - wanted)[20:40].max() > 0.3
    assert np.abs(robust - wanted)[20:40].max() < 0.12
    assert np.std(robust[calm]) < 0.6 * np.std(frames[0][calm])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sigma": 0.0}, r"sigma=0\.0"),
        ({"sigma": 0.1, "tuning": -1.0}, r"tuning=-1\.0"),
        ({"sigma": 0.1, "tile": 7}, "tile=7"),
    ],
)
def test_bad_settings_of_the_merge_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        robust_merge([np.ones((8, 8))] * 2, **changes)


# Deconvolution


def test_wiener_is_that_of_skimage(agrees):
    image, kernel = rng().random((12, 16)), rng(1).random((3, 5))
    kernel = kernel / kernel.sum()
    flat = np.ones((12, 9), complex)  # a penalty that is the same at all frequencies
    theirs = skimage_wiener(image, kernel, 0.03, reg=flat, clip=False)
    ours = wiener(image, kernel, 0.03)
    agrees(ours, theirs, "skimage.restoration.wiener")


def test_blur_spectrum_is_that_of_a_filter(agrees):
    image, kernel = rng().random((12, 16)), rng(1).random((3, 5))
    ours = np.fft.ifft2(np.fft.fft2(image) * blur_spectrum(kernel, image.shape)).real
    wide = np.pad(image, 5, mode="wrap")
    theirs = cv2.filter2D(wide, -1, kernel[::-1, ::-1])[5:-5, 5:-5]
    agrees(ours, theirs, "cv2.filter2D")


def test_wiener_needs_noise_and_a_small_kernel():
    with pytest.raises(ValueError, match=r"noise_to_signal=0\.0"):
        wiener(np.ones((6, 6)), np.ones((1, 3)) / 3, 0.0)
    with pytest.raises(ValueError, match=r"\(1, 9\) is larger"):
        wiener(np.ones((6, 6)), np.ones((1, 9)) / 9, 0.1)
    same = wiener(rng().random((6, 8)), np.ones((1, 1)), 1e-12)
    assert_allclose(same, rng().random((6, 8)), atol=1e-9)


# High dynamic range


def brackets(shape=(20, 30), count=7, seed=0):
    """A scene of gray light, and its codes in a camera with the sRGB curve."""
    light = np.exp(rng(seed).uniform(-5, 0, shape))
    exposures = 2.0 ** np.arange(-count + 4, 4)
    codes = 255 * to_srgb(light * exposures[:, None, None])
    return light, exposures, codes.round().astype(np.uint8)


def opencv_hat():
    """As in OpenCV 5: a pixel that is white in all images still gets a value."""
    return np.maximum(hat(), 1e-6)


def as_color(codes):
    return [np.repeat(image[..., None], 3, axis=-1) for image in codes]


def test_response_is_that_of_opencv(agrees):
    _, exposures, codes = brackets()
    calibrate = cv2.createCalibrateDebevec(samples=24, lambda_=10.0)
    theirs = calibrate.process(as_color(codes), exposures.astype(np.float32))[:, 0, 0]
    columns = int(np.sqrt(24 * 30 / 20))
    rows = 24 // columns
    at = np.ix_(
        np.arange(7),
        20 // rows // 2 + 20 // rows * np.arange(rows),
        30 // columns // 2 + 30 // columns * np.arange(columns),
    )
    sample = codes[at].reshape(7, -1)
    g, _ = response(sample, exposures, 10.0**2, opencv_hat())
    agrees(np.exp(g), theirs, "cv2.CalibrateDebevec", rtol=5e-3, atol=1e-3)


def test_merged_exposures_are_those_of_opencv(agrees):
    _, exposures, codes = brackets()
    g = np.log(to_linear((np.arange(256) + 0.5) / 256))
    curve = np.exp(g).astype(np.float32)[:, None].repeat(3, 1)[:, None]
    theirs = cv2.createMergeDebevec().process(
        as_color(codes), exposures.astype(np.float32), curve
    )
    ours = merge_exposures(codes, exposures, g, opencv_hat())
    agrees(ours, theirs[..., 0], "cv2.MergeDebevec", rtol=1e-4, atol=1e-6)


def test_opencv_weighs_the_colors_together():
    """Unlike the paper, where each channel has weights of its own."""
    _, exposures, gray = brackets()
    colors = np.stack([gray, gray // 2, gray // 3], axis=-1)
    g = np.log(to_linear((np.arange(256) + 0.5) / 256))
    curve = np.exp(g).astype(np.float32)[:, None].repeat(3, 1)[:, None]
    theirs = cv2.createMergeDebevec().process(
        list(colors), exposures.astype(np.float32), curve
    )
    weight = opencv_hat()[colors].mean(-1, keepdims=True)
    logs = g[colors] - np.log(exposures)[:, None, None, None]
    together = np.exp((weight * logs).sum(0) / weight.sum(0))
    assert_allclose(theirs, together, rtol=1e-4)
    apart = merge_exposures(colors, exposures, g, opencv_hat())
    assert np.abs(theirs / apart - 1).max() > 0.01


def test_opencv_does_not_refuse_times_of_another_type():
    """The curve is refused, but the merge takes them for other numbers."""
    _, exposures, codes = brackets()
    images, curve = as_color(codes), np.ones((256, 1, 3), np.float32)
    with pytest.raises(cv2.error, match="CV_32FC1"):
        cv2.createCalibrateDebevec().process(images, exposures)
    wrong, right = (
        cv2.createMergeDebevec().process(images, exposures.astype(kind), curve)
        for kind in (np.float64, np.float32)
    )
    assert not np.allclose(wrong, right)


def test_least_squares_is_solved():
    """No other curve has a smaller value of the objective of the paper."""
    _, exposures, codes = brackets((2, 9))
    codes, weight = codes.reshape(7, -1), hat()
    z = np.arange(1, 255)

    def objective(g, logs):
        data = weight[codes] * (g[codes] - logs - np.log(exposures)[:, None])
        bend = weight[z] * (g[z - 1] - 2 * g[z] + g[z + 1])
        return (data**2).sum() + 30.0 * (bend**2).sum() + g[128] ** 2

    g, logs = response(codes, exposures, 30.0, weight)
    least = objective(g, logs)
    for seed in range(20):
        change = 1e-3 * rng(seed).standard_normal(256 + len(logs))
        assert objective(g + change[:256], logs + change[256:]) > least
    assert abs(g[128]) < 1e-6


def test_response_finds_the_curve_of_the_camera():
    light, exposures, codes = brackets((6, 10), count=11)
    g, logs = response(codes.reshape(11, -1), exposures, 10.0, hat())
    z = np.arange(10, 246)
    truth = np.log(to_linear(z / 255)) - np.log(to_linear(np.array(128 / 255)))
    assert np.abs(g[z] - truth).max() < 0.05
    assert np.corrcoef(logs, np.log(light).ravel())[0, 1] > 0.9999
    merged = merge_exposures(codes, exposures, g, hat())
    ratio = merged / light
    assert np.std(np.log(ratio)) < 0.01


def test_a_pixel_that_is_white_in_all_images_is_refused():
    codes = np.full((2, 3), 200, np.uint8)
    codes[:, 1] = 255
    exposures = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="1 pixels are black or white in all 2"):
        merge_exposures(codes, exposures, np.zeros(256), hat())
    merge_exposures(codes, exposures, np.zeros(256), opencv_hat())


@pytest.mark.parametrize(
    ("exposures", "named"),
    [
        ([1.0, 0.0], r"\[1\.0, 0\.0\]"),
        ([1.0, -2.0], r"-2\.0"),
        ([1.0, np.nan], "nan"),
        ([1.0, np.inf], "inf"),
        ([1.0, 2.0, 4.0], "3 exposures for 2 images"),
    ],
)
def test_bad_exposures_are_refused(exposures, named):
    codes = np.full((2, 5), 100, np.uint8)
    with pytest.raises(ValueError, match=named):
        response(codes, np.array(exposures), 1.0, hat())
    with pytest.raises(ValueError, match=named):
        merge_exposures(codes, np.array(exposures), np.zeros(256), hat())


def test_other_bad_brackets_are_refused():
    codes = np.full((2, 5), 100, np.uint8)
    with pytest.raises(ValueError, match="1 image"):
        merge_exposures(codes[:1], np.ones(1), np.zeros(256), hat())
    with pytest.raises(ValueError, match=r"smoothness=0\.0"):
        response(codes, np.array([1.0, 2.0]), 0.0, hat())
    with pytest.raises(ValueError, match="different sizes"):
        stack([np.zeros((2, 3)), np.zeros((3, 2))])
    with pytest.raises(ValueError, match="none"):
        stack([])
    assert stack([codes, codes]).shape == (2, 2, 5)
    with pytest.raises(jaxtyping.TypeCheckError):
        response(codes.astype(int), np.ones(2), 1.0, hat())


def test_tone_map_is_its_definition(agrees):
    light = np.exp(rng().normal(0, 3, (5, 7)))
    mean = np.prod(light + 1e-6) ** (1 / 35)
    for white in (3.0, np.inf):
        ours = tone_map(light, 0.3, white)
        expected = np.zeros_like(light)
        for at in np.ndindex(5, 7):
            scaled = 0.3 / mean * light[at]
            expected[at] = scaled * (1 + scaled / white**2) / (1 + scaled)
        agrees(ours, expected, "definition as loops")


def test_tone_map_keeps_order_and_maps_white_to_one():
    light = np.array([[0.0, 1e-5, 0.1, 1.0, 1e6]])
    mapped = tone_map(light)
    assert mapped[0, 0] == 0
    assert (np.diff(mapped) > 0).all()
    assert mapped.max() < 1
    scaled = 0.18 / np.exp(np.log(1e-6 + light).mean()) * light
    assert_allclose(tone_map(light, white=scaled.max())[0, -1], 1)
    assert_allclose(tone_map(1000 * light[:, 1:]), tone_map(light[:, 1:]), rtol=0.05)


def test_the_operator_of_opencv_is_another_one():
    light = np.exp(rng().normal(0, 2, (8, 9))).astype(np.float32)
    color = np.repeat(light[..., None], 3, axis=-1)
    theirs = cv2.createTonemapReinhard().process(color)[..., 0]
    ours = tone_map(light.astype(float))
    assert np.nanmax(np.abs(theirs - ours)) > 0.1


@pytest.mark.parametrize(
    ("light", "changes", "named"),
    [
        ([[-1.0, 2.0]], {}, r"from -1\.0"),
        ([[np.inf, 2.0]], {}, "luminance"),
        ([[1.0, 2.0]], {"key": 0.0}, r"key=0\.0"),
        ([[1.0, 2.0]], {"white": 0.0}, r"white=0\.0"),
    ],
)
def test_bad_light_is_refused(light, changes, named):
    with pytest.raises(ValueError, match=named):
        tone_map(np.array(light), **changes)


# Noise2Noise


def test_noisy_targets_have_the_same_optimum():
    """Linear regression on pairs of noisy values finds the closed form."""
    x = 0.5 * rng().standard_normal(400_000)
    first, second = x + 0.3 * rng(1).standard_normal((2, len(x)))
    closed = 0.5**2 / (0.5**2 + 0.3**2)
    for target in (x, second):
        assert_allclose(first @ target / (first @ first), closed, rtol=0.01)


def test_a_denoiser_learns_without_clean_images(china):
    image = torch.from_numpy(window(china, 100, 200)).float()
    model = train(image, 0.1, 60, 0, clean_targets=False)
    noisy = image[:, :116] + 0.1 * torch.randn(
        96, 116, generator=torch.Generator().manual_seed(5)
    )
    with torch.no_grad():
        cleaned = model(noisy[None, None])[0, 0]
    clean = image[:, :116].numpy()
    gain = psnr(clean, cleaned.numpy()) - psnr(clean, noisy.numpy())
    assert gain > 3


def test_training_depends_on_the_seed_alone(china):
    image = torch.from_numpy(window(china, 100, 200)).float()
    states = [
        train(image, 0.1, 3, seed, clean_targets=True).state_dict()["noise.1.weight"]
        for seed in (0, 0, 1)
    ]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize("clean_targets", [False, True])
def test_noise_is_drawn_once(monkeypatch, china, clean_targets):
    """New noise in each update would average out: a clean picture in disguise."""
    image = torch.from_numpy(window(china, 100, 200)).float()
    seen = []

    def spy(pair, *settings):
        seen.append(pair.clone())
        return draw_patches(pair, *settings)

    monkeypatch.setattr("snippets.generative.noise2noise.draw_patches", spy)
    train(image, 0.1, 3, 0, clean_targets=clean_targets)
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])
    noise = seen[0] - image
    assert_allclose(noise[0].std(), 0.1, rtol=0.05)
    if clean_targets:
        assert torch.equal(seen[0][1], image)
    else:
        assert_allclose(noise[1].std(), 0.1, rtol=0.05)
        assert abs(np.corrcoef(noise.flatten(1).numpy())[0, 1]) < 0.05


def test_patches_come_from_everywhere_in_both_pictures():
    image = torch.arange(20.0).view(4, 5)
    pair = torch.stack([image, image + 100])
    drawn = draw_patches(pair, 500, 2, torch.Generator().manual_seed(0))
    assert drawn.shape == (2, 500, 1, 2, 2)
    corners = drawn[0, :, 0, 0, 0].tolist()
    assert set(corners) == set(image[:3, :4].flatten().tolist())
    assert_array_equal(drawn[0, :, 0, 1, 1] - drawn[0, :, 0, 0, 0], np.full(500, 6.0))
    assert torch.equal(drawn[1], drawn[0] + 100)
    with pytest.raises(ValueError, match=r"1 patches of 5 in \(4, 5\)"):
        draw_patches(pair, 1, 5, torch.Generator())


def test_box_filter_is_that_of_opencv(agrees):
    image = rng().random((7, 9))
    for size in (1, 3, 5):
        theirs = cv2.blur(image, (size, size), borderType=cv2.BORDER_REFLECT_101)
        agrees(box_filter(torch.from_numpy(image), size), theirs, "cv2.blur")
    with pytest.raises(ValueError, match="size=2"):
        box_filter(torch.from_numpy(image), 2)


def test_bad_training_is_refused():
    image = torch.zeros(40, 40)
    with pytest.raises(ValueError, match=r"sigma=0\.0"):
        train(image, 0.0, 1, 0, clean_targets=True)
    with pytest.raises(ValueError, match="updates=0"):
        train(image, 0.1, 0, 0, clean_targets=True)
    with pytest.raises(ValueError, match=r"\(1, 1, 4, 5\) must be even"):
        Denoiser()(torch.zeros(1, 1, 4, 5))
    with pytest.raises(ValueError, match="no image"):
        Denoiser()(torch.zeros(0, 1, 4, 6))

"""What widgets compute is what the tested Python computes."""

import io
import json
from dataclasses import asdict
from functools import partial
from zlib import crc32

import numpy as np
import pytest
import torch
from PIL import Image

from snippets.alignment.grpo import clipped_loss, group_advantages
from snippets.alignment.ppo import policy_loss, silent
from snippets.attention.grouped_query_attention import (
    cache_bytes,
    grouped_query_attention,
    operations_per_byte,
)
from snippets.attention.self_attention import attention_weights, causal
from snippets.attention.sliding_window_attention import (
    RollingCache,
    receptive_field,
    window_mask,
)
from snippets.classical.expectation_maximization import em_coins
from snippets.classical.kernel_methods import gaussian
from snippets.classical.locality_sensitive_hashing import candidate_probability
from snippets.classical.sequential_minimal_optimization import solve_dual
from snippets.foundations.resource_accounting import (
    Decoder,
    matrix_parameters,
    parameters,
    state_bytes,
)
from snippets.generative.circle_denoisers import exact, guided
from snippets.generative.diffusion_samplers import sample_ddim
from snippets.generative.labelled_circle import accuracy, centers, class_std
from snippets.generative.noise_schedules import linear_schedule, trailing_steps
from snippets.graphs.message_passing import (
    propagate,
    scatter_max,
    scatter_mean,
    scatter_sum,
)
from snippets.inference import unpacking_cost
from snippets.inference.cache_policies import (
    Buddies,
    Paged,
    Request,
    Reserved,
    next_power,
    reserve_max,
    reserve_oracle,
    reserve_pow2,
)
from snippets.inference.gpu_profiling import Machine, linear_cost
from snippets.inference.kv_cache import bytes_per_token, tokens_that_fit
from snippets.inference.paged_attention import blocks_with_sharing
from snippets.inference.published_decoders import published
from snippets.inference.quantization import bits_per_weight
from snippets.inference.server_costs import A100, H100, Server, Work, costs
from snippets.inference.serving_simulator import Scheduler
from snippets.inference.speculative_decoding import (
    acceptance,
    expected_tokens,
    residual,
    speedup,
)
from snippets.inference.turboquant import codebook, distortion, quantize
from snippets.inference.unpacking_cost import (
    time_4,
    time_4_overlapped,
    time_16,
)
from snippets.language import ngram_counts
from snippets.language.byte_pair_encoding import encode_word, vocabulary
from snippets.language.byte_pair_training import train_by_recounting
from snippets.language.kneser_ney import Discounted, kneser_ney
from snippets.language.ngram_models import WittenBell
from snippets.language.predictive_keyboard import Keyboard
from snippets.language.sampling import (
    apply_temperature,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    probabilities,
)
from snippets.positions.rope import angles, frequencies, rotate
from snippets.recommenders.movie_contents import contents
from snippets.recommenders.movielens import Movies
from snippets.recommenders.residual_k_means import k_means
from snippets.recommenders.semantic_ids import residual_quantize
from snippets.training.scaling_laws import (
    PUBLISHED,
    Law,
    compute_optimal,
    predicted_loss,
)
from snippets.transformers.mixture_of_experts import (
    expert_capacity,
    expert_choice,
    route,
    within_capacity,
)
from snippets.transformers.six_tokens import six_tokens

tensor = partial(torch.tensor, dtype=torch.float64)


def test_every_module_has_controls_of_its_kind(root, module) -> None:
    """Values lie within their limits, and each module defines its own element."""
    for file in sorted((root / "widgets").glob("*.js")):
        text = file.read_text()
        assert text.startswith("// ")
        if "customElements" not in text or file.stem == "film":
            continue
        element = f'customElements.define("widget-{file.stem.replace("_", "-")}", '
        assert element in text
        for name, control in module(file.stem).value("controls").items():
            assert control["label"], name
            if "options" in control:
                assert control["value"] in control["options"]
            elif "min" in control:
                assert control["min"] <= control["value"] <= control["max"]
            elif "maxlength" in control:
                assert len(control["value"]) <= control["maxlength"]
            else:
                assert isinstance(control["value"], bool)


def test_lsh_curve(module) -> None:
    """Reference: ``candidate_probability`` of the page."""
    curve, rng = module("lsh_curve"), np.random.default_rng(0)
    for similarity in [0.0, 1e-9, 1.0, *rng.random(40)]:
        bands, rows = (int(n) for n in rng.integers(1, 40, 2))
        ours = curve.value(f"candidateProbability({similarity}, {bands}, {rows})")
        theirs = candidate_probability(float(similarity), bands, rows)
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-300)
        rise = curve.call("threshold", bands, rows)
        assert rise == pytest.approx((1 / bands) ** (1 / rows), rel=1e-12)


def test_sampling(module) -> None:
    """Reference: the four operations of the page, in float64, with ties."""
    sampling, draw = module("sampling"), torch.Generator().manual_seed(0)
    for run in range(60):
        logits = torch.randint(-40, 20, (6,), generator=draw).double() / 10
        temperature = 0.1 + 3 * torch.rand(1, generator=draw).item()
        k = run % 6 + 1
        p, min_p = torch.rand(2, generator=draw, dtype=torch.float64).tolist()
        if run % 5 == 0:
            p, min_p = 1.0, 0.0
        settings = {"temperature": temperature, "k": k, "p": p, "min_p": min_p}
        ours = sampling.call("nextWord", logits.tolist(), settings)
        kept = keep_top_k(apply_temperature(logits, temperature), k)
        theirs = probabilities(keep_min_p(keep_top_p(kept, p), min_p))
        torch.testing.assert_close(tensor(ours), theirs)


def test_published(module) -> None:
    """Reference: the sizes of published models, and the two devices of all pages."""
    shared = module("published")
    for name, sizes in shared.value("MODELS").items():
        model = published(name)
        assert Decoder(**sizes) == model
        assert shared.call("parameters", sizes) == parameters(model)
        assert shared.call("matrixParameters", sizes) == matrix_parameters(model, 1)
        assert shared.call("bytesPerToken", sizes, 2) == bytes_per_token(model)
    rates = {"mfu": "MFU", "mbu": "MBU", "launch": "LAUNCH"}
    rates = {key: shared.value(name) for key, name in rates.items()}
    for name, device in (("A100", A100), ("H100", H100)):
        assert shared.value(f"DEVICES.{name}") | rates == asdict(device)


def test_kv_capacity(module) -> None:
    """Reference: ``tokens_that_fit`` for published models."""
    capacity = module("kv_capacity")
    for name in capacity.value("MODELS"):
        for memory in (16e9, 80e9, 288e9):
            ours = capacity.call("tokensThatFit", name, memory, 2)
            if ours > 0:
                assert ours == tokens_that_fit(published(name), memory)
            else:
                with pytest.raises(ValueError, match="leave nothing"):
                    tokens_that_fit(published(name), memory)


def test_film_takes_an_animated_png_apart(module, tmp_path) -> None:
    """Reference: Pillow, which wrote the file, and its frames one after the other."""
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (9, 14, 4), dtype=np.uint8))]
    for _ in range(4):  # a part changes, so that later frames are smaller
        drawn = np.array(images[-1])
        drawn[2:6, 3:11] = rng.integers(0, 256, (4, 8, 4))
        images.append(Image.fromarray(drawn))
    file = tmp_path / "film.png"
    images[0].save(file, save_all=True, append_images=images[1:], duration=250, loop=3)
    film, data = module("film"), list(file.read_bytes())
    found = film.value(
        f"patches(new Uint8Array({data}).buffer)"
        ".map(({png, ...frame}) => ({...frame, png: [...png]}))"
    )
    assert len(found) == len(images)
    canvas = Image.new("RGBA", images[0].size)
    for frame, image in zip(found, images, strict=True):
        assert frame["delay"] == 0.25
        part = Image.open(io.BytesIO(bytes(frame["png"])))
        part.load()  # Pillow compares check sums
        assert part.size == (frame["width"], frame["height"])
        canvas.paste(part, (frame["x"], frame["y"]))
        np.testing.assert_array_equal(np.array(canvas), np.array(image))
    assert found[1]["width"] < images[0].width


def test_film_has_the_check_sum_of_zlib(module) -> None:
    data = list(b"The quick brown fox")
    assert module("film").value(f"crc32(new Uint8Array({data}))") == crc32(bytes(data))


def test_speculation(module) -> None:
    """Reference: the functions of the page on speculative decoding."""
    speculation, draw = module("speculation"), torch.Generator().manual_seed(0)
    for run in range(30):
        weights = torch.randint(6, (2, 4), generator=draw).double()
        p, q = (tensor(speculation.call("distribution", w)) for w in weights.tolist())
        assert p.sum() == pytest.approx(1)
        if run == 0:
            q = p
        alpha = float(speculation.call("acceptance", p.tolist(), q.tolist()))
        assert alpha == pytest.approx(acceptance(p, q).item(), rel=1e-12)
        ours = speculation.call("residual", p.tolist(), q.tolist())
        torch.testing.assert_close(tensor(ours), residual(p, q))
        guesses = run % 7
        ours = speculation.call("expectedTokens", alpha, guesses)
        assert ours == pytest.approx(expected_tokens(alpha, guesses), rel=1e-12)
        ours = speculation.call("speedup", alpha, guesses, 0.1)
        assert ours == pytest.approx(speedup(alpha, guesses, 0.1), rel=1e-12)


def test_rope_pairs(module) -> None:
    """Reference: a rotated query and key of ones, as the page rotates them."""
    pairs, ones = module("rope_pairs"), torch.ones(1, 8, dtype=torch.float64)
    for base in (100.0, 10000.0, 500000.0):
        theta = frequencies(8, base)
        ours = torch.tensor(pairs.call("frequencies", 8, base), dtype=torch.float64)
        torch.testing.assert_close(ours, theta, rtol=1e-12, atol=0)
        for m, n in ((20, 14), (3, 60), (7, 7), (200, 0)):
            query = rotate(ones, angles(torch.tensor([m]), theta))
            key = rotate(ones, angles(torch.tensor([n]), theta))
            score = pairs.call("score", m - n, 8, base)
            assert score == pytest.approx((query @ key.T).item() / 8, abs=1e-12)


def test_scaling_planner(module) -> None:
    """Reference: the fits and the optimum of the page on scaling laws."""
    planner = module("scaling_planner")
    laws = planner.value("PUBLISHED")
    assert {name: Law(**law) for name, law in laws.items()} == PUBLISHED
    for name, law in laws.items():
        for C in (1e18, 5.76e23, 1e27):
            best = compute_optimal(PUBLISHED[name], C)
            assert planner.call("optimalSize", law, C) == pytest.approx(
                best.N, rel=1e-12
            )
            loss = planner.call("predictedLoss", law, best.N, best.D)
            assert loss == pytest.approx(
                predicted_loss(PUBLISHED[name], *best), rel=1e-12
            )


def test_grpo_group(module) -> None:
    """Reference: the advantages and the clipped loss of the page on GRPO."""
    group, draw = module("grpo_group"), torch.Generator().manual_seed(0)
    for _ in range(20):
        rewards = torch.randint(2, (1, 8), generator=draw).double()
        ours = group.call("groupAdvantages", rewards[0].tolist(), 1e-4)
        theirs = group_advantages(rewards)[0]
        torch.testing.assert_close(tensor(ours), theirs)
        ratio = 0.5 + torch.rand(1, generator=draw).double()
        for advantage in theirs:
            value = group.call("clippedObjective", ratio.item(), advantage.item(), 0.2)
            loss = clipped_loss(ratio.log()[None], advantage[None], 0.2)
            assert value == pytest.approx(-loss.item(), abs=1e-12)


def test_grpo_group_of_equal_rewards(module) -> None:
    assert module("grpo_group").call("groupAdvantages", [1.0] * 8, 1e-4) == [0] * 8


OPERATIONS = {
    "transpose": lambda x: x.T,
    "reshape": lambda x: x.reshape(x.shape[::-1]),
    "slice": lambda x: x[:, ::2],
    "expand": lambda x: np.broadcast_to(x[:1], x.shape),
    "flip": lambda x: np.flip(x, 0).copy(),
    "gather": lambda x: x[[len(x) - 1, 0, 0]],
    "matmul": lambda x: x @ x.T,
    "sum": lambda x: x.sum(1),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True),
}


def test_tensors(module) -> None:
    """Reference: NumPy. A source is what changes an element of the result."""
    tensors, rng = module("tensors"), np.random.default_rng(0)
    assert list(tensors.value("controls.operation.options")) == list(OPERATIONS)
    for name, operation in OPERATIONS.items():
        for rows, columns in rng.integers(1, 6, (8, 2)).tolist():
            x = rng.random((rows, columns))
            made, theirs = tensors.call("result", name, rows, columns), operation(x)
            assert tuple(made["shape"]) == theirs.shape
            ours = tensors.call("values", name, x.tolist())
            np.testing.assert_allclose(ours, theirs.ravel(), rtol=1e-12)
            found = [set() for _ in range(theirs.size)]
            for place in range(x.size):
                other = x.copy()
                other.flat[place] += 1
                for element in np.flatnonzero(operation(other) != theirs):
                    found[element].add(place)
            if name == "softmax" and columns == 1:  # always 1, whatever the number
                continue
            assert [set(sources) for sources in made["sources"]] == found, name
            is_view = np.shares_memory(theirs, x)
            assert (made["strides"] is not None) == is_view
            if is_view:
                for size, ours, bytes_ in zip(
                    theirs.shape, made["strides"], theirs.strides, strict=True
                ):
                    assert size == 1 or 8 * ours == bytes_


def test_attention(module) -> None:
    """Reference: ``attention_weights`` of the page, with both masks."""
    attention, draw = module("attention"), torch.Generator().manual_seed(0)
    for run in range(12):
        x = 3 * torch.randn(6, 2, generator=draw, dtype=torch.float64)
        window, is_causal = run % 6 + 1, run % 2 == 0
        allowed = torch.tensor(attention.call("mask", 6, is_causal, window))
        distance = torch.arange(6)[:, None] - torch.arange(6)
        assert (
            allowed == ((distance.abs() < window) & (causal(6, 6) | (not is_causal)))
        ).all()
        ours = attention.call(
            "attentionWeights", x.tolist(), x.tolist(), allowed.tolist(), 2**0.5
        )
        torch.testing.assert_close(tensor(ours), attention_weights(x, x, allowed))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_turboquant(module, dimensions: int) -> None:
    """Reference: ``quantize`` of the page, turned by the same rotation."""
    turbo, draw = module("turboquant"), torch.Generator().manual_seed(0)
    for bits in (1, 2, 3, 4):
        levels = tensor(turbo.call("codebook", bits, dimensions))
        expected = codebook(bits, dimensions).double()
        torch.testing.assert_close(levels, expected, rtol=0, atol=1e-11)
        error = turbo.call("distortion", bits, dimensions)
        assert error == pytest.approx(distortion(bits, dimensions), rel=1e-9)
        for _ in range(8):
            x = torch.randn(dimensions, generator=draw, dtype=torch.float64)
            angles = (6 * torch.rand(2, generator=draw)).tolist()
            turn = tensor(turbo.call("rotation", *angles, dimensions))
            torch.testing.assert_close(turn @ turn.T, torch.eye(dimensions).double())
            ours = turbo.call("quantize", x.tolist(), turn.tolist(), bits)
            expected = quantize(x[None], turn, bits)[0]
            torch.testing.assert_close(tensor(ours), expected, rtol=0, atol=1e-10)
    zero = [0] * dimensions
    assert turbo.call("quantize", zero, turn.tolist(), 2) == zero


def test_moe_routing(module) -> None:
    """Reference: routing, places and the choice of experts of the page."""
    moe, draw = module("moe_routing"), torch.Generator().manual_seed(0)
    torch.testing.assert_close(torch.tensor(moe.value("PROBABILITY")), six_tokens())
    for run in range(20):
        probability = torch.rand(7, 3, generator=draw, dtype=torch.float64).softmax(-1)
        top_k, factor = run % 2 + 1, 0.5 + run % 4 / 2
        capacity = moe.call("expertCapacity", 7, 3, top_k, factor)
        assert capacity == expert_capacity(7, 3, top_k, factor)
        index = [moe.call("largest", row, top_k) for row in probability.tolist()]
        assert index == route(probability.log(), top_k).index.tolist()
        kept = moe.call("withinCapacity", index, 3, capacity)
        assert kept == within_capacity(torch.tensor(index), 3, capacity).tolist()
        chosen = moe.call("expertChoice", probability.tolist(), min(capacity, 7))
        theirs = expert_choice(probability.log(), min(capacity, 7)).token
        assert chosen == theirs.T.tolist()


def test_training_memory(module) -> None:
    """Reference: ``state_bytes`` of the page."""
    memory = module("training_memory")
    for stage in range(4):
        for ranks in (1, 4, 1024):
            ours = sum(memory.call("stateBytes", stage, ranks))
            assert ours == pytest.approx(state_bytes(stage, ranks), rel=1e-12)


def test_roofline(module) -> None:
    """Reference: ``linear_cost`` and ``Machine`` of the page."""
    roofline, machine = module("roofline"), Machine(peak=312e12, bandwidth=2.04e12)
    for rows in (1, 16, 8192):
        for itemsize in (1, 2):
            cost = linear_cost(rows, 4096, 512, itemsize)
            ours = roofline.call("linearCost", rows, 4096, 512, itemsize)
            assert ours == {"operations": cost.operations, "moved": cost.moved}
            reached = roofline.call("attainable", 312e12, 2.04e12, cost.intensity)
            assert reached == pytest.approx(
                machine.attainable(cost.intensity), rel=1e-12
            )


def test_em_coins(module) -> None:
    """Reference: ``em_coins`` of the page."""
    coins, rng = module("em_coins"), np.random.default_rng(0)
    for _ in range(10):
        heads = rng.integers(1, 10, 5)
        start = rng.uniform(0.2, 0.8, 2)
        ours = coins.call("path", start.tolist(), heads.tolist(), 10, 12)
        theirs = list(em_coins(start, heads, 10, 12))
        np.testing.assert_allclose(np.array(ours), theirs, rtol=1e-10)


def test_em_coins_stops_where_a_coin_has_one_side(module) -> None:
    made = module("em_coins").call("path", [0.5, 0.6], [10] * 5, 10, 40)
    assert len(made) < 41
    assert all(0 < chance < 1 for chances in made for chance in chances)


def test_message_graph(module) -> None:
    """Reference: ``propagate`` of the page, with each of its aggregates."""
    graph, rng = module("message_graph"), np.random.default_rng(0)
    aggregates = {"sum": scatter_sum, "mean": scatter_mean, "max": scatter_max}
    for name, aggregate in aggregates.items():
        for count in (1, 6, 14):
            x, edges = rng.random(5), rng.integers(0, 5, (count, 2))
            ours = graph.call("propagate", x.tolist(), edges.tolist(), name)
            features, index = torch.tensor(x)[:, None], torch.tensor(edges.T)
            theirs = propagate(features, index, aggregate)[:, 0]
            torch.testing.assert_close(tensor(ours), theirs)


def test_cache_slots(module) -> None:
    """Reference: the four policies of the page on PagedAttention."""
    slots, rng = module("cache_slots"), np.random.default_rng(0)
    reserve = {"max": reserve_max, "pow2": reserve_pow2, "oracle": reserve_oracle}
    for prompt, output in rng.integers(1, 1024, (20, 2)).tolist():
        request = Request(0.0, prompt, output)
        for policy, slots_of in reserve.items():
            ours = slots.call("reserved", policy, prompt, output)
            assert ours == next_power(slots_of(request))
        for samples, block in ((1, 16), (3, 32)):
            ours = slots.call("blocksWithSharing", prompt, output, samples, block)
            sizes = {"prompt": prompt, "output": output, "block_size": block}
            assert ours == blocks_with_sharing(samples=samples, **sizes)


@pytest.mark.parametrize("policy", ["Max", "Pow2", "Oracle", "Paged"])
def test_four_allocators(module, policy: str) -> None:
    """Reference: the scheduler and the policies of the page, step by step."""
    code, rng = module("four_allocators"), np.random.default_rng(1)
    size, longest = code.value("SIZE"), code.value("LONGEST")
    reserves = {
        "Max": lambda request: longest,
        "Pow2": reserve_pow2,
        "Oracle": reserve_oracle,
    }
    preempted = 0
    for block in (4, 8, 16):
        lengths = rng.integers(1, 33, (24, 2))
        arrivals = np.sort(rng.integers(0, 40, 24))
        requests = [
            Request(*row) for row in np.column_stack([arrivals, lengths]).tolist()
        ]
        memory = (
            Paged(size, block)
            if policy == "Paged"
            else Reserved(Buddies(size), reserves[policy])
        )
        scheduler, done = Scheduler(requests, memory), 0
        for now in range(90):
            scheduler.admit(float(now))
            scheduler.decode()
            done += len(scheduler.retire())
            given = [request._asdict() for request in requests]
            ours = code.call("serve", policy, given, now + 1, block)
            assert ours["running"] == [
                [
                    name,
                    scheduler.stored[name],
                    [[span.start, span.stop] for span in memory.spans[name]],
                ]
                for name in scheduler.running
            ]
            assert ours["waiting"] == [
                name for name in scheduler.waiting if requests[name].arrival <= now
            ]
            assert (ours["done"], ours["preempted"]) == (done, scheduler.preemptions)
        preempted += scheduler.preemptions
    assert (preempted > 0) == (policy == "Paged")


def test_bpe_merges(module) -> None:
    """Reference: training and encoding of the page, with ties."""
    bpe, rng = module("bpe_merges"), np.random.default_rng(0)
    for count in (1, 3, 7):
        letters = rng.integers(0, 4, (12, 6))
        words = [
            "".join("abcd"[i] for i in row[: 1 + k % 6])
            for k, row in enumerate(letters)
        ]
        counted = {word.encode(): words.count(word) for word in words}
        merges = train_by_recounting(counted, count)
        tokens = vocabulary(merges)
        ours = bpe.call("train", words, count)
        expected = [[tokens[a].decode(), tokens[b].decode()] for a, b in merges]
        assert ours["pairs"] == expected
        ranks = {pair: rank for rank, pair in enumerate(merges)}
        for word, cut in zip(words, ours["cuts"], strict=True):
            ids = encode_word(word.encode(), ranks)
            assert cut == [tokens[i].decode() for i in ids]
    assert bpe.call("train", ["ab"], 5) == {"pairs": [["a", "b"]], "cuts": [["ab"]]}


def test_svm(module) -> None:
    """Reference: the kernels and ``solve_dual`` of the page."""
    svm, rng = module("svm"), np.random.default_rng(0)
    for C in (0.05, 1.0, 100.0):
        points, labels = rng.normal(size=(13, 2)), np.repeat([1, -1], [6, 7])
        for kernel in ("linear", "gaussian"):
            K = (
                points @ points.T
                if kernel == "linear"
                else gaussian(points, points, 0.7)
            )
            ours = [
                [svm.call("kernelValue", a, b, kernel, 0.7) for b in points.tolist()]
                for a in points.tolist()
            ]
            np.testing.assert_allclose(ours, K, rtol=1e-12)
            made = svm.call("solveDual", ours, labels.tolist(), C, 1e-10)
            theirs = solve_dual(K, labels, C, tolerance=1e-10)
            decided = [
                K @ (labels * np.array(found["multipliers"])) + found["bias"]
                for found in (made, theirs._asdict())
            ]
            np.testing.assert_allclose(*decided, atol=1e-7)


def test_ngram_keyboard(module) -> None:
    """Reference: the parts and the suggestions of the page's three smoothed models."""
    keyboard, rng = module("ngram_keyboard"), np.random.default_rng(0)
    words = ["a", "ab", "abc", "b", "ba", "c", "ca"]
    for order in (1, 2, 3, 4):
        text = [list(rng.choice(words, rng.integers(1, 7))) for _ in range(12)]
        known, discount = ngram_counts.vocabulary(text, 1), float(rng.random())
        counts = ngram_counts.count(text, order, known)
        theirs = {
            "kneser_ney": kneser_ney(counts, discount),
            "absolute": Discounted(counts, [(discount,) * 3] * (order - 1)),
            "witten_bell": WittenBell(counts),
        }
        for method, model in theirs.items():
            made = f"model({json.dumps(text)}, {order}, '{method}', {discount})"
            for size in range(order):
                context = rng.choice(words, size).tolist()
                for h in (context, [ngram_counts.START, *context][:size]):
                    word = str(rng.choice(text[0]))
                    ours = keyboard.value(f"parts({made}, '{word}', {h})")
                    expected = model.parts(word, tuple(h))
                    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)
                    ours = keyboard.value(f"suggest({made}, {h}, 'a', 3)")
                    expected = Keyboard(model).suggest(tuple(h), "a")
                    assert [found["word"] for found in ours] == expected


def test_ngram_keyboard_splits_a_text_into_words(module) -> None:
    keyboard = module("ngram_keyboard")
    assert keyboard.call("split", "I'm here. Oh! (So?)") == [
        ["i'm", "here"],
        ["oh"],
        ["so"],
    ]
    assert keyboard.value("split(TEXT)[1].slice(0, 2)") == ["so", "she"]


def test_diffusion(module) -> None:
    """Reference: a guided DDIM sample of the page, with the same fresh noise."""
    diffusion, random = module("diffusion"), torch.Generator().manual_seed(0)
    alpha_bar = linear_schedule(100, 1e-4, 0.1).double()
    best = exact(alpha_bar)
    levels, means = alpha_bar.tolist(), centers().double().tolist()
    ours = diffusion.call("linearSchedule", 100, 1e-4, 0.1)
    torch.testing.assert_close(tensor(ours), alpha_bar, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        tensor(diffusion.call("centers")), centers().double(), rtol=0, atol=1e-6
    )
    for count, scale, eta, label in (
        (1, 0.0, 0.0, 3),
        (8, 2.5, 0.7, 5),
        (7, 1.0, 1.0, 0),
    ):
        x = start = torch.randn(2, generator=random, dtype=torch.float64)
        fresh, chosen = random.clone_state(), trailing_steps(100, count)
        assert diffusion.call("trailingSteps", 100, count) == chosen
        for t, s in zip(chosen, [*chosen[1:], None], strict=True):
            a, b = levels[t], 1.0 if s is None else levels[s]
            drawn = torch.zeros(2)
            if eta:
                drawn = torch.randn(1, 1, 2, generator=fresh, dtype=torch.float64)
            noise = diffusion.call(
                "guide",
                diffusion.call("exactNoise", x.tolist(), a, means),
                diffusion.call("exactNoise", x.tolist(), a, [means[label]]),
                scale,
            )
            clean = diffusion.call("fromNoise", x.tolist(), noise, a)
            step = (clean, noise, a, b, eta, drawn.flatten().tolist())
            x = tensor(diffusion.call("ddimStep", *step))
        asked = torch.tensor([[label]])
        predict = guided(best, best, asked, scale, alpha_bar)
        theirs = sample_ddim(
            predict, start[None, None], alpha_bar, count, eta=eta, generator=random
        )
        torch.testing.assert_close(x, theirs[0, 0], rtol=1e-10, atol=1e-10)


def test_diffusion_counts_what_is_right(module) -> None:
    """Reference: the standard deviation and the nearest centers of the page."""
    diffusion, random = module("diffusion"), torch.Generator().manual_seed(0)
    x = 2 * torch.randn(30, 2, generator=random, dtype=torch.float64)
    same = torch.zeros(30, dtype=torch.long)
    spread = diffusion.call("classStd", x.tolist())
    assert spread == pytest.approx(class_std(x, same).item(), rel=1e-12)
    found = [diffusion.value(f"nearest({one}, centers())") for one in x.tolist()]
    assert accuracy(x.float(), torch.tensor(found)) == 1


def test_sid_tree(module) -> None:
    """Reference: contents, k-means and residual quantization of the page."""
    tree, rng = module("sid_tree"), np.random.default_rng(0)
    titles, years, genres = zip(*tree.value("FILMS"), strict=True)
    movies = Movies([*titles], np.array(years, float), [g.split() for g in genres])
    ours = tree.value("contents(FILMS, 0.5)")
    np.testing.assert_allclose(ours, contents(movies), rtol=1e-12, atol=1e-15)
    for levels, codes, dim in ((1, 2, 1), (3, 4, 2), (4, 7, 5)):
        z, books = rng.normal(size=(20, dim)), rng.normal(size=(levels, codes, dim))
        books[:, -1] = 50.0  # no vector is near: the center stays
        found = residual_quantize(tensor(z), tensor(books))
        for row, vector in enumerate(z.tolist()):
            made = tree.call("residualQuantize", vector, books.tolist())
            assert made["codes"] == found.codes[row].tolist()
            left = z[row] - found.quantized[row].numpy()
            np.testing.assert_allclose(made["left"], left, atol=1e-12)
        moved = tree.call("kMeans", z.tolist(), books[0].tolist(), 5)
        theirs = k_means(tensor(z), tensor(books[0]), 5)
        torch.testing.assert_close(tensor(moved), theirs, rtol=1e-12, atol=1e-12)


def test_sid_tree_shares_the_first_codes(module) -> None:
    tree = module("sid_tree")
    for other, common in (([1, 2, 3], 3), ([1, 2, 0], 2), ([0, 2, 3], 0)):
        assert tree.call("shared", [1, 2, 3], other) == common
    books = tree.value("fitCodebooks(contents(FILMS, 0.5), 2, 6)")
    assert np.shape(books)[:2] == (2, 6)


def test_quantization_cost(module) -> None:
    """Reference: ``bits_per_weight`` and the three times of the page."""
    cost, rng = module("quantization_cost"), np.random.default_rng(0)
    for group in (16, 128):
        ours = cost.call("bitsPerWeight", 4, group)
        assert ours == bits_per_weight(4, group)
    for _ in range(20):
        flops, bandwidth, scalar, operations = (10 ** rng.uniform(0, 3, 4)).tolist()
        rates = {"flops": flops, "bandwidth": bandwidth, "scalar": scalar}
        rates |= {
            "operations": operations,
            "tokens_per_unpack": int(rng.integers(1, 9)),
        }
        sizes, group = rng.integers(1, 30, 3).tolist(), int(rng.integers(4, 64))
        machine = unpacking_cost.Machine(**rates)
        ours = cost.call("time16", rates, *sizes)
        assert ours == pytest.approx(time_16(machine, *sizes), rel=1e-12)
        for name, time in (("time4", time_4), ("time4Overlapped", time_4_overlapped)):
            ours = cost.call(name, rates, *sizes, group)
            assert ours == pytest.approx(time(machine, *sizes, group), rel=1e-12)


def test_serving_budget(module) -> None:
    """Reference: the clock of the pages on inference, and its tokens that fit."""
    budget, rng = module("serving_budget"), np.random.default_rng(0)
    models = budget.value("MODELS")
    for name, device in (("Llama 3 8B", H100), ("OPT-13B", A100), ("Falcon 7B", H100)):
        model = published(name)
        head = model.vocab * model.d_model / matrix_parameters(model, 1)
        formats = {
            "bf16": {},
            "fp8": {"fp8": True, "weight_bytes": 1.0, "cache_itemsize": 1},
            "int4": {
                "weight_bytes": 4.25 / 8 * (1 - head) + 2 * head,
                "unpacking": 2 * (1 - head),
            },
        }
        for form, settings in formats.items():
            theirs = Server(model=model, device=device, **settings)
            ours = budget.call("server", models[name], asdict(device), form)
            assert budget.call("slots", ours) == theirs.slots
            requests, context, chunk = rng.integers(0, 900, 3).tolist()
            pairs = requests * context + sum(range(1, chunk + 1))
            todo = Work(requests, chunk, requests * context + chunk, float(pairs))
            made = budget.call("work", requests, context, chunk)
            assert made == todo._asdict()
            parts = costs(theirs, todo)
            assert not parts.pop("links")
            assert budget.call("costs", ours, made) == pytest.approx(parts, rel=1e-12)
            time = budget.call("seconds", ours, made)
            assert time == pytest.approx(theirs.seconds(todo), rel=1e-12)


def test_ppo_clip(module) -> None:
    """Reference: ``policy_loss``, its gradient by autograd, and ``silent``."""
    clip, rng = module("ppo_clip"), np.random.default_rng(0)
    old, chosen = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1).bool()
    ratios = rng.uniform(0.01, 2, 60)
    for ratio, advantage in zip(ratios, rng.normal(size=60).round(), strict=True):
        settings = float(ratio), float(advantage), float(rng.uniform(0.05, 0.5))
        place = tensor([[settings[0]]]).requires_grad_()
        loss = policy_loss(
            place.log(), old, tensor([[settings[1]]]), chosen, settings[2]
        )
        (gradient,) = torch.autograd.grad(loss, place)
        ours = clip.call("policyLoss", *settings)
        assert ours == pytest.approx(loss.item(), rel=1e-12, abs=1e-15)
        ours = clip.call("slope", *settings)
        assert ours == pytest.approx(gradient.item(), rel=1e-12)
        theirs = silent(tensor(settings[0]).log(), tensor(settings[1]), settings[2])
        assert clip.call("silent", *settings) == theirs.item()


def test_head_groups(module) -> None:
    """Reference: the page's attention over values that are the numbers of the heads."""
    groups = module("head_groups")
    for heads, kv_heads in ((1, 1), (12, 4), (12, 12), (40, 8), (71, 1)):
        key = torch.arange(float(kv_heads))[None, :, None, None]
        read = grouped_query_attention(torch.ones(1, heads, 1, 1), key, key).flatten()
        ours = [groups.call("keyHead", head, heads, kv_heads) for head in range(heads)]
        assert ours == read.tolist()
        assert groups.call("divisor", heads, kv_heads) == kv_heads
        for itemsize in (1, 2):
            ours = groups.call("operationsPerByte", heads // kv_heads, itemsize)
            assert ours == operations_per_byte(heads // kv_heads, itemsize)
            sizes = {"layers": 3, "kv_heads": kv_heads, "head_dim": 5}
            ours = groups.call("bytesPerToken", sizes, itemsize)
            assert ours == cache_bytes(3, kv_heads, 5, 1, itemsize)
    assert groups.call("divisor", 71, 64) == 1


def test_sliding_window(module) -> None:
    """Reference: the mask, products of it for a stack, and the cache of the page."""
    sliding = module("sliding_window")
    for window in (1, 2, 5):
        one = window_mask(11, 11, window)
        assert sliding.call("mask", 11, True, window) == one.tolist()
        for layers in (1, 2, 4):
            reach = sliding.call("receptiveField", layers, window)
            assert reach == receptive_field(layers, window)
            stack = torch.linalg.matrix_power(one.double(), layers) > 0
            assert sliding.call("mask", 11, True, reach) == stack.tolist()
        cache = RollingCache(window=window)
        for seen in range(1, 12):
            position = torch.tensor([[seen - 1.0]])
            cache.write(position, position)
            filled = cache.key.flatten()[:seen].tolist()
            assert sliding.call("held", seen, window) == filled

"""The engine that trains in the browser, run by Chromium, against transformers.

References run in double precision, text by text: without padding, and without a batch.
"""

import base64
import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save, save_file
from torch.nn.functional import cross_entropy
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from portal.commands.wasm import SOURCE, compile_source
from snippets.training.country_task import FOLDER, load_task

IGNORED = -100
SMALL = {
    "vocab_size": 37,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "rotary_pct": 0.5,
    "max_position_embeddings": 16,
    "use_parallel_residual": True,
    "tie_word_embeddings": False,
}
UNEVEN = SMALL | {"hidden_size": 30, "intermediate_size": 17, "rotary_pct": 0.6}
# Larger than all blocks of a product, and than one piece of logits.
LARGE = SMALL | {
    "vocab_size": 601,
    "hidden_size": 72,
    "intermediate_size": 300,
    "rotary_emb_base": 500,
}
SEQUENTIAL = {"use_parallel_residual": False, "tie_word_embeddings": True}
MODELS = [SMALL, UNEVEN, UNEVEN | SEQUENTIAL, LARGE, LARGE | SEQUENTIAL]

# What a page does with the engine. Files come and arrays go as base64.
SETUP = """async () => {
  const [{ Engine }, neox, safetensors] = await Promise.all(
    ["engine", "neox", "safetensors"].map((name) => import(`/finetuning/${name}.js`)));
  const wasm = await (await fetch("/finetuning/gpt.wasm")).arrayBuffer();
  const bytes = (text) =>
    Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const letters = (array) => Array.from(
    new Uint8Array(array.buffer ?? array, array.byteOffset ?? 0, array.byteLength),
    (byte) => String.fromCharCode(byte));
  Object.assign(window, neox, safetensors, {
    bytes,
    text: (array) => btoa(letters(array).join("")),
    start: async (file, settings) => {
      window.engine = await Engine.create(wasm);
      const { metadata, tensors } = safetensors.read(bytes(file));
      engine.load(neox.configOf(settings ?? metadata, tensors), tensors);
    },
  });
}"""


@pytest.fixture(scope="module")
def ready(page):
    page.evaluate(SETUP)
    return page


@pytest.fixture
def start(ready):
    """Loads a file into a new engine; gives functions that call it."""

    def start(file, settings):
        text = base64.b64encode(file).decode()
        ready.evaluate("([file, settings]) => start(file, settings)", [text, settings])
        floats = "(...given) => text(engine.{}(...given))"

        def array(method, *given):
            found = ready.evaluate(
                f"(given) => ({floats.format(method)})(...given)", given
            )
            return np.frombuffer(base64.b64decode(found), np.float32)

        def call(method, *given):
            return ready.evaluate(f"(given) => engine.{method}(...given)", given)

        return SimpleNamespace(array=array, call=call)

    return start


def random_model(settings, seed=0):
    """In double precision; norms and biases are random, too."""
    torch.manual_seed(seed)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**settings)).eval()
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, std=0.3 / (1 if parameter.ndim == 1 else 2))
        if "norm.weight" in name:
            parameter.data += 1
    return model.double()


def file_of(model, kind=torch.float32, metadata=None):
    """As ``save_pretrained`` does it: what is tied is stored once."""
    state = {
        name.replace("lm_head", "embed_out"): tensor.detach().to(kind).contiguous()
        for name, tensor in model.state_dict().items()
    }
    if model.config.tie_word_embeddings:
        del state["embed_out.weight"]
    return save(state, metadata)


def random_rows(vocab, lengths, seed=0):
    """Texts of which the last third is to be learned."""
    draw = np.random.default_rng(seed)
    rows = []
    for length in lengths:
        ids = draw.integers(vocab, size=length).tolist()
        rows.append(
            {
                "ids": ids,
                "labels": [IGNORED] * (2 * length // 3) + ids[2 * length // 3 :],
            }
        )
    return rows


def group_loss(model, rows):
    """The mean of -log p over all labels of the rows."""
    losses, labels = 0, 0
    for row in rows:
        logits = model(torch.tensor([row["ids"]])).logits[0, :-1]
        following = torch.tensor(row["labels"][1:])
        losses = losses + cross_entropy(logits, following, reduction="sum")
        labels += (following != IGNORED).sum()
    return losses / labels


def loss_of(model, groups):
    return sum(group_loss(model, rows) for rows in groups) / len(groups)


@pytest.mark.parametrize("settings", MODELS)
def test_logits_are_those_of_transformers(start, settings):
    model = random_model(settings)
    engine = start(file_of(model), settings)
    texts = torch.randint(settings["vocab_size"], (3, 13))
    found = engine.array("logits", texts.tolist()).reshape(3, 13, -1)
    with torch.no_grad():
        expected = model(texts).logits.numpy()
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("settings", MODELS)
def test_gradients_are_those_of_autograd(start, settings):
    """Of rows of several lengths, in two groups, for each parameter."""
    model = random_model(settings)
    engine = start(file_of(model), settings)
    groups = [
        random_rows(settings["vocab_size"], lengths)
        for lengths in ([16, 7, 2], [9] * 30)
    ]
    loss = loss_of(model, groups)
    loss.backward()
    assert engine.call("gradients", groups) == pytest.approx(loss.item(), abs=1e-6)
    found, place = (
        engine.array("view", "gradients", sum(p.numel() for p in model.parameters())),
        0,
    )
    for name, parameter in model.named_parameters():
        expected = parameter.grad.numpy()
        part = found[place : place + expected.size].reshape(expected.shape)
        place += expected.size
        limit = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(part, expected, rtol=0, atol=limit, err_msg=name)


def test_large_logits(start):
    """Beyond 88, whose exponential is infinite in single precision."""
    model = random_model(SMALL)
    model.lm_head.weight.data *= 100
    engine = start(file_of(model), SMALL)
    rows = random_rows(37, [9, 12])
    logits = engine.array("logits", [rows[0]["ids"]])
    assert logits.max() > 100
    expected = group_loss(model, rows).item()
    assert engine.call("loss", rows) == pytest.approx(expected, rel=1e-5)


def test_the_small_number_in_norms_is_that_of_the_settings(start):
    """As large as the variance, so that it matters; a download keeps it."""
    settings = SMALL | {"layer_norm_eps": 0.5}
    model = random_model(settings)
    engine = start(file_of(model), settings)
    rows = random_rows(37, [9, 12])
    expected = group_loss(model, rows)
    expected.backward()
    assert engine.call("gradients", [rows]) == pytest.approx(expected.item(), abs=1e-6)
    grad = model.gpt_neox.embed_in.weight.grad.numpy()
    found = engine.array("view", "gradients", grad.size).reshape(grad.shape)
    np.testing.assert_allclose(found, grad, rtol=0, atol=1e-5 * np.abs(grad).max())
    again = start(engine.array("download").tobytes(), None)
    assert again.call("loss", rows) == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize("decay", [0, 0.1])
@pytest.mark.parametrize("settings", [SMALL, LARGE | SEQUENTIAL])
def test_losses_of_five_updates_are_those_of_torch(start, settings, decay):
    model = random_model(settings)
    engine = start(file_of(model), settings)
    options = {"lr": 3e-3, "betas": [0.8, 0.97], "eps": 1e-6}
    adamw = torch.optim.AdamW(model.parameters(), weight_decay=decay, **options)
    for seed in range(6):
        groups = [random_rows(settings["vocab_size"], [11, 16, 5], seed)]
        adamw.zero_grad()
        loss = loss_of(model, groups)
        loss.backward()
        adamw.step()
        found = engine.call("step", groups, options | {"decay": decay})
        assert found == pytest.approx(loss.item(), abs=1e-5)


def test_updates_are_those_of_torch_for_the_same_gradients(start):
    """With a second beta so near 1 that its distance needs double precision."""
    model = random_model(SMALL)
    engine = start(file_of(model), SMALL)
    size = sum(p.numel() for p in model.parameters())
    values = torch.tensor(engine.array("view", "values", size)).double()
    values.requires_grad_()
    options = {"lr": 0.1, "betas": [0.9, 0.999], "eps": 1e-8}
    adamw = torch.optim.AdamW([values], weight_decay=0.1, **options)
    for seed in range(4):
        rows = random_rows(37, [9, 12], seed)
        engine.call("step", [rows], options | {"decay": 0.1})
        values.grad = torch.tensor(engine.array("view", "gradients", size)).double()
        adamw.step()
        found = engine.array("view", "values", size)
        np.testing.assert_allclose(found, values.detach().numpy(), rtol=0, atol=6e-7)


def test_the_model_of_the_page(start):
    """Logits, and the losses of five updates on the page's questions.

    At 1e-3 the losses would be 1e-5 apart, since AdamW makes a full step of a gradient
    that is nothing but rounding.
    """
    file = (FOLDER / "countries.safetensors").read_bytes()
    engine = start(file, None)
    config = json.loads((FOLDER / "countries.json").read_text())["config"]
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**config)).double()
    weights = {name: tensor.double() for name, tensor in load(file).items()}
    missing, unknown = model.load_state_dict(weights, strict=False)
    assert (missing, unknown) == (["lm_head.weight"], [])
    texts = torch.randint(512, (4, 40), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(texts).logits.numpy()
    found = engine.array("logits", texts.tolist()).reshape(expected.shape)
    # Logits are up to 20; PyTorch, too, is 1e-5 off in single precision.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)
    adamw = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.0)
    rows = [row._asdict() for row in load_task().rows("asked")]
    for batch in range(6):
        some = rows[batch::37][:16]
        adamw.zero_grad()
        loss = group_loss(model, some)
        loss.backward()
        adamw.step()
        found = engine.call("step", [some], {"lr": 3e-4})
        assert found == pytest.approx(loss.item(), abs=1e-5)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_files_that_transformers_saves(start, tmp_path, kind):
    """With config.json, in each type."""
    model = random_model(SMALL).to(kind)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    engine = start((tmp_path / "model.safetensors").read_bytes(), config)
    loaded = GPTNeoXForCausalLM.from_pretrained(tmp_path, dtype=torch.float64)
    text = torch.arange(16)[None]
    expected = loaded(text).logits.detach().numpy().ravel()
    found = engine.array("logits", text.tolist())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_all_numbers_of_16_bits(ready, kind):
    """Reference: PyTorch; below the normal ones, infinite, and none, too."""
    bits = np.arange(2**16, dtype=np.uint16)
    name = {torch.float16: "F16", torch.bfloat16: "BF16"}[kind]
    found = ready.evaluate(
        """([dtype, file]) =>
          text(toFloats("x", { dtype, shape: [65536], bytes: bytes(file) }))""",
        [name, base64.b64encode(bits.tobytes()).decode()],
    )
    numbers = np.frombuffer(base64.b64decode(found), np.float32)
    expected = torch.from_numpy(bits.view(np.int16)).view(kind).float()
    np.testing.assert_array_equal(numbers, expected.numpy())


def test_a_checkpoint_of_pythia(start):
    """Its file holds buffers, too, and its config.json has older words."""
    model = random_model(SMALL)
    buffers = {
        "gpt_neox.layers.0.attention.bias": torch.ones(1, 1, 16, 16, dtype=torch.bool),
        "gpt_neox.layers.0.attention.rotary_emb.inv_freq": torch.ones(2),
    }
    config = SMALL | {
        "model_type": "gpt_neox",
        "hidden_act": "gelu",
        "rotary_emb_base": 10000,
    }
    engine = start(save(load(file_of(model)) | buffers), config)
    text = torch.arange(9)[None]
    expected = model(text).logits.detach().numpy().ravel()
    np.testing.assert_allclose(
        engine.array("logits", text.tolist()), expected, atol=1e-5
    )


@pytest.mark.parametrize("settings", [SMALL, UNEVEN | SEQUENTIAL])
def test_trained_weights_go_back_to_transformers(start, tmp_path, settings):
    engine = start(file_of(random_model(settings)), settings)
    rows = random_rows(settings["vocab_size"], [9, 12])
    engine.call("step", [rows], {"lr": 0.01})
    save_file(
        load(engine.array("download").tobytes()),
        tmp_path / "model.safetensors",
        {"format": "pt"},
    )
    GPTNeoXConfig(**settings).save_pretrained(tmp_path)
    model = GPTNeoXForCausalLM.from_pretrained(tmp_path).double()
    assert engine.call("loss", rows) == pytest.approx(
        group_loss(model, rows).item(), abs=1e-6
    )
    again = start(engine.array("download").tobytes(), None)
    assert again.call("loss", rows) == pytest.approx(
        group_loss(model, rows).item(), abs=1e-6
    )


def test_the_loss_of_many_rows_and_after_a_reset(start):
    model = random_model(SMALL)
    engine = start(file_of(model), SMALL)
    rows = random_rows(37, [3 + i % 14 for i in range(37)])
    first = engine.call("loss", rows)
    assert first == pytest.approx(group_loss(model, rows).item(), abs=1e-6)
    losses = [engine.call("step", [rows], {"lr": 0.01}) for _ in range(4)]
    assert all(after < before for before, after in pairwise(losses))
    engine.call("reset")
    assert engine.call("loss", rows) == first
    assert [engine.call("step", [rows], {"lr": 0.01}) for _ in range(4)] == losses


def test_answers_are_the_most_likely_tokens(start):
    """Of many prompts, against the whole text run anew for each token."""
    model = random_model(SMALL)
    engine = start(file_of(model), SMALL)
    prompts = [row["ids"] for row in random_rows(37, [3 + i % 3 for i in range(60)])]
    expected = []
    for prompt in prompts:
        ids = list(prompt)
        while len(ids) < len(prompt) + 6:
            ids.append(model(torch.tensor([ids])).logits[0, -1].argmax().item())
        expected.append(ids[len(prompt) :])
    end = expected[0][2]
    expected = [ids[: ids.index(end)] if end in ids else ids for ids in expected]
    assert len({len(ids) for ids in expected}) > 2
    assert engine.call("answer", prompts, {"most": 6, "end": end}) == expected
    cut = engine.call("answer", prompts[:9], {"most": 99, "end": 37})
    assert [len(ids) for ids in cut] == [16 - len(prompt) for prompt in prompts[:9]]


def test_random_weights(start, ready):
    """Of matrices, with a standard deviation of 0.02; scales are 1, and biases 0."""
    model = random_model(LARGE)
    engine = start(file_of(model), LARGE)
    config = ready.evaluate("() => engine.config")
    engine.call("loadRandom", config, 5)
    first = engine.array("initial.slice")
    for seed, is_same in [(5, True), (6, False)]:
        engine.call("loadRandom", config, seed)
        assert (engine.array("initial.slice") == first).all() == is_same
    place = 0
    for name, parameter in model.named_parameters():
        part = first[place : place + parameter.numel()]
        place += parameter.numel()
        if parameter.ndim == 2:
            assert abs(part.std() - 0.02) < 6e-4, name
            assert abs(part.mean()) < 1e-3, name
        else:
            assert set(part) == {float("norm.weight" in name)}, name


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (
            "engine.logits([[36, 37]])",
            "Token 37 is not in the vocabulary, which has 37.",
        ),
        ("engine.logits([[-1]])", "Token -1 is not in the vocabulary"),
        ("engine.logits([[1.5]])", "Token 1.5 is not in the vocabulary"),
        (
            "engine.logits([Array(17).fill(0)])",
            "A text has 17 tokens; the model takes 16.",
        ),
        ("engine.answer([[1], []], { most: 1, end: 0 })", "A text has no token."),
        ("engine.answer([], { most: 1, end: 0 })", "There is no text."),
        ("engine.loss([{ ids: [1, 2], labels: [1] }])", "2 tokens and 1 labels"),
        (
            "engine.loss([{ ids: [1, 2], labels: [1, -100] }])",
            "There is no label to learn.",
        ),
        (
            "engine.loss([{ ids: [1, 2], labels: [1, 37] }])",
            "Token 37 is not in the vocabulary",
        ),
        ("engine.loss([{ ids: [1, 2], labels: [1, -1] }])", "A label is below 0."),
        (
            "for (;;) engine.step([[{ ids: [1, 2], labels: [1, 2] }]], { lr: 1 / 0 })",
            "The loss is no number any more: reset, and take a smaller learning rate.",
        ),
        (
            """const large = { width: 30000, ff: 120000, layers: 5 };
              engine.loadRandom({ ...engine.config, ...large }, 0)""",
            "The browser has no memory for 54004230000 parameters.",
        ),
        (
            "engine.within(() => engine.gpt.reserve(2 ** 22, 16), 'so many texts')",
            "The browser has no memory for so many texts.",
        ),
    ],
)
def test_what_cannot_be_run_is_refused(start, ready, call, problem):
    start(file_of(random_model(SMALL)), SMALL)
    with pytest.raises(Exception, match="Error: ") as refused:
        ready.evaluate(f"() => {{ {call} }}")
    assert problem in str(refused.value)


NORM = "gpt_neox.layers.1.input_layernorm.bias"


def with_norm(*shape, dtype=torch.float32):
    return lambda weights: weights | {NORM: torch.zeros(shape, dtype=dtype)}


def without(part):
    return lambda weights: {name: x for name, x in weights.items() if part not in name}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (with_norm(25), f"{NORM} is 25, not 24."),
        (with_norm(24, 1), f"{NORM} is 24 x 1, not 24."),
        (
            with_norm(24, dtype=torch.float64),
            f"{NORM} is F64; known are F32, F16, BF16.",
        ),
        (without(NORM), f"{NORM} is missing."),
        (without("dense_h_to_4h"), "mlp.dense_h_to_4h.weight is missing."),
        (without("embed_out"), "embed_out.weight is missing."),
    ],
)
def test_files_of_other_tensors_are_refused(start, change, problem):
    file = save(change(load(file_of(random_model(SMALL)))))
    with pytest.raises(Exception, match="Error: ") as refused:
        start(file, SMALL)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"num_attention_heads": 5}, "A width of 24 cannot be shared by 5 heads."),
        ({"rotary_pct": 0.4}, "3 rotated features of each head cannot be paired."),
        ({"hidden_act": "gelu_new"}, "hidden_act is gelu_new; known is gelu alone."),
        ({"model_type": "llama"}, "model_type is llama; known is gpt_neox alone."),
        ({"rope_scaling": {"factor": 2}}, "Scaled rotary positions are not known."),
        ({"num_attention_heads": None}, "config.json is needed too."),
        ({"vocab_size": 38}, "gpt_neox.embed_in.weight is 37 x 24, not 38 x 24."),
    ],
)
def test_other_settings_are_refused(start, settings, problem):
    with pytest.raises(Exception, match="Error: ") as refused:
        start(file_of(random_model(SMALL)), SMALL | settings)
    assert problem in str(refused.value)


def test_sizes_come_from_the_weights_where_settings_leave_them_out(start):
    model = random_model(SMALL)
    known = ("num_attention_heads", "rotary_pct", "max_position_embeddings")
    engine = start(file_of(model), {name: SMALL[name] for name in known})
    text = torch.arange(16)[None]
    expected = model(text).logits.detach().numpy().ravel()
    found = engine.array("logits", text.tolist())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"", "A safetensors file has at least 8 bytes, not 0."),
        (b"PK\3\4 zip file", "This is no safetensors file, or a part of one"),
        (b"\2" + bytes(7) + b"{]", "its header is not JSON"),
        (save({"a": torch.ones(3)})[:-4], "a ends beyond the file, which is cut off."),
        (save({"a": torch.ones(3)}), "no GPT-NeoX model: gpt_neox.embed_in.weight"),
    ],
)
def test_other_files_are_refused(start, file, problem):
    with pytest.raises(Exception, match="Error: ") as refused:
        start(file, {"num_attention_heads": 3})
    assert problem in str(refused.value)


def test_samples_are_drawn_evenly_and_hold_nothing_twice(module):
    code = module("finetuning/engine")
    code.value("(globalThis.draw = generator(3)) && 0")
    taken = [code.value("sample([0, 1, 2, 3, 4], 3, draw)") for _ in range(2000)]
    assert all(len({*some}) == 3 for some in taken)
    counts = np.bincount(np.ravel(taken), minlength=5)
    assert np.abs(counts - 1200).max() < 100
    numbers = np.array(code.value("Array.from({ length: 4000 }, generator(7))"))
    assert 0 <= numbers.min() < 0.01 < 0.99 < numbers.max() < 1
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.05


def test_the_module_is_what_its_source_compiles_to(root):
    """Reference: the compiler of the package ziglang, byte for byte."""
    pytest.importorskip("ziglang")
    source = root / SOURCE
    assert compile_source(source) == source.with_suffix(".wasm").read_bytes()

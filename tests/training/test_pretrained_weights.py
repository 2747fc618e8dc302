"""Our reader against safetensors, loaded models against GPT2LMHeadModel."""

import json

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import load_file, save, save_file
from torch.testing import assert_close
from transformers import GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from snippets.training import faulty_loads
from snippets.training.checkpoint_folder import read_checkpoint
from snippets.training.checkpoint_runs import costs, costs_of_runs, trained_and_loaded
from snippets.training.gpt2_file import save_gpt2, to_gpt2
from snippets.training.pretrained_weights import (
    from_gpt2,
    gpt_from_config,
    load,
    load_gpt2,
)
from snippets.training.safetensors_file import (
    DTYPES,
    LARGEST_HEADER,
    read_header,
    read_safetensors,
)
from snippets.transformers.gpt import GPT, next_token_loss

SIZES = {"vocab": 11, "n_positions": 16, "d_model": 24, "layers": 2, "heads": 3}


@pytest.fixture
def library(gpt2):
    torch.manual_seed(0)
    model = gpt2()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def state(library):
    return from_gpt2(library.state_dict())


def texts():
    torch.manual_seed(1)
    return torch.randint(11, (3, 13))


def file_of(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    return size.to_bytes(8, "little") + text + data


def entry(begin=0, end=24, **changes):
    return {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end], **changes}


def fresh():
    torch.manual_seed(7)
    return GPT(**SIZES).double()


def test_every_type_is_read_as_safetensors_reads_it(agrees, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "all.safetensors"
    drawn = 40 * torch.randn(3, 5)
    tensors = {name: drawn.to(dtype) for name, dtype in DTYPES.items()}
    tensors |= {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3)}
    save_file(tensors, path, metadata={"format": "pt"})
    found, expected = read_safetensors(path), load_file(path)
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name].dtype == expected[name].dtype
        if name == "empty":
            assert found[name].shape == (0, 3)
        else:
            agrees(found[name], expected[name], "safetensors.torch.load_file", 0, 0)


def test_a_header_without_padding_is_read(tmp_path):
    values = torch.arange(6.0).view(2, 3)
    header = json.dumps({"odd": entry()}, separators=(",", ":")).encode()
    header += b" " * (1 - len(header) % 2)  # an odd length: the data are not aligned
    path = tmp_path / "odd.safetensors"
    path.write_bytes(file_of(header, values.numpy().tobytes()))
    assert path.read_bytes()[0] % 2 == 1
    assert_close(read_safetensors(path)["odd"], values)
    assert_close(load_file(path)["odd"], values)


def test_a_change_of_a_tensor_stays_in_memory(tmp_path):
    path = tmp_path / "one.safetensors"
    save_file({"w": torch.ones(4)}, path)
    tensor = read_safetensors(path)["w"]
    tensor.zero_()
    assert tensor.sum() == 0
    assert read_safetensors(path)["w"].sum() == 4


def test_the_header_alone_says_where_a_tensor_is():
    file = save({"b": torch.ones(2, 3), "a": torch.zeros(4, dtype=torch.float64)})
    place = read_header(file)["b"]
    assert (place.dtype, place.shape) == (torch.float32, (2, 3))
    values = torch.frombuffer(
        bytearray(file[place.begin : place.end]), dtype=place.dtype
    )
    assert values.tolist() == [1.0] * 6


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "header of 0 bytes in a file of 0 bytes"),
        (file_of({"w": entry()}, bytes(24), length=999), "header of 999 bytes"),
        (file_of({}, length=LARGEST_HEADER + 1), f"header of {LARGEST_HEADER + 1}"),
        (file_of(b"{not json}"), "Expecting property name"),
        (file_of({"w": entry()}, bytes(23)), "end at byte"),
        (file_of({"w": entry()}, bytes(25)), "end at byte"),
        (file_of({"w": entry(0, 20)}, bytes(20)), r"w of \(2, 3\) has 20 bytes"),
        (file_of({"w": entry(dtype="F4")}, bytes(24)), "w has the unknown type F4"),
        (file_of({"w": entry(8, 32)}, bytes(32)), "w begins at byte"),
        (file_of({"w": entry(), "v": entry()}, bytes(24)), "begins at byte"),
        (file_of([]), r"the header is no JSON object, but \[\]"),
        (file_of("w"), "the header is no JSON object, but 'w'"),
        (file_of(None), "the header is no JSON object, but None"),
        (file_of(json.dumps({"w": entry()}).encode("utf-16")), "utf-8"),
        (file_of(b"[" * 200_000), "nested too deeply"),
        (file_of({"w": [1]}), r"w is no tensor, but \[1\]"),
        (file_of({"w": {"shape": [1], "data_offsets": [0, 4]}}), "w is no tensor"),
        (file_of({"w": entry(dtype=["F32"])}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(shape=None)}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(shape="23")}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(shape=[2.0, 3])}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(shape=[-2, -3])}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(shape=[True, 6])}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(shape=[2**70, 0])}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(data_offsets=[0, 8, 24])}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(0.0, 24.0)}, bytes(24)), "w is no tensor"),
        (file_of({"w": entry(None)}, bytes(24)), "w is no tensor"),
        (
            file_of(b'{"w": %s, "w": %s}' % ((json.dumps(entry()).encode(),) * 2)),
            "'w' stands twice",
        ),
    ],
    ids=[
        "empty", "long", "limit", "text", "cut", "rest", "bytes", "type", "gap",
        "shared", "list", "string", "null", "utf16", "deep", "entry", "missing",
        "types", "no-shape", "text-shape", "float", "negative", "bool", "huge",
        "offsets", "float-offset", "no-offset", "twice",
    ],
)  # fmt: skip
def test_a_broken_file_is_refused(file, message):
    with pytest.raises(SafetensorError):
        load_bytes(file)
    with pytest.raises(ValueError, match=message):
        read_header(file)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.safetensors"
    path.touch()
    with pytest.raises(ValueError, match="empty"):
        read_safetensors(path)


@pytest.mark.parametrize("size", ["1GB", "20KB"])
def test_logits_are_those_of_gpt2(agrees, library, tmp_path, size):
    library.save_pretrained(tmp_path, max_shard_size=size)
    assert (tmp_path / "model.safetensors").exists() == (size == "1GB")
    ours = load_gpt2(tmp_path)
    expected = library.float()(texts()).logits
    agrees(ours(texts()), expected, "transformers.GPT2LMHeadModel")


def test_logits_in_double_precision_are_those_of_gpt2(agrees, library, state):
    ours = fresh()
    load(ours, state)
    agrees(ours(texts()), library(texts()).logits, "transformers.GPT2LMHeadModel")


def test_conversion_is_that_of_the_other_pages(library, from_gpt2):
    from snippets.training.pretrained_weights import from_gpt2 as ours

    expected = from_gpt2(library.state_dict())
    found = ours(library.state_dict())
    assert found.keys() == expected.keys()
    for name in expected:
        assert_close(found[name], expected[name])


def test_names_and_masks_of_the_published_file(library, state):
    """The published file has no prefix and no head, but a mask in every block."""
    published = library.transformer.state_dict()
    for block in range(2):
        mask = torch.ones(1, 1, 16, 16, dtype=torch.uint8).tril()
        published[f"h.{block}.attn.bias"] = mask
        published[f"h.{block}.attn.masked_bias"] = torch.tensor(-1e4)
    found = from_gpt2(published)
    assert state.keys() - found.keys() == {"lm_head.weight"}
    ours = fresh()
    load(ours, found)
    assert_close(ours(texts()), library(texts()).logits)


def test_the_head_stays_tied(state):
    ours = fresh()
    count = sum(parameter.numel() for parameter in ours.parameters())
    load(ours, state)
    assert ours.lm_head.weight is ours.wte.weight
    assert sum(parameter.numel() for parameter in ours.parameters()) == count
    assert ours.wte.weight.requires_grad
    assert ours.wte.weight.data_ptr() != state["wte.weight"].data_ptr()
    next_token_loss(ours(texts()), texts()).backward()
    assert all(parameter.grad is not None for parameter in ours.parameters())


@pytest.mark.parametrize("kept", ["wte.weight", "lm_head.weight"])
def test_of_a_tied_tensor_one_name_is_enough(library, state, kept):
    dropped = ({"wte.weight", "lm_head.weight"} - {kept}).pop()
    ours = fresh()
    load(ours, {name: tensor for name, tensor in state.items() if name != dropped})
    assert_close(ours(texts()), library(texts()).logits)


def without(state, *names):
    return {name: tensor for name, tensor in state.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (lambda s: {}, ["wte.weight is missing", "h.1.mlp.c_fc.bias is missing"]),
        (lambda s: without(s, "wpe.weight"), ["wpe.weight is missing"]),
        (
            lambda s: without(s, "wte.weight", "lm_head.weight"),
            ["wte.weight is missing", "lm_head.weight is missing"],
        ),
        (lambda s: s | {"h.2.ln_1.bias": s["ln_f.bias"]}, ["h.2.ln_1.bias is unex"]),
        (
            lambda s: s | {"wpe.weight": s["wpe.weight"][:9]},
            ["wpe.weight: the checkpoint has (9, 24), the model (16, 24)"],
        ),
        (
            lambda s: s | {"h.1.mlp.c_fc.weight": s["h.1.mlp.c_fc.weight"].T},
            ["h.1.mlp.c_fc.weight: the checkpoint has (24, 96), the model (96, 24)"],
        ),
        (
            lambda s: s | {"ln_f.bias": torch.ones(24, dtype=torch.int8)},
            ["ln_f.bias: torch.int8 does not become torch.float64"],
        ),
        (
            lambda s: s | {"ln_f.bias": s["ln_f.bias"] / 0},
            ["ln_f.bias is not finite as torch.float64"],
        ),
        (lambda s: s | {"ln_f.bias": None}, ["ln_f.bias is not a tensor"]),
        (
            lambda s: s | {"lm_head.weight": s["lm_head.weight"] + 1},
            ["lm_head.weight differs from wte.weight"],
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(state, change, messages):
    ours = fresh()
    with pytest.raises(ValueError, match="the checkpoint does not fit") as caught:
        load(ours, change(state))
    for message in messages:
        assert message in str(caught.value)
    for name, tensor in fresh().state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor)


def test_all_problems_are_named_at_once(state):
    changed = without(state, "wpe.weight") | {"ln_f.bias": torch.ones(5)}
    with pytest.raises(ValueError, match=r"ln_f.bias.*\(5,\).*\(24,\)") as caught:
        load(fresh(), changed | {"extra": torch.ones(1)})
    assert len(str(caught.value).splitlines()) == 4


def test_a_checkpoint_of_llama_is_refused():
    config = LlamaConfig(
        vocab_size=11, hidden_size=24, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=3,
    )  # fmt: skip
    llama = LlamaForCausalLM(config).state_dict()
    with pytest.raises(ValueError, match=r"self_attn.q_proj.weight is unexpected"):
        load(fresh(), from_gpt2(llama))
    with pytest.raises(ValueError, match="model_type='llama'"):
        gpt_from_config(config.to_dict())


def test_half_precision_becomes_the_type_of_the_model(state):
    halves = {name: tensor.bfloat16() for name, tensor in state.items()}
    ours = fresh()
    load(ours, halves)
    for name, tensor in ours.state_dict().items():
        assert tensor.dtype == torch.float64
        assert_close(tensor, halves[name].double())


def test_tied_tensors_of_eight_bits_are_compared(state):
    eight = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in state.items()}
    ours = fresh()
    load(ours, eight)
    assert_close(ours.wte.weight.data, eight["wte.weight"].double())
    eight["lm_head.weight"] = (state["lm_head.weight"] + 1).to(torch.float8_e4m3fn)
    with pytest.raises(ValueError, match=r"lm_head.weight differs from wte.weight"):
        load(ours, eight)


def test_a_number_too_large_for_the_model_is_refused(state):
    large = state | {"ln_f.bias": torch.full((24,), 7e4)}
    with pytest.raises(ValueError, match=r"ln_f.bias is not finite as torch.float16"):
        load(fresh().half(), large)


def test_a_tensor_with_and_without_the_prefix_is_refused(library):
    state = library.state_dict()
    state["wpe.weight"] = state["transformer.wpe.weight"]
    with pytest.raises(ValueError, match=r"wpe.weight stands twice"):
        from_gpt2(state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("activation_function", "gelu"),
        ("layer_norm_epsilon", 1e-6),
        ("n_inner", 48),
        ("scale_attn_by_inverse_layer_idx", True),
        ("tie_word_embeddings", False),
    ],
)
def test_a_setting_that_ours_does_not_have_is_refused(library, name, value):
    config = library.config.to_dict() | {name: value}
    with pytest.raises(ValueError, match=f"{name}={value!r}, but our GPT has"):
        gpt_from_config(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: {}, "vocab_size=None is not a size"),
        (lambda config: config | {"n_head": "3"}, "n_head='3' is not a size"),
        (lambda config: config | {"n_layer": True}, "n_layer=True is not a size"),
    ],
)
def test_a_config_without_sizes_is_refused(library, change, message):
    with pytest.raises(ValueError, match=message):
        gpt_from_config(change(library.config.to_dict()))


def test_a_config_that_is_a_list_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"config.json is no JSON object, but \[\]"):
        load_gpt2(tmp_path)


def test_an_index_that_differs_from_its_shards_is_refused(library, tmp_path):
    library.save_pretrained(tmp_path, max_shard_size="20KB")
    index = tmp_path / "model.safetensors.index.json"
    whole = json.loads(index.read_text())
    for name in ("transformer.wpe.weight", "transformer.extra"):
        changed = dict(whole["weight_map"])
        shard = changed.pop(name, min(changed.values()))
        if name not in whole["weight_map"]:
            changed[name] = shard
        index.write_text(json.dumps({"weight_map": changed}))
        with pytest.raises(ValueError, match=f"the index and {shard} differ in {name}"):
            read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"w": "../o.safetensors"}}, "'../o.safetensors' is not a name"),
        ({"weight_map": {"w": ".."}}, "'..' is not a name of a file"),
        ({"weight_map": {"w": ""}}, "'' is not a name of a file"),
        ({"weight_map": {"w": 3}}, "3 is not a name of a file"),
        ({"weight_map": []}, "no weight_map in"),
        ({}, "no weight_map in {}"),
        ([], r"no weight_map in \[\]"),
    ],
)
def test_a_broken_index_is_refused(tmp_path, index, message):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=message):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("shards_stay", [True, False])
def test_one_file_counts_more_than_an_index_from_before(library, tmp_path, shards_stay):
    """``save_pretrained`` leaves the index of a folder that was sharded before."""
    library.float().save_pretrained(tmp_path, max_shard_size="20KB")
    old = [(path, path.read_bytes()) for path in tmp_path.glob("*-of-*.safetensors")]
    with torch.no_grad():
        library.transformer.wpe.weight.mul_(2)
    library.save_pretrained(tmp_path)
    for path, content in old if shards_stay else []:
        path.write_bytes(content)
    assert (tmp_path / "model.safetensors.index.json").exists()
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path)(texts()).logits
    assert_close(load_gpt2(tmp_path)(texts()), theirs)


def test_transformers_reads_what_ours_writes(agrees, state, tmp_path):
    ours = fresh()
    load(ours, state)
    ours.float()
    save_gpt2(ours, tmp_path)
    theirs, report = GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    logits = theirs(texts()).logits
    agrees(ours(texts()), logits, "transformers.GPT2LMHeadModel")
    assert theirs.config.n_head == 3
    assert_close(load_gpt2(tmp_path)(texts()), ours(texts()), rtol=0, atol=0)


def test_the_way_back_has_the_names_of_the_library(library, state):
    ours = fresh()
    load(ours, state)
    expected = library.state_dict()
    del expected["lm_head.weight"]
    found = to_gpt2(ours)
    assert found.keys() == expected.keys()
    for name in expected:
        assert_close(found[name], expected[name])


def test_a_tensor_that_is_left_out_keeps_its_random_values(state):
    new = fresh()
    less = faulty_loads.without(state, "h.1.mlp.c_fc.weight", new)
    assert less is new
    for name, tensor in less.state_dict().items():
        kept = name == "h.1.mlp.c_fc.weight"
        assert_close(tensor, (fresh().state_dict() if kept else state)[name])
    new = faulty_loads.without(state, "wte.weight", fresh())
    assert_close(new.lm_head.weight, fresh().lm_head.weight)
    with pytest.raises(ValueError, match="the model has no wte"):
        faulty_loads.without(state, "wte", fresh())


def test_another_number_of_heads_is_another_model(state):
    ours = fresh()
    load(ours, state)
    expected = GPT(**SIZES | {"heads": 4}).double()
    load(expected, state)
    assert_close(faulty_loads.with_heads(ours, 4)(texts()), expected(texts()))
    with pytest.raises(ValueError, match="24 features cannot be split into 5"):
        faulty_loads.with_heads(ours, 5)


def test_faults_move_the_rows_that_they_name(state):
    ours = fresh()
    load(ours, state)
    rows = state["h.0.attn.c_attn.weight"]
    by_head = faulty_loads.head_by_head(ours).h[0].attn.c_attn.weight
    swapped = faulty_loads.keys_first(ours).h[0].attn.c_attn.weight
    for part in range(3):
        for head in range(3):
            for i in range(8):
                place = (part * 3 + head) * 8 + i
                assert_close(by_head[place].data, rows[(head * 3 + part) * 8 + i])
                other = ([1, 0, 2][part] * 3 + head) * 8 + i
                assert_close(swapped[place].data, rows[other])


def test_faults_fit_every_shape_but_change_the_logits(state, library):
    ours = fresh()
    load(ours, state)
    logits = library(texts()).logits
    found = costs(ours, fresh(), texts(), logits)
    assert found.loss.item() == pytest.approx(next_token_loss(logits, texts()).item())
    names = [name for name in ours.state_dict() if name != "lm_head.weight"]
    for name, cost in zip(names, found.missing.tolist(), strict=True):
        mixed = without(state, "lm_head.weight") | {name: fresh().state_dict()[name]}
        kept = fresh()
        load(kept, mixed)
        loss = next_token_loss(kept(texts()), texts()).item()
        assert cost == pytest.approx(loss - found.loss.item(), abs=1e-6), name
    off = dict(zip(faulty_loads.FAULTS, found.off.tolist(), strict=True))
    assert off.pop("none") < 1e-12
    assert min(off.values()) > 1e-6
    assert found.added[-1] == 0
    assert torch.equal(ours(texts()), ours(texts()))
    assert_close(ours(texts()), logits)  # no fault changed the model itself


def test_costs_of_runs_are_those_of_single_runs():
    both = costs_of_runs([0, 1], steps=2)
    one = trained_and_loaded(1, steps=2)
    for together, alone in zip(both, one, strict=True):
        assert_close(together[..., 1], alone)

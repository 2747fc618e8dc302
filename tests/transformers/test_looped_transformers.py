"""Looped models against ALBERT's encoder, GPT-2 and PyTorch's encoder with one layer
used several times; then against unrolled models, and the task against matrix powers.
"""

from copy import deepcopy
from itertools import permutations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from transformers import AlbertConfig, GPT2Config, GPT2Model
from transformers.models.albert.modeling_albert import AlbertTransformer

from snippets.transformers.looped_transformers import LoopedTransformer, double
from snippets.transformers.permutation_hops import (
    BATCH,
    NODES,
    RATE,
    HopModel,
    best_guess,
    by_loop,
    hop,
    split,
    train,
)
from snippets.transformers.transformer_block import GPT2Block
from snippets.transformers.vit_layer import Layer

DOUBLE = torch.float64
exact = {"rtol": 0, "atol": 0}


def randomized(module):
    """Every parameter away from its start, so that no bias or weight is neutral."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.double()


def stream(*shape):
    torch.manual_seed(1)
    return torch.randn(shape, dtype=DOUBLE)


def test_loops_agree_with_albert(agrees):
    """Two layers, looped three times: the library's own looped encoder."""
    config = AlbertConfig(
        hidden_size=24,
        embedding_size=24,
        num_attention_heads=3,
        intermediate_size=40,
        num_hidden_layers=3,
        inner_group_num=2,
        attn_implementation="sdpa",
    )
    theirs = randomized(AlbertTransformer(config)).eval()
    layers = list(theirs.albert_layer_groups[0].albert_layers)
    ours = LoopedTransformer(layers, loops=3)
    x = stream(2, 5, 24)
    start = theirs.embedding_hidden_mapping_in(x)
    agrees(ours(start), theirs(x).last_hidden_state, "transformers.AlbertModel")


def test_loops_agree_with_gpt2_of_shared_blocks(agrees):
    config = GPT2Config(
        vocab_size=7,
        n_positions=5,
        n_embd=24,
        n_head=3,
        n_layer=4,
        bos_token_id=0,
        eos_token_id=0,
        attn_implementation="sdpa",
    )
    theirs = randomized(GPT2Model(config)).eval()
    theirs.h = nn.ModuleList([theirs.h[0], theirs.h[1]] * 2)
    blocks = [GPT2Block(d_model=24, heads=3).double() for _ in range(2)]
    for block, their in zip(blocks, theirs.h, strict=False):
        state = their.state_dict()
        block.load_state_dict({k: w.T if w.ndim == 2 else w for k, w in state.items()})
    x = stream(2, 5, 24)
    ours = LoopedTransformer(blocks, loops=2)(x + theirs.wpe.weight)
    expected = theirs(inputs_embeds=x, use_cache=False).last_hidden_state
    agrees(theirs.ln_f(ours), expected, "transformers.GPT2Model")


@pytest.mark.parametrize("norm_first", [True, False])
def test_loops_agree_with_an_encoder_of_one_layer(agrees, norm_first):
    layer = nn.TransformerEncoderLayer(
        24, 3, 40, dropout=0.0, batch_first=True, norm_first=norm_first
    )
    theirs = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    layer = randomized(layer)
    theirs.layers = nn.ModuleList([layer] * 3)
    x = stream(2, 5, 24)
    ours = LoopedTransformer([layer], loops=3)(x)
    agrees(ours, theirs(x), "torch.nn.TransformerEncoder")


def test_a_shared_gradient_is_the_sum_over_unrolled_copies(agrees):
    looped = LoopedTransformer([randomized(Layer(12, 2, 20, 1e-5))], loops=3)
    copies = nn.Sequential(*(deepcopy(looped.blocks[0]) for _ in range(3)))
    x, weight = stream(2, 5, 12), stream(12)
    (looped(x) * weight).sum().backward()
    (copies(x) * weight).sum().backward()
    for name, parameter in looped.blocks[0].named_parameters():
        summed = sum(copy.get_parameter(name).grad for copy in copies)
        agrees(parameter.grad, summed, "torch.nn.Sequential")


@pytest.mark.parametrize("inject", [False, True])
def test_unrolled_by_hand(inject):
    a, b = (randomized(GPT2Block(d_model=12, heads=2)) for _ in range(2))
    nn.init.normal_(b.mlp.c_fc.weight)
    looped = LoopedTransformer([a, b], loops=3, inject=inject)
    x = stream(2, 5, 12)
    if inject:
        first = b(a(x))
        second = b(a(first + x))
        expected = [first, second, b(a(second + x))]
    else:
        expected = [b(a(x)), b(a(b(a(x)))), b(a(b(a(b(a(x))))))]
    assert_close(looped.states(x), expected, **exact)
    assert_close(looped(x), expected[-1], **exact)


@pytest.mark.parametrize("inject", [False, True])
def test_one_loop_is_the_stack_itself(inject):
    layer = randomized(Layer(12, 2, 20, 1e-5))
    x = stream(2, 5, 12)
    assert_close(LoopedTransformer([layer], loops=1, inject=inject)(x), layer(x))


def test_other_loops_than_in_training():
    looped = LoopedTransformer([randomized(Layer(12, 2, 20, 1e-5))], loops=2)
    x = stream(2, 5, 12)
    states = looped.states(x, loops=4)
    assert len(states) == 4
    assert_close(looped(x), states[1], **exact)
    assert_close(looped(x, loops=4), states[3], **exact)


@pytest.mark.parametrize("inject", [False, True])
def test_the_input_stays_as_it_is(inject):
    x = stream(2, 5, 12)
    before = x.clone()
    LoopedTransformer([nn.Linear(12, 12).double()], loops=3, inject=inject)(x)
    assert_close(x, before, **exact)


def test_loops_add_no_parameters():
    def count(k, loops):
        blocks = [Layer(12, 2, 20, 1e-5) for _ in range(k)]
        return sum(
            p.numel() for p in LoopedTransformer(blocks, loops=loops).parameters()
        )

    assert count(1, 4) == count(1, 1)
    assert count(4, 1) == 4 * count(1, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_half(dtype):
    looped = LoopedTransformer([nn.LayerNorm(12)], loops=2, inject=True).to(dtype)
    x = torch.randn(1, 3, 12, dtype=dtype)
    assert looped(x).dtype == dtype
    assert_close(looped(x).float(), looped.float()(x.float()), rtol=1e-2, atol=2e-2)


@pytest.mark.parametrize("inject", [False, True])
def test_no_sequences(inject):
    looped = LoopedTransformer([Layer(12, 2, 20, 1e-5)], loops=2, inject=inject)
    assert looped(torch.zeros(0, 5, 12)).shape == (0, 5, 12)


def test_bad_loops_are_refused():
    with pytest.raises(ValueError, match="0 blocks"):
        LoopedTransformer([], loops=1)
    with pytest.raises(ValueError, match="loops=0"):
        LoopedTransformer([nn.Identity()], loops=0)
    with pytest.raises(ValueError, match="loops=-1"):
        LoopedTransformer([nn.Identity()], loops=1)(torch.zeros(1, 1, 1), loops=-1)
    with pytest.raises(ValueError, match="loops=0"):
        LoopedTransformer([nn.Identity()], loops=1).states(torch.zeros(1, 1, 1), 0)


def matrix(images):
    """Row i has its one in column f(i)."""
    return nn.functional.one_hot(images, images.shape[-1]).double()


@pytest.mark.parametrize("hops", [0, 1, 3, 7])
def test_hops_agree_with_matrix_powers(agrees, hops):
    images = torch.randint(5, (3, 5))  # any function, not only permutations
    images[0] = torch.tensor([1, 2, 3, 4, 0])
    power = torch.linalg.matrix_power(matrix(images), hops)
    agrees(matrix(hop(images, hops)), power, "torch.linalg.matrix_power")


def test_rounds_double_the_hops():
    images = torch.stack([torch.randperm(7) for _ in range(3)])
    pointers = images
    for rounds in range(1, 5):
        pointers = double(pointers)
        assert_close(pointers, hop(images, 2**rounds), **exact)


def test_bad_images_are_refused():
    with pytest.raises(ValueError, match="3 nodes, but an image is 3"):
        double(torch.tensor([0, 3, 1]))
    with pytest.raises(ValueError, match="3 nodes, but an image is -1"):
        double(torch.tensor([0, -1, 1]))
    with pytest.raises(ValueError, match="hops=-1"):
        hop(torch.tensor([0]), hops=-1)
    assert double(torch.zeros(0, 3, dtype=torch.long)).shape == (0, 3)
    assert double(torch.tensor([0])).tolist() == [0]


def test_held_out_permutations_are_not_trained_on():
    learned, held_out = (set(map(tuple, part.tolist())) for part in split(5))
    assert not learned & held_out
    assert learned | held_out == set(permutations(range(5)))
    assert (len(learned), len(held_out)) == (96, 24)


def test_best_guess_by_counting():
    """Rules that see i, f(i) and f(f(i)), as a table of the most frequent answers."""
    table = {}
    for images in permutations(range(4)):
        seen = (0, images[0], images[images[0]])
        table.setdefault(seen, []).append(images[images[images[0]]])
    right = sum(max(map(answers.count, answers)) for answers in table.values())
    assert best_guess(known=2, nodes=4) == pytest.approx(right / 24)
    assert best_guess(known=3, nodes=4) == 1


@pytest.mark.parametrize("batch", [BATCH, 5])
def test_models_train_side_by_side_as_they_do_alone(batch):
    """Against Adam and the schedule of PyTorch, one model at a time."""
    torch.manual_seed(0)
    models = [HopModel(1, 2, d_model=8).double() for _ in range(2)]
    alone = deepcopy(models)
    history = train(models, 4, batch=batch, between=(1, 3), seed=6)
    random, images = torch.Generator().manual_seed(6), split()[0]
    draws = []
    for _ in range(4):
        drawn = torch.randint(len(images), (2, batch), generator=random)
        draws.append((drawn, int(torch.randint(1, 4, (), generator=random))))
    assert len({loops for _, loops in draws}) > 1
    for place, model in enumerate(alone):
        optimizer = torch.optim.Adam(model.parameters(), RATE)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=4)
        for step, (drawn, loops) in enumerate(draws):
            f = images[drawn[place]]
            logits, target = model(f, loops), f.gather(1, f.gather(1, f))
            right = (logits.argmax(-1) == target).double().mean()
            assert_close(history[step, place].item(), right.item(), rtol=0, atol=1e-6)
            optimizer.zero_grad()
            cross_entropy(logits.flatten(0, 1), target.flatten()).backward()
            optimizer.step()
            cycle.step()
        ours, theirs = models[place].state_dict(), model.state_dict()
        assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_read_outs_by_loop():
    torch.manual_seed(0)
    models = [HopModel(2, 2, d_model=8) for _ in range(2)]
    accuracy, size = by_loop(models, 3)
    images = split()[1]
    for place, model in enumerate(models):
        for loops in (1, 2, 3):
            right = model(images, loops).argmax(-1) == hop(images, 3)
            assert_close(accuracy[place, loops - 1], right.float().mean())
            state = model.body(model.embed(images), loops).detach()
            rms = (state**2).mean() ** 0.5
            assert_close(size[place, loops - 1], rms)


@pytest.mark.parametrize("inject", [False, True])
def test_a_hop_model_by_hand(inject):
    model, images = HopModel(1, 2, inject=inject, d_model=8), split()[1]
    x, layer = model.embed(images), model.body.blocks[0]
    state = layer(layer(x) + x) if inject else layer(layer(x))
    assert_close(model(images), model.head(model.norm(state)), **exact)


def test_tokens_in_another_order_give_outputs_in_that_order():
    """The task needs neither a mask nor positions: a token names its node."""
    looped = LoopedTransformer([randomized(Layer(12, 2, 20, 1e-5))], loops=3)
    x, order = stream(1, NODES, 12), torch.randperm(NODES)
    assert_close(looped(x[:, order]), looped(x)[:, order])

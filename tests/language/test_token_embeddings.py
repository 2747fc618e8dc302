"""Token embeddings against torch.nn.Embedding, GPT-2's tied head, Gemma's scaled
embedding and transformers' resizing; neighbors against scikit-learn.
"""

import math
from inspect import unwrap
from itertools import combinations

import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.models.gemma.modeling_gemma import GemmaTextScaledWordEmbedding

from snippets.language.help_text import help_text, split_help_text
from snippets.language.token_embeddings import (
    TiedEmbedding,
    grow,
    lookup,
    lookup_as_product,
    lookup_gradient,
    nearest,
    overlap,
)
from snippets.language.trained_tables import counted_tables, trained_tables
from snippets.language.window_model import (
    OTHER,
    WindowModel,
    help_words,
    loss_of,
    split_into_words,
    train,
)

VOCAB, D_MODEL = 7, 5
IDS = torch.tensor([[3, 0, 3], [6, 3, 1]])  # 3 is repeated; 2, 4 and 5 are not read


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def table(vocab: int = VOCAB, d_model: int = D_MODEL) -> torch.Tensor:
    return torch.randn(vocab, d_model, dtype=torch.float64)


def gpt2() -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=11, n_positions=6, n_embd=8, n_layer=2, n_head=2, bos_token_id=0
    )
    config.eos_token_id = 0
    return GPT2LMHeadModel(config).double().eval()


@pytest.mark.parametrize("padding_idx", [None, 3, 0])
def test_rows_and_gradients_are_those_of_torch(agrees, padding_idx):
    theirs = nn.Embedding(VOCAB, D_MODEL, padding_idx, dtype=torch.float64)
    ours = theirs.weight.detach().clone()
    rows = theirs(IDS)
    agrees(lookup(ours, IDS), rows, "torch.nn.Embedding", rtol=0, atol=0)
    gradient = torch.randn_like(rows)
    rows.backward(gradient)
    summed = lookup_gradient(IDS, gradient, VOCAB, padding_idx)
    agrees(summed, theirs.weight.grad, "torch.nn.Embedding")


def test_a_sparse_gradient_lists_only_the_rows_that_were_read():
    theirs = nn.Embedding(VOCAB, D_MODEL, sparse=True, dtype=torch.float64)
    gradient = torch.randn(*IDS.shape, D_MODEL, dtype=torch.float64)
    theirs(IDS).backward(gradient)
    sparse = theirs.weight.grad.coalesce()
    assert sparse.indices()[0].tolist() == [0, 1, 3, 6]
    torch.testing.assert_close(
        lookup_gradient(IDS, gradient, VOCAB)[sparse.indices()[0]], sparse.values()
    )


def test_the_product_has_the_same_rows_and_gradient():
    first = table().requires_grad_()
    second = first.detach().clone().requires_grad_()
    gradient = torch.randn(*IDS.shape, D_MODEL, dtype=torch.float64)
    for read, weight in ((lookup, first), (lookup_as_product, second)):
        read(weight, IDS).backward(gradient)
    assert torch.equal(lookup(first, IDS), lookup_as_product(second, IDS))
    torch.testing.assert_close(first.grad, second.grad)
    torch.testing.assert_close(first.grad, lookup_gradient(IDS, gradient, VOCAB))


def test_the_gradient_is_the_sum_over_positions():
    gradient = torch.randn(*IDS.shape, D_MODEL, dtype=torch.float64)
    expected = torch.zeros(VOCAB, D_MODEL, dtype=torch.float64)
    for row in range(2):
        for column in range(3):
            expected[IDS[row, column]] += gradient[row, column]
    torch.testing.assert_close(lookup_gradient(IDS, gradient, VOCAB), expected)


def test_logits_are_those_of_the_tied_head_of_gpt2(agrees):
    theirs = gpt2()
    ids = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6]])
    layer = TiedEmbedding(11, 8).double()
    layer.weight = theirs.transformer.wte.weight
    hidden = theirs.transformer(ids).last_hidden_state
    name = "transformers.GPT2LMHeadModel"
    agrees(layer.logits(hidden), theirs(ids).logits, name)
    assert theirs.lm_head.weight is theirs.transformer.wte.weight


def test_a_tied_gradient_is_the_sum_of_both_ends(agrees):
    """The input's share is that of a lookup; the output's is (p - y) times hidden."""
    model = gpt2()
    ids = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6]])
    read = model.transformer.wte(ids).detach().requires_grad_()
    hidden = model.transformer(inputs_embeds=read).last_hidden_state
    logits = hidden @ model.lm_head.weight.detach().T
    wanted = torch.randint(11, ids.shape)
    F.cross_entropy(logits.flatten(0, 1), wanted.flatten()).backward()
    error = (logits.softmax(-1) - F.one_hot(wanted, 11)) / ids.numel()
    output = error.flatten(0, 1).T @ hidden.flatten(0, 1)
    ours = lookup_gradient(ids, read.grad, 11) + output
    model.zero_grad()
    model(ids)  # the library's own way, with one table
    F.cross_entropy(model(ids).logits.flatten(0, 1), wanted.flatten()).backward()
    theirs = model.transformer.wte.weight.grad
    agrees(ours.detach(), theirs, "transformers.GPT2LMHeadModel")
    assert (theirs[0] != 0).any()  # id 0 was not read, and has a gradient


def test_the_scaled_input_is_that_of_gemma(agrees):
    theirs = GemmaTextScaledWordEmbedding(VOCAB, 16, None, embed_scale=16**0.5)
    ours = TiedEmbedding(VOCAB, 16)
    ours.weight = theirs.weight
    agrees(ours(IDS), theirs(IDS), "transformers.GemmaTextScaledWordEmbedding")


def test_inputs_and_logits_of_a_new_table_have_unit_scale():
    layer = TiedEmbedding(vocab=3000, d_model=400)
    rows = layer(torch.arange(3000))
    hidden = F.layer_norm(torch.randn(50, 400), (400,))
    assert abs(rows.std() - 1) < 0.01
    assert abs(layer.logits(hidden).std() - 1) < 0.02


def test_new_rows_are_those_of_transformers(agrees):
    theirs = gpt2().float()
    before = theirs.transformer.wte.weight.detach().clone()
    theirs.resize_token_embeddings(14)  # draws around the mean, with a variance of 1e-9
    after = theirs.transformer.wte.weight.detach()
    name = "transformers.PreTrainedModel.resize_token_embeddings"
    agrees(grow(before, 3), after, name, rtol=0, atol=1e-5)
    assert theirs.lm_head.weight is theirs.transformer.wte.weight


def test_a_new_mean_row_is_below_the_average_exponential():
    """Its logit is the mean of the others: the softmax gives it at most 1/(vocab+1)."""
    logits = torch.randn(9, D_MODEL, dtype=torch.float64) @ grow(table(), 1).T
    torch.testing.assert_close(logits[:, -1], logits[:, :-1].mean(1))
    assert (logits.softmax(1)[:, -1] <= 1 / (VOCAB + 1)).all()


def test_neighbors_are_those_of_scikit_learn(agrees):
    rows = table(vocab=40)
    search = NearestNeighbors(n_neighbors=6, metric="cosine").fit(rows)
    theirs = torch.tensor(search.kneighbors(return_distance=False))
    name = "sklearn.neighbors.NearestNeighbors"
    agrees(nearest(rows, 6), theirs, name, rtol=0, atol=0)


def test_neighbors_do_not_depend_on_lengths():
    rows = table()
    lengths = torch.logspace(-6, 6, VOCAB, dtype=torch.float64)
    assert torch.equal(nearest(rows, 2), nearest(rows * lengths[:, None], 2))


def test_a_token_is_not_its_own_neighbor_even_among_equal_rows():
    same = nearest(torch.ones(4, 3), 3)
    assert all(i not in row for i, row in enumerate(same.tolist()))
    zero = nearest(torch.zeros(4, 3), 3)
    assert all(i not in row for i, row in enumerate(zero.tolist()))


def test_overlap_is_the_mean_over_tokens():
    first = torch.tensor([[1, 2], [0, 2], [0, 1]])
    second = torch.tensor([[2, 1], [2, 3], [3, 4]])
    assert overlap(first, first.flip(1)) == 1
    assert overlap(first, second) == pytest.approx((1 + 0.5 + 0) / 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("kind", [torch.int16, torch.int32, torch.int64])
def test_any_floats_and_any_integers(dtype, kind):
    rows = table().to(dtype)
    ids = IDS.to(kind)
    assert torch.equal(lookup(rows, ids), rows[IDS])
    assert torch.equal(lookup_as_product(rows, ids), rows[IDS])
    assert lookup_gradient(ids, lookup(rows, ids), VOCAB).dtype == dtype


def test_no_ids_and_one_id():
    none = torch.zeros(0, dtype=torch.long)
    assert lookup(table(), none).shape == (0, D_MODEL)
    assert not lookup_gradient(none, table()[none], VOCAB).any()
    rows = table()
    assert torch.equal(lookup(rows, torch.tensor(4)), rows[4])
    single = lookup_gradient(torch.tensor(4), rows[4], VOCAB)
    assert torch.equal(single[4], rows[4])
    assert torch.count_nonzero(single) == D_MODEL
    assert torch.equal(grow(rows, 0), rows)


def test_the_window_model_as_loops():
    model = WindowModel(9, d_model=4, window=2, width=6, tied=False).double()
    words = torch.tensor([[1, 2], [8, 8], [0, 5]])
    expected = torch.zeros(3, 9, dtype=torch.float64)
    for i, pair in enumerate(words.tolist()):
        both = torch.cat([2 * model.table[word] for word in pair])  # 2 = sqrt(4)
        first = model.hidden.weight @ both + model.hidden.bias
        h = model.project.weight @ torch.tanh(first) + model.project.bias
        for word in range(9):
            expected[i, word] = model.output[word] @ h + model.bias[word]
    torch.testing.assert_close(model(words), expected)
    windows = torch.cat([words, torch.tensor([[3], [3], [7]])], dim=1)
    by_hand = -expected.log_softmax(1)[torch.arange(3), [3, 3, 7]].mean()
    torch.testing.assert_close(loss_of(model, windows), by_hand)


def test_tying_saves_one_table():
    sizes = [
        sum(p.numel() for p in WindowModel(9, 4, 2, 6, tied).parameters())
        for tied in (False, True)
    ]
    assert sizes[0] - sizes[1] == 9 * 4


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_an_input_row_that_is_never_read_only_decays(weight_decay):
    """AdamW multiplies it by 1 - rate * decay in each step, without decay by one."""
    model = WindowModel(9, d_model=4, window=2, width=6, tied=False)
    before = model.table[8].detach().clone()
    windows = torch.randint(8, (40, 3))
    steps = list(train(model, windows, 2, weight_decay, learning_rate=0.1, batch=16))
    assert steps == [1, 2, 3, 4, 5, 6]
    rates = [0.1 * (1 - i / 6) for i in range(6)]
    factor = math.prod(1 - rate * weight_decay for rate in rates)
    torch.testing.assert_close(model.table[8].detach(), before * factor)


def test_an_output_row_that_is_never_right_is_pushed_away():
    model = WindowModel(9, d_model=4, window=2, width=6, tied=True)
    before = model.table[8].detach().clone()
    loss_of(model, torch.randint(8, (40, 3))).backward()
    assert (model.table.grad[8] != 0).all()
    for _ in train(model, torch.randint(8, (40, 3)), 1, batch=8):
        pass
    assert not torch.equal(model.table[8], before)


def test_training_lowers_the_loss():
    windows = torch.arange(9).repeat(20).unfold(0, 3, 1)
    model = WindowModel(9, d_model=8, window=2, width=16, tied=True)
    before = loss_of(model, windows)
    for _ in train(model, windows, 30, batch=64):
        pass
    assert loss_of(model, windows) < 0.1 * before


def test_words_are_those_of_the_help():
    words = help_words(seed=0, size=400)
    text, _ = split_help_text(0)
    assert words.vocabulary[0] == OTHER
    assert len(set(words.vocabulary)) == 400
    decoded = [words.vocabulary[i] for i in words.train]
    wanted = split_into_words(text)
    assert len(decoded) == len(wanted)
    kept = [(a, b) for a, b in zip(decoded, wanted, strict=True) if a != OTHER]
    assert all(a == b for a, b in kept)
    known = set(words.vocabulary)
    assert len(kept) == sum(word in known for word in wanted)
    assert "".join(split_into_words(help_text())) == "".join(
        help_text().lower().split()
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lookup(table(), torch.tensor([7])), "id 7 is not among the 7"),
        (lambda: lookup(table(), torch.tensor([-1])), "id -1"),
        (lambda: lookup_as_product(table(), torch.tensor([9])), "id 9"),
        (lambda: lookup_gradient(torch.tensor([7]), table()[:1], 7), "id 7"),
        (lambda: lookup_gradient(torch.tensor([0]), table()[:1], 7, -1), "id -1"),
        (
            lambda: unwrap(lookup_gradient)(IDS, torch.ones(3, 2, 4), 7),
            r"\[3, 2\] rows",
        ),
        (lambda: unwrap(overlap)(IDS, IDS[:1]), "neighbors of 2 and of 1 tokens"),
        (lambda: overlap(IDS[:0], IDS[:0]), "neighbors of 0 and of 0 tokens"),
        (lambda: TiedEmbedding(0, 3), "0 rows"),
        (lambda: TiedEmbedding(3, 0), "0 features"),
        (lambda: nearest(table(), 7), "count=7 of 6"),
        (lambda: nearest(table(), 0), "count=0"),
        (lambda: grow(table(), -1), "added=-1"),
        (lambda: grow(table()[:0], 2), "a table of 0"),
        (lambda: help_words(0, 1), "size=1"),
        (lambda: help_words(0, 10**6), "size=1000000"),
        (lambda: WindowModel(9, 4, 0, 6, True), "window=0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_tables_from_counts_compare_what_follows_and_what_precedes():
    """Words 0 and 1 have the same followers, words 2 and 3 the same predecessors."""
    before, after = torch.randint(2, (2, 4000)), torch.randint(30, 40, (2, 4000))
    between = torch.randint(2, 4, (2, 4000))
    first = torch.stack([before[0], after[0], between[0]]).T.flatten()
    second = torch.stack([between[1], torch.randint(4, 30, (4000,))]).T.flatten()
    follows, precedes = counted_tables(torch.cat([first, second]), vocab=40)
    assert nearest(follows, 1)[:2, 0].tolist() == [1, 0]
    assert nearest(precedes, 1)[2:4, 0].tolist() == [3, 2]
    assert nearest(follows, 1)[0, 0] not in (2, 3)


def test_the_tables_are_those_of_the_models():
    tables = trained_tables(seed=1, vocab=20, epochs=1, share=0.05)
    assert len(tables.words.vocabulary) == 20
    shapes = {tuple(table.shape) for table in tables[1:5]}
    assert shapes == {(20, 24)}
    pairs = combinations(tables[1:5], 2)
    assert not any(torch.equal(first, second) for first, second in pairs)
    torch.manual_seed(10)
    begin = WindowModel(20, 24, window=3, width=64, tied=False).table
    assert torch.equal(tables.first, begin)
    assert 0 < tables.loss_untied < math.log(20)
    assert 0 < tables.loss_tied < math.log(20)
    more = trained_tables(seed=1, vocab=20, epochs=1, share=0.1)
    assert not torch.equal(more.input, tables.input)
    untrained = trained_tables(seed=1, vocab=20, epochs=0)
    assert torch.equal(untrained.first, untrained.input)
    assert not torch.equal(untrained.first, untrained.tied)
    with pytest.raises(ValueError, match=r"share=1\.5"):
        trained_tables(seed=1, share=1.5)

"""Losses and logits against CLIPModel and SiglipModel; then definitions as loops."""

import math

import pytest
import torch
from torch.testing import assert_close
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel
from transformers.models.clip.modeling_clip import image_text_contrastive_loss

from snippets.generative import caption_scores, shapes
from snippets.generative import caption_towers as pairs
from snippets.generative.clip import (
    LIMIT,
    START,
    class_embeddings,
    clip_logits,
    clip_loss,
    modality_gap,
    normalize,
    siglip_loss,
)
from snippets.generative.image_batches import stack_images
from snippets.generative.repeated_captions import expected_floor, loss_floor

LAYERS = {"hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 1}
VISION = LAYERS | {"num_attention_heads": 3, "image_size": 8, "patch_size": 4}
TEXT = LAYERS | {"num_attention_heads": 2, "vocab_size": 19}
TEXT |= {"max_position_embeddings": 7, "bos_token_id": 0, "eos_token_id": 18}
SCALE = torch.tensor(math.log(5.0), dtype=torch.double)


def normal(*shape, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.double)


def inputs(images=5, texts=5):
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 18, (texts, 6), generator=random)
    ids[:, -1] = 18
    return {"input_ids": ids, "pixel_values": normal(images, 3, 8, 8)}


def clip_model():
    torch.manual_seed(0)
    sizes = {"text_config": TEXT, "vision_config": VISION, "projection_dim": 11}
    return CLIPModel(CLIPConfig(**sizes)).double().eval()


def siglip_model():
    torch.manual_seed(0)
    text = TEXT | {"projection_size": 12}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=VISION))
    model = model.double().eval()
    model.logit_scale.data.fill_(math.log(10))
    model.logit_bias.data.fill_(-10)
    return model


def features(model, given):
    images = model.get_image_features(given["pixel_values"]).pooler_output
    texts = model.get_text_features(given["input_ids"]).pooler_output
    return images, texts


# Agreement


def test_logits_are_those_of_clip_model(agrees):
    model, given = clip_model(), inputs(images=3, texts=5)
    theirs = model(**given).logits_per_image
    ours = clip_logits(*features(model, given), model.logit_scale)
    assert ours.shape == (3, 5)
    agrees(ours, theirs, "transformers.CLIPModel")


def test_loss_and_gradients_are_those_of_transformers(agrees):
    ours, theirs = (normal(6, 6).requires_grad_() for _ in range(2))
    loss, reference = clip_loss(ours), image_text_contrastive_loss(theirs.T)
    agrees(loss, reference, "transformers.models.clip.image_text_contrastive_loss")
    loss.backward()
    reference.backward()
    assert_close(ours.grad, theirs.grad)


def test_loss_is_that_of_clip_model():
    model, given = clip_model(), inputs()
    ours = clip_loss(clip_logits(*features(model, given), model.logit_scale))
    assert_close(ours, model(**given, return_loss=True).loss)
    assert_close(model.logit_scale.item(), START, atol=1e-4, rtol=0)


def test_sigmoid_loss_and_gradients_are_those_of_siglip_model(agrees):
    model, given = siglip_model(), inputs()
    scale = model.logit_scale.detach().squeeze().requires_grad_()
    bias = model.logit_bias.detach().squeeze().requires_grad_()
    loss = siglip_loss(clip_logits(*features(model, given), scale, bias))
    theirs = model(**given, return_loss=True)
    agrees(loss, theirs.loss, "transformers.SiglipModel")
    loss.backward()
    theirs.loss.backward()
    assert_close(scale.grad, model.logit_scale.grad.squeeze())
    assert_close(bias.grad, model.logit_bias.grad.squeeze())


# Definitions


def test_loss_by_loops():
    logits = normal(4, 4)
    total = 0.0
    for i in range(4):
        by_image = math.log(sum(math.exp(logits[i, j]) for j in range(4)))
        by_text = math.log(sum(math.exp(logits[j, i]) for j in range(4)))
        total += (by_image + by_text - 2 * logits[i, i].item()) / 8
    assert clip_loss(logits).item() == pytest.approx(total)


def test_sigmoid_loss_by_loops():
    logits = normal(4, 4)
    total = 0.0
    for i in range(4):
        for j in range(4):
            z = 1 if i == j else -1
            total += math.log1p(math.exp(-z * logits[i, j])) / 4
    assert siglip_loss(logits).item() == pytest.approx(total)


def test_equal_logits_give_log_n():
    assert_close(clip_loss(torch.zeros(7, 7)).item(), math.log(7))


def test_sigmoid_loss_counts_each_pair_and_not_each_entry():
    logits = torch.full((8, 8), -10.0)  # the start of SigLIP, for cosines of 0
    assert siglip_loss(logits).item() == pytest.approx(10, abs=1e-2)


def test_lengths_of_features_do_not_matter():
    u, v = normal(3, 5), normal(4, 5, seed=1)
    long = clip_logits(1e6 * u, 1e-6 * v, SCALE)
    assert_close(long, clip_logits(u, v, SCALE))
    assert (long.abs() <= 5 + 1e-9).all()


def test_half_precision():
    u, v = normal(3, 5), normal(4, 5, seed=1)
    half = clip_logits(u.half(), v.half(), SCALE.half())
    assert half.dtype == torch.half
    assert_close(half.double(), clip_logits(u, v, SCALE), atol=0.02, rtol=0)


def test_sigmoid_loss_of_many_pairs_in_half_precision():
    logits = torch.zeros(512, 512)  # the sum of all entries is above the largest half
    half = siglip_loss(logits.half())
    assert_close(half.float(), siglip_loss(logits), atol=0.3, rtol=0)


def test_loss_does_not_depend_on_the_order_of_the_pairs():
    logits, order = normal(5, 5), torch.tensor([3, 0, 4, 1, 2])
    assert_close(clip_loss(logits[order][:, order]), clip_loss(logits))


def test_templates_are_normalized_before_and_after_the_mean():
    prompts = torch.tensor([[[10.0, 0.0], [0.0, 1.0]]])
    assert_close(class_embeddings(prompts), torch.full((1, 2), math.sqrt(0.5)))


def test_a_single_template_is_itself():
    prompts = normal(3, 1, 5)
    assert_close(class_embeddings(prompts), normalize(prompts[:, 0]))


def test_gap_of_opposite_and_of_equal_sets():
    u = torch.tensor([[2.0, 0.0], [0.5, 0.0]])
    assert_close(modality_gap(u, -3 * u).item(), 2.0)
    assert modality_gap(u, u) == 0


# Duplicates


def perfect(captions, kinds=9):
    """Logits of embeddings that are equal where captions are, else orthogonal."""
    embeds = torch.eye(kinds, dtype=torch.double)[captions]
    return clip_logits(embeds, embeds, torch.tensor(math.log(100.0)).double())


@pytest.mark.parametrize("captions", [[0, 1, 2, 3], [4, 4, 4], [0, 1, 0, 0, 2]])
def test_perfect_embeddings_reach_the_floor(captions):
    captions = torch.tensor(captions)
    assert_close(clip_loss(perfect(captions)).float(), loss_floor(captions))


def test_no_embeddings_are_below_the_floor():
    captions = torch.tensor([0, 1, 0, 0, 2, 1])
    floor = loss_floor(captions)
    for seed in range(20):
        u, v = normal(6, 5, seed=seed), normal(3, 5, seed=100 + seed)[captions]
        u = u + 3 * v  # near its text, but all images differ
        assert clip_loss(clip_logits(u, v, SCALE)) >= floor


def test_gradient_descent_on_the_logits_stops_at_the_floor():
    captions = torch.tensor([0, 1, 0, 0, 2])
    columns = torch.zeros(5, 3, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.Adam([columns], 0.1)
    for _ in range(400):
        loss = clip_loss(columns[:, captions])  # equal captions have equal columns
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    floor = loss_floor(captions).item()
    assert floor <= loss.item() < floor + 0.01


def test_expected_floor_is_the_mean_of_drawn_batches():
    random = torch.Generator().manual_seed(0)
    drawn = torch.randint(5, (2000, 12), generator=random)
    mean = torch.stack([loss_floor(row) for row in drawn]).mean()
    assert mean.item() == pytest.approx(expected_floor(12, 5), abs=0.02)
    assert expected_floor(1, 5) == 0
    assert expected_floor(9, 1) == pytest.approx(math.log(9))


def test_bound_stays_below_the_mutual_information():
    for pairs_, kinds in ((2, 3), (8, 3), (64, 3), (1000, 3), (16, 40)):
        assert math.log(pairs_) - expected_floor(pairs_, kinds) < math.log(kinds)


# Bad input


@pytest.mark.parametrize("loss", [clip_loss, siglip_loss])
def test_a_batch_of_one_or_none_is_refused(loss):
    with pytest.raises(ValueError, match="1 pairs"):
        loss(torch.zeros(1, 1))
    with pytest.raises(ValueError, match="0 pairs"):
        loss(torch.zeros(0, 0))


def test_zero_and_infinite_vectors_are_refused():
    with pytest.raises(ValueError, match="no direction"):
        normalize(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="no direction"):
        normalize(torch.tensor([[1.0, math.inf]]))


def test_opposite_prompts_have_no_mean():
    with pytest.raises(ValueError, match="no direction"):
        class_embeddings(torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]]))


def test_images_of_different_sizes_are_refused():
    images = [torch.zeros(3, 16, 16), torch.zeros(3, 16, 20)]
    with pytest.raises(ValueError, match=r"\(3, 16, 20\)"):
        stack_images(images)
    with pytest.raises(ValueError, match=r"sizes \[\]"):
        stack_images([])
    assert stack_images(images[:1]).shape == (1, 3, 16, 16)
    with pytest.raises(ValueError, match="8, 16"):
        pairs.ImageTower()(torch.zeros(2, 3, 8, 16))


def test_no_pairs_have_no_mean():
    with pytest.raises(ValueError, match="0 images and 2 texts"):
        modality_gap(torch.ones(0, 3), torch.ones(2, 3))
    with pytest.raises(ValueError, match="0 pairs"):
        loss_floor(torch.ones(0, dtype=torch.long))


def test_impossible_data_are_refused():
    with pytest.raises(ValueError, match="0 of 64"):
        pairs.draw_pairs(torch.zeros(64, dtype=torch.bool), 2, torch.Generator())
    with pytest.raises(ValueError, match="0 pairs"):
        expected_floor(0, 3)


# Towers


def test_words_name_the_label():
    labels = torch.tensor([[1, 0, 2]])
    vocabulary = [*shapes.SHAPES, *shapes.COLORS, *shapes.PLACES]
    named = [vocabulary[word] for word in pairs.words(labels)[0]]
    assert named == ["disk", "red", "lower left"]
    assert shapes.caption(labels[0]) == "red disk, lower left"


def test_hold_outs_are_quarters():
    scattered, linked = pairs.scattered(), pairs.linked()
    assert scattered.sum() == linked.sum() == 16
    for one, two in ((0, 1), (0, 2), (1, 2)):
        both = {(c[one].item(), c[two].item()) for c in pairs.KINDS[~scattered]}
        assert len(both) == 16  # each pair of words is trained
    both = {tuple(c[:2].tolist()) for c in pairs.KINDS[~linked]}
    assert len(both) == 12


def test_images_and_numbers_belong_together():
    drawn = pairs.draw_pairs(pairs.linked(), 40, torch.Generator().manual_seed(0))
    assert pairs.linked()[drawn.combo].all()
    place = pairs.KINDS[drawn.combo, 2]
    halves = drawn.images.clamp(min=0.5).sub(0.5).sum(1).unflatten(1, (2, 8))
    mass = halves.unflatten(3, (2, 8)).sum((2, 4)).flatten(1)
    assert_close(mass.argmax(1), place)


def test_training_caps_the_scale_and_lowers_the_loss():
    torch.manual_seed(0)
    towers, random = pairs.Towers(), torch.Generator().manual_seed(0)
    towers.logit_scale.data.fill_(6.0)
    losses = list(pairs.fit(towers, ~pairs.linked(), random, updates=25, batch=32))
    assert towers.logit_scale.item() <= LIMIT + 1e-6
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


class Read(torch.nn.Module):
    """A tower that counts the words, given the words or the number of a caption."""

    def forward(self, x):
        words = pairs.words(pairs.KINDS[x[:, 0, 0, 0].long()]) if x.ndim == 4 else x
        return torch.eye(12)[words].sum(dim=1)


def test_scores_of_towers_that_know_the_words():
    towers, combo = pairs.Towers(), torch.arange(64)
    towers.image, towers.text = Read(), Read()
    images = combo.float()[:, None, None, None]
    assert_close(caption_scores.nearest_captions(towers, images), combo)
    shape = pairs.KINDS[:, 0]
    assert_close(caption_scores.shape_accuracies(towers, images, shape), torch.ones(3))
    wrong = caption_scores.shape_accuracies(towers, images, (shape + 1) % 4)
    assert_close(wrong, torch.zeros(3))

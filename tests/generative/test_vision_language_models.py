"""Merging and loss against LLaVA of transformers, unshuffling against InternVL."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.nn.functional import pixel_unshuffle as pixel_unshuffle_of_torch
from torch.testing import assert_close
from transformers import (
    CLIPVisionConfig,
    GPT2Config,
    InternVLModel,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from snippets.generative import caption_encoder
from snippets.generative import captioned_shapes as task
from snippets.generative import captioner_models as models
from snippets.generative import captioner_training as training
from snippets.generative.image_batches import stack_images
from snippets.generative.image_placeholders import (
    Example,
    answer_labels,
    expand_placeholders,
    insert_images,
)
from snippets.generative.shapes import SHIFTS, caption
from snippets.generative.vision_language_models import (
    Projector,
    VisionLanguageModel,
    answer,
    answer_loss,
    logits_from_embeddings,
)
from snippets.generative.visual_tokens import (
    pixel_unshuffle,
    visual_tokens,
)
from snippets.transformers.gpt import GPT

IMAGE = 10


@pytest.fixture
def llava():
    """A small LLaVA whose language model is a GPT-2; images have 3 x 3 patches."""
    vision = CLIPVisionConfig(
        hidden_size=12,
        intermediate_size=20,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=12,
        patch_size=4,
    )
    text = GPT2Config(
        vocab_size=11,
        n_positions=40,
        n_embd=24,
        n_layer=2,
        n_head=3,
        bos_token_id=0,
        eos_token_id=None,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=IMAGE
    )
    return LlavaForConditionalGeneration(config).double().eval()


class PatchesOf(torch.nn.Module):
    """The features that LLaVA uses: next to last layer, without the class token."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, images):
        states = self.tower(images, output_hidden_states=True).hidden_states
        return states[-2][:, 1:].unflatten(1, (3, 3))


@pytest.fixture
def ours(llava, from_gpt2):
    """Our model with the weights of LLaVA."""
    gpt = GPT(vocab=11, n_positions=40, d_model=24, layers=2, heads=3).double()
    theirs = llava.model.language_model.state_dict()
    weights = from_gpt2({f"transformer.{k}": w for k, w in theirs.items()})
    gpt.load_state_dict(weights | {"lm_head.weight": weights["wte.weight"]})
    with torch.no_grad():
        llava.lm_head.weight.copy_(weights["wte.weight"])
    model = VisionLanguageModel(
        PatchesOf(llava.model.vision_tower), gpt, channels=12, factor=1, image_id=IMAGE
    ).double()
    model.projector.load_state_dict(llava.model.multi_modal_projector.state_dict())
    return model


def two_texts():
    """Two texts of equal length when expanded: two images in one, one in the other."""
    short = [[IMAGE, 3, IMAGE, 4, 5], [6, 7, 1, 2, 8, 9, IMAGE, 4, 3, 2, 6, 6, 1]]
    rows = []
    for ids in short:
        ids = torch.tensor(ids)
        answered = torch.arange(len(ids)) >= len(ids) - 2
        counts = [9] * (ids == IMAGE).sum()
        labels = answer_labels(ids, answered)
        rows.append(expand_placeholders(ids, labels, counts, IMAGE))
    return Example(*(torch.stack(part) for part in zip(*rows, strict=True)))


def images_of(count, side=12):
    random = torch.Generator().manual_seed(1)
    size = (count, 3, side, side)
    return torch.randn(size, generator=random, dtype=torch.double)


# Agreement


def test_logits_and_loss_are_those_of_llava(agrees, llava, ours):
    ids, labels = two_texts()
    theirs = llava(input_ids=ids, pixel_values=images_of(3), labels=labels)
    logits = ours(images_of(3), ids)
    name = "transformers.LlavaForConditionalGeneration"
    agrees(logits, theirs.logits, name)
    agrees(answer_loss(logits, labels), theirs.loss, name)


def test_projector_is_that_of_llava(agrees, llava):
    theirs = llava.model.multi_modal_projector
    ours = Projector(12, 24).double()
    ours.load_state_dict(theirs.state_dict())
    x = images_of(1).reshape(-1, 12)
    agrees(ours(x), theirs(x), "transformers.LlavaForConditionalGeneration")


def test_llava_refuses_what_we_refuse(llava, ours):
    ids, _ = two_texts()
    with pytest.raises(ValueError, match="do not match, tokens: 27"):
        llava(input_ids=ids, pixel_values=images_of(2))
    with pytest.raises(ValueError, match="27 placeholders, but 18 visual tokens"):
        ours(images_of(2), ids)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_unshuffling_is_that_of_internvl(agrees, factor):
    x = torch.randn(2, 8, 8, 12)
    theirs = InternVLModel.pixel_shuffle(None, x, 1 / factor)
    agrees(pixel_unshuffle(x, factor), theirs, "transformers.InternVLModel")


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_unshuffling_is_that_of_torch_with_channels_permuted(agrees, factor):
    x = torch.randn(2, 6, 12, 5)
    theirs = pixel_unshuffle_of_torch(x.movedim(-1, 1), factor).movedim(1, -1)
    ours = pixel_unshuffle(x, factor).unflatten(-1, (factor**2, 5))
    agrees(ours.transpose(-1, -2).flatten(-2), theirs, "torch.pixel_unshuffle")
    assert factor == 1 or not torch.equal(ours.flatten(-2), theirs)


def test_unshuffling_is_its_definition():
    x = torch.randn(4, 6, 5)
    found = pixel_unshuffle(x)
    for row in range(2):
        for column in range(3):
            square = [x[2 * row + i, 2 * column + j] for i in (0, 1) for j in (0, 1)]
            assert_close(found[row, column], torch.cat(square))


# Expansion and labels


def test_expansion_writes_each_image_as_often_as_it_has_tokens():
    ids = torch.tensor([IMAGE, 3, IMAGE, 4])
    found = expand_placeholders(ids, ids, [2, 3], IMAGE)
    assert found.ids.tolist() == [IMAGE, IMAGE, 3, IMAGE, IMAGE, IMAGE, 4]
    assert found.labels.tolist() == [-100, -100, 3, -100, -100, -100, 4]
    text = torch.tensor([3, 4])
    assert_close(expand_placeholders(text, text, [], IMAGE), Example(text, text))


def test_labels_are_shifted_after_the_expansion():
    """The first word of the answer is predicted from the last word of the prompt."""
    ids, labels = two_texts()
    logits = torch.randn(*ids.shape, 11, dtype=torch.double)
    terms = [
        -logits[row, t - 1].log_softmax(-1)[ids[row, t]]
        for row, t in labels.ne(-100).nonzero().tolist()
    ]
    assert len(terms) == 4
    assert_close(answer_loss(logits, labels), torch.stack(terms).mean())


def test_loss_does_not_depend_on_the_prompt_or_the_image_positions(ours):
    ids, labels = two_texts()
    logits = ours(images_of(3), ids).detach().requires_grad_()
    answer_loss(logits, labels).backward()
    used = logits.grad.abs().sum(-1) > 0
    assert used.tolist() == torch.roll(labels != -100, -1, dims=1).tolist()
    other = torch.where(labels == -100, (ids + 1) % 11, ids)
    again = answer_labels(other, labels != -100)
    assert_close(answer_loss(logits, again), answer_loss(logits, labels))


def test_images_are_inserted_in_order():
    ids = torch.tensor([[IMAGE, 1, IMAGE], [2, IMAGE, 3]])
    visual = torch.tensor([[1.0], [2.0], [3.0]])
    found = insert_images(torch.zeros(2, 3, 1), ids, visual, IMAGE)
    assert found[..., 0].tolist() == [[1, 0, 2], [0, 3, 0]]


def test_insertion_keeps_the_type_and_passes_gradients():
    ids = torch.tensor([[IMAGE, 1]])
    visual = torch.ones(1, 4, requires_grad=True)
    found = insert_images(torch.zeros(1, 2, 4).bfloat16(), ids, visual, IMAGE)
    assert found.dtype == torch.bfloat16
    found.float().sum().backward()
    assert_close(visual.grad, torch.ones(1, 4))


def test_a_later_image_does_not_change_earlier_logits(ours):
    ids, _ = two_texts()
    images = images_of(3)
    changed = images.clone()
    changed[1] += 1  # the second image of the first text, from position 10
    first, second = ours(images, ids), ours(changed, ids)
    assert_close(first[0, :10], second[0, :10])
    assert_close(first[1], second[1])
    assert not torch.allclose(first[0, 10:], second[0, 10:])


def test_loss_in_half_precision():
    ids, labels = two_texts()
    logits = 200 * torch.randn(*ids.shape, 11)
    found = answer_loss(logits.half(), labels)
    assert found.dtype == torch.float32
    assert_close(found, answer_loss(logits, labels), rtol=1e-2, atol=0)


# Token budgets


def test_published_budgets():
    assert visual_tokens(336, 336, 14) == LlavaConfig().image_seq_length == 576
    assert visual_tokens(448, 448, 14) == 1024
    assert visual_tokens(448, 448, 14, factor=2) == 256
    assert visual_tokens(28, 56, 14) == 8


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        ((337, 336, 14), "337 x 336 pixels"),
        ((336, 336, 0), "patch_size=0"),
        ((42, 28, 14, 2), "3 x 2 patches, but factor=2"),
        ((28, 28, 14, 0), "factor=0"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, named):
    with pytest.raises(ValueError, match=named):
        visual_tokens(*sizes)


def test_bad_input_is_refused():
    ids = torch.tensor([IMAGE, 3])
    with pytest.raises(ValueError, match="1 placeholders, but 2 images"):
        expand_placeholders(ids, ids, [2, 2], IMAGE)
    with pytest.raises(ValueError, match="1 placeholders, but 0 images"):
        expand_placeholders(ids, ids, [], IMAGE)
    with pytest.raises(ValueError, match=r"without visual tokens among \[0\]"):
        expand_placeholders(ids, ids, [0], IMAGE)
    with pytest.raises(ValueError, match="none of 2 tokens"):
        answer_loss(torch.zeros(1, 3, 5), torch.tensor([[4, -100, -100]]))
    with pytest.raises(ValueError, match="3 x 4 patches"):
        pixel_unshuffle(torch.zeros(3, 4, 5))
    with pytest.raises(ValueError, match=r"\(3, 12, 12\), \(3, 16, 12\)"):
        stack_images([torch.zeros(3, 16, 12), torch.zeros(3, 12, 12)])
    with pytest.raises(ValueError, match="images of 0 sizes"):
        stack_images([])
    with pytest.raises(ValueError, match="widths 4 and 3"):
        insert_images(torch.zeros(1, 2, 3), ids[None], torch.zeros(1, 4), IMAGE)
    gpt = GPT(vocab=5, n_positions=3, d_model=4, layers=1, heads=1)
    with pytest.raises(ValueError, match="4 tokens with those of the images"):
        logits_from_embeddings(gpt, torch.zeros(1, 4, 4))


def test_images_of_one_size_are_stacked():
    assert stack_images([torch.zeros(3, 4, 5)] * 2).shape == (2, 3, 4, 5)


# The small captioners


def test_texts_are_the_captions():
    for kind, text, hints in zip(task.KINDS, task.TEXTS, task.HINTS, strict=True):
        words = " ".join(task.WORDS[i] for i in text)
        expected = caption(kind).replace(",", " ,")
        assert words == f"describe : {expected} <end>"
        assert set(hints.tolist()) < set(text.tolist())
    assert len(task.HINTS.unique(dim=0)) == 64
    assert len(set(task.WORDS)) == len(task.WORDS)
    random = torch.Generator().manual_seed(0)
    drawn = task.draw_hints(torch.arange(64), random)
    assert_close(drawn.sort(-1).values, task.HINTS.sort(-1).values)


def test_parts_share_no_image():
    parts = []
    for part in task.PARTS:
        images, kind = task.draw_images(part, torch.Generator().manual_seed(0))
        clean = images.round()  # the noise is far below one half
        parts.append({tuple(x.flatten().tolist()) for x in clean})
        assert len(kind) == len(parts[-1])
    assert sum(map(len, parts)) == len(set().union(*parts)) == 64 * SHIFTS**2


@pytest.fixture
def trained():
    """Two captioners after a few updates of everything."""
    torch.manual_seed(0)
    encoders = [caption_encoder.Encoder() for _ in range(2)]
    captioners = models.untrained(range(2))
    pool = caption_encoder.make_pool(encoders, "train", seed=0)
    return encoders, captioners, pool


def copies(captioners):
    return [{k: w.clone() for k, w in part.items()} for part in captioners]


def test_stages_train_what_they_should(trained):
    _, captioners, pool = trained
    for train_lm in (False, True):
        old = copies(captioners)
        list(training.learn_captions(captioners, pool, 2, 1e-3, train_lm=train_lm))
        for number, part in enumerate(captioners):
            moved = {k for k in part if not torch.equal(part[k], old[number][k])}
            assert moved == (set(part) if number == 0 or train_lm else set())


def test_only_related_hints_tell_the_caption(trained):
    """Without them, three random choices among four remain in six tokens."""
    _, captioners, _ = trained
    ends = []
    for related in (True, False):
        lm = copies(captioners)[1]
        ends.append(torch.stack([*training.learn_text(lm, related, 80)])[-10:].mean())
        assert all((lm[k] != w).any() for k, w in captioners.lm.items())
    assert ends[0] < 0.3
    assert ends[1] > 0.68


def test_stacked_training_is_the_model_of_the_page(trained):
    encoders, captioners, pool = trained
    list(training.learn_text(captioners.lm, True, 3))
    images, kind = task.draw_images("train", torch.Generator().manual_seed(1), 4)
    model = models.assemble(encoders[1], captioners, 1)
    chosen = torch.tensor([0, 7, 500])
    text = task.TEXTS[kind[chosen]]
    ids = torch.cat([torch.full((3, task.VISUAL), task.IMAGE), text], 1)
    answered = torch.arange(12) >= task.VISUAL + task.PROMPT
    labels = answer_labels(ids, answered.expand(3, -1))
    loss = answer_loss(model(images[chosen], ids), labels)
    visual = models.project(captioners.projector, pool.features[:, chosen])
    found = models.caption_loss(captioners.lm, visual, text.expand(2, -1, -1))
    assert_close(found[1], loss.detach())
    written = answer(model, images[chosen], ids[:, :6], 6)
    right = (written == text[:, 2:]).all(1)
    few = pool._replace(features=pool.features[:, chosen], kind=kind[chosen])
    assert_close(models.exact(captioners, few)[1], right.float().mean())


def test_exact_counts_whole_captions(trained):
    """A caption that was learned by heart is right for no other kind."""
    _, captioners, pool = trained
    few = pool._replace(features=pool.features[:, :2], kind=pool.kind[[0, 0]])
    list(training.learn_captions(captioners, few, 40, 0.02, train_lm=True))
    assert_close(models.exact(captioners, few), torch.ones(2))
    other = (few.kind[0] + 1) % 64  # another place
    half = few._replace(kind=torch.stack([few.kind[0], other]))
    assert_close(models.exact(captioners, half), torch.full((2,), 0.5))


def test_encoders_learn_and_are_deterministic():
    first, again = (caption_encoder.train_encoders(1, 30)[0] for _ in range(2))
    assert_close(first.state_dict(), again.state_dict(), atol=0, rtol=0)


def test_name_loss_is_the_mean_of_three_questions():
    logits, answers = torch.randn(2, 5, 12), torch.randint(4, (2, 5, 3))
    parts = [
        cross_entropy(logits[..., 4 * i : 4 * i + 4].flatten(0, 1), a.flatten())
        for i, a in enumerate(answers.unbind(-1))
    ]
    assert_close(caption_encoder.name_loss(logits, answers), torch.stack(parts).mean())

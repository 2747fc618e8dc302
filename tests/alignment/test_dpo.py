"""Losses against trainers of TRL, log-probabilities against transformers."""

import warnings

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.testing import assert_close
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from snippets.alignment import bilinear_policy
from snippets.alignment.answer_logps import completion_logps, log_ratios
from snippets.alignment.dpo import (
    dpo_loss,
    ipo_loss,
    kto_loss,
    kto_reference,
    margins,
)
from snippets.alignment.preference_table import draw_comparisons, fit_dpo
from snippets.alignment.reward_models import fit_scores
from snippets.training.pretraining import IGNORED

# transformers warns of a name that TRL uses
OLD_NAME = "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
PAIRS = [
    {"prompt": "a b", "chosen": " c d", "rejected": " e f g h"},
    {"prompt": "b", "chosen": " h a c", "rejected": " i"},
    {"prompt": "c c c", "chosen": " j", "rejected": " d e"},
]
SINGLE = [
    {"prompt": "a b", "completion": " c d", "label": True},
    {"prompt": "b", "completion": " i", "label": False},
    {"prompt": "c c c", "completion": " j a a", "label": True},
]
NUMBERS = st.floats(-20, 20)
WRONG = (ValueError, jaxtyping.TypeCheckError)


@pytest.fixture
def trainer(tmp_path):
    """Makes a trainer of TRL on the given data, with an untrained policy."""

    def trainer(kind, data, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import trl
            from datasets import Dataset

            words = ["<pad>", "<eos>", "<unk>", *"abcdefghij"]
            ids = {word: n for n, word in enumerate(words)}
            tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
            tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
            ends = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
            fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **ends)
            fast.add_tokens(["<eos>"], special_tokens=True)
            torch.manual_seed(0)
            sizes = {"n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 32}
            special = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
            config = GPT2Config(
                vocab_size=13, initializer_range=0.5, **sizes, **special
            )
            policy, reference = GPT2LMHeadModel(config), GPT2LMHeadModel(config)
            settings = getattr(trl, f"{kind}Config")(
                output_dir=str(tmp_path),
                per_device_train_batch_size=3,
                report_to=[],
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                disable_tqdm=True,
                **options,
            )
            return getattr(trl, f"{kind}Trainer")(
                model=policy,
                ref_model=reference,
                args=settings,
                train_dataset=Dataset.from_list(data),
                processing_class=fast,
            )

    return trainer


def ratios_of(trainer, batch, prefix=""):
    """Our log ratios, and numbers of labels, from the batch of a trainer of TRL."""
    ids, mask = batch[f"{prefix}input_ids"], batch[f"{prefix}completion_mask"]
    labels = ids.masked_fill(mask == 0, IGNORED)
    attend = {"attention_mask": batch[f"{prefix}attention_mask"]}
    policy, reference = trainer.model.eval(), trainer.ref_model.eval()
    logits = policy(ids, **attend).logits
    return log_ratios(logits, reference(ids, **attend).logits, labels), mask.sum(dim=-1)


@pytest.mark.filterwarnings(OLD_NAME)
@pytest.mark.parametrize(
    ("loss_type", "beta"), [("sigmoid", 0.1), ("sigmoid", 0.7), ("ipo", 0.3)]
)
def test_pair_losses_and_gradients_are_those_of_trl(agrees, trainer, loss_type, beta):
    theirs = trainer("DPO", PAIRS, loss_type=[loss_type], beta=beta)
    batch = next(iter(theirs.get_train_dataloader()))
    assert (batch["completion_mask"] == 0).any()  # there is padding
    weight = theirs.model.transformer.wte.weight
    expected = theirs.compute_loss(theirs.model, batch)
    (their_grad,) = torch.autograd.grad(expected, weight)
    ratios, tokens = ratios_of(theirs, batch)
    if loss_type == "ipo":
        found = ipo_loss(*(ratios / tokens).chunk(2), tau=beta).mean()
    else:
        found = dpo_loss(*ratios.chunk(2), beta).mean()
    (grad,) = torch.autograd.grad(found, weight)
    agrees(found.detach(), expected.detach(), "trl.DPOTrainer")
    agrees(grad, their_grad, "trl.DPOTrainer")


@pytest.mark.filterwarnings(OLD_NAME)
@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.5, 0.5)])
def test_kto_is_that_of_trl(agrees, trainer, weights):
    options = {"desirable_weight": weights[0], "undesirable_weight": weights[1]}
    theirs = trainer("KTO", SINGLE, beta=0.4, **options)
    batch = next(iter(theirs.get_train_dataloader()))
    ratios, _ = ratios_of(theirs, batch)
    others, _ = ratios_of(theirs, batch, "KL_")
    assert not torch.equal(ratios, others)
    weight = theirs.model.transformer.wte.weight
    for sign in (1, -1):  # one of both has a mean below 0
        kl = kto_reference(sign * others)
        if sign == 1:
            found = kto_loss(ratios, batch["label"], kl, 0.4, *weights).mean()
            (grad,) = torch.autograd.grad(found, weight, retain_graph=True)
            expected = theirs.compute_loss(theirs.model, batch)
            (their_grad,) = torch.autograd.grad(expected, weight)
            agrees(found.detach(), expected.detach(), "trl.KTOTrainer")
            agrees(grad, their_grad, "trl.KTOTrainer")
        assert kl == max(0, sign * others.mean())
        assert not kl.requires_grad


def test_log_probabilities_are_those_of_transformers(agrees, gpt2):
    theirs = gpt2()
    ids = torch.tensor([[1, 4, 2, 7, 3, 0, 5, 9]])
    labels = ids.masked_fill(torch.arange(8) < 3, IGNORED)
    with torch.no_grad():
        out = theirs(ids, labels=labels)
        found = completion_logps(out.logits, labels)
    agrees(found, -5 * out.loss[None], "transformers.GPT2LMHeadModel")


def test_log_probability_is_a_sum_over_the_answer():
    logits = torch.randn(2, 5, 7, dtype=torch.float64)
    labels = torch.tensor(
        [[IGNORED, IGNORED, 3, 6, 0], [IGNORED, 1, 2, IGNORED, IGNORED]]
    )
    logp = logits.log_softmax(-1)
    expected = torch.stack(
        [logp[0, 1, 3] + logp[0, 2, 6] + logp[0, 3, 0], logp[1, 0, 1] + logp[1, 1, 2]]
    )
    assert_close(completion_logps(logits, labels), expected)
    logits[1, 2:] = torch.nan  # what stands at padding does not matter
    logits[:, -1] = torch.nan
    assert_close(completion_logps(logits, labels), expected)


def test_log_probabilities_of_half_precision_are_summed_in_single():
    logits = torch.randn(1, 2000, 5).to(torch.bfloat16)
    labels = torch.randint(5, (1, 2000))
    labels[0, 0] = IGNORED
    found = completion_logps(logits, labels)
    assert found.dtype == torch.float32
    assert_close(found, completion_logps(logits.double(), labels).float())


def test_reference_has_no_gradient():
    policy, reference = torch.randn(2, 2, 3, 5, requires_grad=True).unbind()
    labels = torch.tensor([[IGNORED, 1, 2], [IGNORED, IGNORED, 3]])
    policy.retain_grad()
    reference.retain_grad()
    log_ratios(policy, reference, labels).sum().backward()
    assert reference.grad is None
    assert policy.grad.abs().sum() > 0


def test_bad_batches_are_refused():
    logits = torch.zeros(2, 3, 5)
    labels = torch.tensor([[IGNORED, 1, 2], [IGNORED, IGNORED, 3]])
    with pytest.raises(ValueError, match=r"\(2, 3, 5\) and \(2, 3, 6\)"):
        log_ratios(logits, torch.zeros(2, 3, 6), labels)
    with pytest.raises(ValueError, match=r"each row: \[2, 0\]"):
        completion_logps(logits, labels.masked_fill(labels == 3, IGNORED))
    with pytest.raises(ValueError, match="first token is a label"):
        completion_logps(logits, labels.where(labels != IGNORED, 0))
    with pytest.raises(ValueError, match=r"\(0, 3, 5\) and labels of \(0, 3\)"):
        completion_logps(logits[:0], labels[:0])
    for other in (torch.zeros(2, 6, 5), torch.zeros(3, 3, 5)):
        with pytest.raises(WRONG):  # gather would take a corner
            completion_logps(other, labels)
    impossible = logits.clone()
    impossible[1, 1, 3] = -torch.inf
    for pair in ((logits, impossible), (impossible, logits), (impossible, impossible)):
        with pytest.raises(ValueError, match="must be finite"):
            log_ratios(*pair, labels)


@pytest.mark.parametrize("bad", [0.0, -0.1, float("nan"), float("inf")])
def test_coefficients_that_are_not_positive_are_refused(bad):
    one = torch.ones(1)
    with pytest.raises(ValueError, match=f"beta must be positive .* got {bad}"):
        dpo_loss(one, one, bad)
    with pytest.raises(ValueError, match=f"tau must be positive .* got {bad}"):
        ipo_loss(one, one, bad)
    with pytest.raises(ValueError, match=f"beta must be positive .* got {bad}"):
        kto_loss(one, one > 0, one[0], bad)
    with pytest.raises(ValueError, match=f"undesirable_weight .* got {bad}"):
        kto_loss(one, one > 0, one[0], 0.1, 1.0, bad)


@pytest.mark.parametrize("count", [0, 1])
def test_reference_point_needs_answers_to_other_prompts(count):
    with pytest.raises(
        ValueError, match=f"two answers or more are needed, got {count}"
    ):
        kto_reference(torch.ones(count))


@settings(deadline=None, derandomize=True)
@given(chosen=NUMBERS, rejected=NUMBERS, beta=st.floats(0.01, 3))
def test_weights_of_the_gradient(chosen, rejected, beta):
    pair = torch.tensor([chosen, rejected], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(dpo_loss(*pair, beta), pair)
    weight = beta * torch.sigmoid(beta * (pair[1] - pair[0])).detach()
    assert_close(grad, torch.stack([-weight, weight]))
    (grad,) = torch.autograd.grad(ipo_loss(*pair, beta), pair)
    assert_close(grad.sum(), torch.zeros_like(grad[0]))
    good = torch.tensor([True, False])
    kl = torch.tensor(0.5, dtype=torch.float64)
    (grad,) = torch.autograd.grad(kto_loss(pair, good, kl, beta).sum(), pair)
    s = torch.sigmoid(beta * (pair.detach() - kl))
    assert_close(grad, beta * s * (1 - s) * torch.tensor([-1.0, 1.0]).double())


def test_large_margins_do_not_overflow():
    far = torch.tensor([1e4, -1e4])
    assert_close(dpo_loss(far, -far, 1.0), torch.tensor([0.0, 2e4]))
    good = torch.tensor([True, True])
    assert_close(kto_loss(far, good, far[0] * 0, 1.0), torch.tensor([0.0, 1.0]))
    half = dpo_loss(far.half(), -far.half(), 1.0)
    assert_close(half, torch.tensor([0.0, 2e4]))
    half = ipo_loss(torch.tensor([300.0]).half(), torch.tensor([-300.0]).half(), 0.5)
    assert_close(half, torch.tensor([599.0**2]))


def test_pairs_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\) chosen and \(3, 1\) rejected"):
        margins(torch.zeros(3), torch.zeros(3, 1))


def test_a_tie_costs_ln_2_and_pulls_apart():
    pair = torch.zeros(2, 3, requires_grad=True)
    losses = dpo_loss(*pair, 0.1)
    assert_close(losses, torch.full((3,), 2.0).log())
    losses.sum().backward()
    assert (pair.grad[0] < 0).all()
    assert (pair.grad[1] > 0).all()


@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
def test_optimal_margins_for_a_share_of_wins(share):
    margin = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(2, dtype=torch.float64)

    def risk(loss, value):
        wins, losses = loss(margin, zero, value), loss(zero, margin, value)
        return (share * wins + (1 - share) * losses).sum()

    with torch.no_grad():
        margin.copy_(torch.tensor(share).double().logit() / 0.3)
    (grad,) = torch.autograd.grad(risk(dpo_loss, 0.3), margin)
    assert_close(grad, zero, atol=1e-7, rtol=0)
    with torch.no_grad():
        margin.fill_((2 * share - 1) / (2 * 0.3))
    (grad,) = torch.autograd.grad(risk(ipo_loss, 0.3), margin)
    assert_close(grad, zero)


def test_on_a_table_dpo_is_the_bradley_terry_fit():
    generator = torch.Generator().manual_seed(0)
    reward, logits = torch.randn(2, 5, generator=generator, dtype=torch.float64)
    ref_logp = logits.log_softmax(dim=-1)
    counts = draw_comparisons(reward, ref_logp, 400, generator)
    implicit = 0.4 * (fit_dpo(counts, ref_logp, beta=0.4) - ref_logp)
    found = implicit - implicit.mean()
    assert_close(found, fit_scores(counts), atol=1e-6, rtol=0)
    other = 2.0 * fit_dpo(counts, torch.zeros(5).double().log_softmax(-1), beta=2.0)
    assert_close(other - other.mean(), found, atol=1e-6, rtol=0)


def test_comparisons_follow_reward_and_reference():
    generator = torch.Generator().manual_seed(0)
    reward = torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64)
    ref_logp = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    counts = draw_comparisons(reward, ref_logp, 200_000, generator)
    assert (counts.diagonal() == 0).all()
    both = counts + counts.T
    chance = ref_logp.exp()
    assert_close(both[0, 1] / 200_000, 2 * chance[0] * chance[1], atol=0.005, rtol=0)
    expected = torch.sigmoid(reward[:, None] - reward).fill_diagonal_(0)
    assert_close((counts / both).nan_to_num(), expected, atol=0.01, rtol=0)


def test_a_table_without_a_best_policy_is_refused():
    never = torch.tensor([[0.0, 3.0], [0.0, 0.0]]).double()
    both = torch.tensor([[0.0, 2.0], [1.0, 0.0]]).double()
    apart = torch.block_diag(both, both)  # each answer wins and loses
    above = apart + torch.tensor([[0.0, 1.0], [0.0, 0.0]]).kron(torch.ones(2, 2))
    for counts, start, end in ((never, 1, 0), (apart, 0, 2), (above, 2, 0)):
        ref_logp = torch.zeros(len(counts), dtype=torch.float64).log_softmax(-1)
        with pytest.raises(ValueError, match=f"from item {start} to item {end}"):
            fit_dpo(counts, ref_logp, 0.1)


# The bilinear policy


def test_features_are_unit_vectors_with_the_cosines():
    cosine = torch.tensor([-0.5, 0.0, 0.9])
    generator = torch.Generator().manual_seed(0)
    data = bilinear_policy.draw_features(cosine, 4, 7, 5, generator)
    assert data.prompts.shape == (3, 4, 5)
    assert data.answers.shape == (3, 15, 5)
    for vectors in data:
        assert_close(vectors.norm(dim=-1), torch.ones_like(vectors[..., 0]))
    first, second = data.answers[:, :8:2], data.answers[:, 1:8:2]
    expected = cosine.double()[:, None].expand(3, 4)
    assert_close((first * second).sum(dim=-1), expected)
    with pytest.raises(ValueError, match="between -1 and 1"):
        bilinear_policy.draw_features(torch.ones(2), 4, 7, 5, generator)


def test_runs_do_not_mix_and_a_step_has_the_length_that_the_page_gives():
    cosine = torch.tensor([0.2, 0.8])
    generator = torch.Generator().manual_seed(0)
    data = bilinear_policy.draw_features(cosine, 1, 6, 5, generator)
    reference = torch.randn(2, 5, 5, generator=generator, dtype=torch.float64)
    rates = torch.tensor([3.0, 2.0]).double()
    path = bilinear_policy.train(data, reference, rates, beta=0.5, updates=20)
    both = path.chosen - path.rejected
    one = bilinear_policy.Features(data.prompts[1:], data.answers[1:])
    alone = bilinear_policy.train(one, reference[1:], rates[1:], beta=0.5, updates=20)
    assert_close(path.weight[1:], alone.weight)
    assert_close(path.chosen[:, 1:], alone.chosen)
    assert (both.diff(dim=0) > 0).all()
    step = (both[-1] / (2 * (1 - cosine.double())))[:, None, None]
    pair = data.answers[:, 0] - data.answers[:, 1]
    expected = step * data.prompts.mT * pair[:, None]
    assert_close(path.weight - reference, expected, rtol=1e-5, atol=1e-6)


def test_pair_ratios_belong_to_their_prompts():
    logp = torch.arange(14.0).view(2, 7)
    found = bilinear_policy.pair_ratios(logp, torch.zeros(2, 7))
    assert_close(found, torch.tensor([[0.0, 9.0], [1.0, 10.0]]))


def test_likelihood_of_the_chosen_answer_is_added_to_the_loss():
    generator = torch.Generator().manual_seed(0)
    data = bilinear_policy.draw_features(torch.tensor([0.9]), 2, 6, 5, generator)
    reference = torch.zeros(1, 5, 5, dtype=torch.float64)
    weight = reference.clone().requires_grad_()
    logp = bilinear_policy.log_policy(weight, data)
    ratios = bilinear_policy.pair_ratios(logp, logp.detach())
    loss = dpo_loss(*ratios, 0.5).mean() - 2 * (logp[0, 0, 0] + logp[0, 1, 2]) / 2
    (grad,) = torch.autograd.grad(loss, weight)
    path = bilinear_policy.train(
        data, reference, torch.ones(1).double(), beta=0.5, updates=1, likelihood=2.0
    )
    assert_close(path.weight, -grad)

"""The digit policy: what is drawn has the probabilities that are computed."""

import pytest
import torch

from snippets.alignment.digit_policy import (
    LARGEST,
    STOP,
    DigitPolicy,
    digit_reward,
    until_stop,
)


@pytest.fixture
def policy():
    torch.manual_seed(0)
    return DigitPolicy(12).double()


def test_drawn_and_computed_log_probabilities_agree(policy):
    prompts = torch.arange(1, LARGEST + 1)
    answers = policy.sample(prompts)
    again = policy.log_probs(prompts, answers.tokens)
    torch.testing.assert_close(again, answers.log_probs)


def test_log_probabilities_are_those_of_a_gru_cell_stepped_by_hand(policy):
    gru, tokens = policy.recurrent, torch.tensor([4, 1, STOP])
    cell = torch.nn.GRUCell(12, 12).double()
    cell.load_state_dict({n.removesuffix("_l0"): w for n, w in gru.named_parameters()})
    state, last, expected = policy.prompt.weight[5], torch.tensor(11), []
    for token in tokens:
        state = cell(policy.token(last), state)
        expected.append(policy.logits(state).log_softmax(-1)[token])
        last = token
    got = policy.log_probs(torch.tensor([5]), tokens[None])[0]
    torch.testing.assert_close(got, torch.stack(expected))


def test_answers_are_drawn_in_proportion_to_their_probabilities(policy):
    draws = 4000
    prompts = torch.full((draws,), 9)
    first = policy.sample(prompts, 1).tokens[:, 0].bincount(minlength=11) / draws
    expected = policy(prompts[:1], torch.zeros(1, 1, dtype=torch.long))[0, 0].exp()
    error = (expected * (1 - expected) / draws).sqrt()
    assert ((first - expected).abs() < 4.5 * error).all()


def test_a_low_temperature_draws_the_likeliest_token(policy):
    prompts = torch.arange(1, LARGEST + 1)
    drawn = policy.sample(prompts, 1, temperature=1e-4).tokens[:, 0]
    scores = policy(prompts, torch.zeros(LARGEST, 1, dtype=torch.long))
    torch.testing.assert_close(drawn, scores[:, 0].argmax(-1))


@pytest.mark.parametrize(
    ("tokens", "reward"),
    [
        ([7, STOP, 0], 1),
        ([3, 4, STOP], 1),
        ([0, 7, STOP], 1),
        ([3, 3, STOP], 0),
        ([3, 4, 0], 0),  # does not stop
        ([7, STOP, 5], 1),  # what follows does not count
        ([STOP, 7, STOP], 0),
    ],
)
def test_an_answer_is_right_if_it_stops_and_adds_up(tokens, reward):
    assert digit_reward(torch.tensor([7]), torch.tensor([tokens])).item() == reward


def test_the_mask_ends_with_the_first_stop():
    tokens = torch.tensor([[STOP, STOP, 1], [1, STOP, STOP], [1, 2, 3]])
    assert until_stop(tokens).sum(1).tolist() == [1, 2, 3]


@pytest.mark.parametrize("prompt", [0, LARGEST + 1])
def test_a_prompt_out_of_range_is_named(policy, prompt):
    with pytest.raises(ValueError, match=f"prompt {prompt} is not from 1 to 19"):
        policy.sample(torch.tensor([3, prompt]))
    with pytest.raises(ValueError, match=f"prompt {prompt} is not from 1 to 19"):
        digit_reward(torch.tensor([prompt]), torch.tensor([[STOP]]))


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(policy, temperature):
    with pytest.raises(ValueError, match="is not positive"):
        policy.sample(torch.tensor([3]), temperature=temperature)

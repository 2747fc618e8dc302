"""Fixtures for tests against TRL. Imports nothing of ``snippets``: jaxtyping hooks."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import pytest


class Step(NamedTuple):
    """One call of TRL's ``compute_loss``: our loss and its own, with gradients."""

    ours: object
    theirs: object
    our_gradient: object
    their_gradient: object
    ratio: object  # of all tokens that the policy chose
    rows: list  # prompt, number of tokens, and advantage of each answer


@pytest.fixture(scope="session")
def trl_steps(tmp_path_factory) -> Callable[..., list[Step]]:
    """Runs TRL's ``GRPOTrainer`` for four steps, two on each batch.

    The model is a small GPT-2 with random weights; an answer has at most five tokens,
    and its length is its reward. ``trl_steps(loss, **arguments)`` computes ``loss`` on
    what TRL sees, as ``loss(log_probs, old_log_probs, advantages, mask)``, with
    ``ref_log_probs`` by name if there is a reference. ``advantages(mask)``, if given,
    replaces TRL's advantages.
    """
    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    folder = tmp_path_factory.mktemp("grpo")
    words = ["<pad>", "<eos>", *"abcdefghi"]
    vocab = {word: i for i, word in enumerate(words)}
    plain = Tokenizer(models.WordLevel(vocab, unk_token="<pad>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"pad_token": "<pad>", "eos_token": "<eos>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, **special)
    sizes = {"vocab_size": 11, "n_positions": 8, "n_embd": 24, "n_layer": 2}
    quiet = {"resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
    ends = {"bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = GPT2Config(n_head=3, **sizes, **quiet, **ends)
        GPT2LMHeadModel(config).save_pretrained(folder / "start")  # the reference

    def run(loss, advantages=None, **arguments):
        found = []

        class Recorder(GRPOTrainer):
            def compute_loss(self, model, inputs, **options):
                mask = inputs["completion_mask"].bool()
                if advantages is not None:
                    inputs = inputs | {"advantages": advantages(mask)}
                theirs = super().compute_loss(model, inputs, **options)
                ids = torch.cat((inputs["prompt_ids"], inputs["completion_ids"]), 1)
                seen = torch.cat((inputs["prompt_mask"], inputs["completion_mask"]), 1)
                logits = model(ids, attention_mask=seen).logits[:, :-1]
                logp = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
                logp = logp[:, -mask.shape[1] :]
                old, ref = (
                    inputs["old_per_token_logps"],
                    inputs.get("ref_per_token_logps"),
                )
                extra = {} if ref is None else {"ref_log_probs": ref}
                ours = loss(logp, old, inputs["advantages"], mask, **extra)
                weights = list(model.parameters())
                grads = [torch.autograd.grad(x, weights, retain_graph=True)
                         for x in (ours, theirs)]  # fmt: skip
                flat = [torch.cat([g.flatten() for g in grad]) for grad in grads]
                ratio = (logp - old).exp()[mask].detach()
                losses = ours.detach(), theirs.detach()
                rows = zip(inputs["prompt_ids"].tolist(), mask.sum(1).tolist(),
                           inputs["advantages"].tolist(), strict=True)  # fmt: skip
                found.append(Step(*losses, *flat, ratio, list(rows)))
                return theirs

        def length(completion_ids, **_):
            return [float(len(ids)) for ids in completion_ids]

        data = Dataset.from_list([{"prompt": "a b"}, {"prompt": "c"}])
        with warnings.catch_warnings():  # TRL calls names that transformers will drop
            warnings.simplefilter("ignore", FutureWarning)
            config = GRPOConfig(
                str(folder / "out"),
                report_to=[],
                use_cpu=True,
                bf16=False,
                seed=1,
                disable_tqdm=True,
                save_strategy="no",
                max_steps=4,
                learning_rate=1e-2,
                per_device_train_batch_size=12,
                num_generations=6,
                max_completion_length=5,
                num_iterations=2,
                **arguments,
            )
            trainer = Recorder(
                str(folder / "start"), length, config, data, processing_class=tokenizer
            )
            trainer.train()
        return found

    return run

"""Ten lines or less from each module of :mod:`snippets.recommenders.course_map`.

Each function runs code of the page that its module leads to, and says what came out.
"""

import numpy as np
import torch
from scipy.sparse import csr_array

from snippets.foundations.resource_accounting import Decoder, forward_flops
from snippets.recommenders.encode_and_generate import beam_search, prefix_tree
from snippets.recommenders.generative_advertising import posterior, thompson
from snippets.recommenders.implicit_feedback import implicit_fold_in
from snippets.recommenders.llm_offline_augmentation import Prompt, annotate
from snippets.recommenders.llm_recommenders import borda
from snippets.recommenders.ranked_lists import recall_at_k
from snippets.recommenders.recommender_systems import item_knn
from snippets.recommenders.semantic_ids import residual_quantize
from snippets.recommenders.toy_codes import CODES, NAMES, step


def evaluation() -> str:
    relevant = np.array([[True, True, False, False]])
    found = recall_at_k(np.array([[2, 0]]), relevant)
    return f"recall at 2 of a list with one of two liked items: {found}"


def embeddings() -> str:
    items = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    liked = csr_array(np.array([[5.0, 0.0, 0.0]]))  # a new user likes item 0
    scores = (implicit_fold_in(liked, items, penalty=0.1) @ items.T)[0]
    return f"a user who likes item 0 gets item {scores[1:].argmax() + 1} next"


def semantic_ids() -> str:
    codebooks = torch.tensor([[[0.0], [5.0]], [[-0.5], [0.5]]])
    codes = residual_quantize(torch.tensor([[4.6], [5.4]]), codebooks).codes
    return f"codes of two items that are alike: {codes.tolist()}"


def generator() -> str:
    found = beam_search(step, prefix_tree(CODES, len(NAMES)), users=1, width=2)
    return (
        f"two items by their codes, the most probable first: {found.items[0].tolist()}"
    )


def feature_source() -> str:
    prompt = Prompt("1", "stand-in", "Which of {labels}? {title}", ("Crime", "War"))
    answers = iter(['{"labels": ["Noir"]}', '{"labels": ["Crime"]}'])
    found = annotate({"m1": {"title": "Heat"}}, prompt, lambda _: next(answers), {})
    return f"{found.labels['m1'][0]}, after {found.calls} calls: Noir is no label"


def ranker() -> str:
    answers = np.array([[0, 1, 2], [2, 1, 0], [0, 1, 2]])
    return f"items below each item, mean of three answers: {borda(answers).round(1)}"


def explainer() -> str:
    likes = np.array([[1, 1, 0], [1, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=bool)
    weights = item_knn(likes, neighbors=2)
    because = weights[1:, 0].argmax() + 1
    return f"item 0 is listed mostly because of item {because}"


def user_simulator() -> str:
    clicks, misses = np.zeros((2, 1, 2), int)
    rng, users = np.random.default_rng(0), np.array([0.1, 0.3])  # true click rates
    for _ in range(300):
        ad = thompson(posterior(clicks, misses), np.array([0]), rng)[0]
        clicked = rng.random() < users[ad]
        clicks[0, ad] += clicked
        misses[0, ad] += not clicked
    share = (clicks + misses)[0, 1] / 300
    return f"share of views that the better ad got: {share:.0%}"


def serving() -> str:
    sizes = {"layers": 32, "d_model": 4096, "d_ff": 14336, "vocab": 128256}
    model = Decoder(heads=32, kv_heads=8, head_dim=128, **sizes)  # 8 billion parameters
    teraflops = forward_flops(model, batch=1, seq=1000) / 1e12
    return f"teraflops to read 1000 tokens, 8 billion parameters: {teraflops:.0f}"


TASTES = {
    "Evaluation": evaluation,
    "Embeddings": embeddings,
    "Semantic IDs": semantic_ids,
    "Generator": generator,
    "Feature source": feature_source,
    "Ranker": ranker,
    "Explainer": explainer,
    "User simulator": user_simulator,
    "Serving": serving,
}

"""BM25 against bm25s, schemas against jsonschema, ridge against scikit-learn, queues
against SimPy and formulas; the rest against definitions."""

import json
import math

import bm25s
import jaxtyping
import jsonschema
import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import cosine_similarity

from snippets.recommenders import cold_lists, cold_movies
from snippets.recommenders.bm25_index import (
    bm25_scores,
    build_index,
    count_terms,
    retrieve,
    words,
)
from snippets.recommenders.feature_factors import (
    fit_feature_map,
    map_features,
)
from snippets.recommenders.label_search import (
    Catalog,
    add_labels,
    genre_precision,
    load_catalog,
)
from snippets.recommenders.llm_offline_augmentation import (
    Prompt,
    annotate,
    answer_schema,
    ask,
    fingerprint,
    parse_answer,
)
from snippets.recommenders.matrix_factorization import svd_factors
from snippets.recommenders.ranked_lists import top_k
from snippets.recommenders.request_queue import (
    lognormal_times,
    poisson_arrivals,
    pollaczek_khinchine,
    serve,
    utilization,
)
from snippets.recommenders.simulated_annotator import (
    SimulatedAnnotator,
    draw_labels,
    label_precision,
    majority,
)

LABELS = ("War", "Crime", "Sci-Fi")
PROMPT = Prompt("1", "stand-in", "Movie: {title}\nGenres among {labels}?", LABELS)
MOVIES = {
    "m1": {"title": "Heat"},
    "m2": {"title": "Alien"},
    "m3": {"title": "Dunkirk"},
}
TRUTH = {"Heat": ["Crime"], "Alien": ["Sci-Fi"], "Dunkirk": ["War"]}
GOOD = '{"labels": ["War"]}'
bounded = settings(max_examples=60, deadline=None, derandomize=True, database=None)

WRONG = (ValueError, jaxtyping.TypeCheckError)

# The annotator


class Scripted:
    """Gives the answers of a script, and keeps the questions."""

    def __init__(self, *answers):
        self.answers, self.questions = list(answers), []

    def __call__(self, question):
        self.questions.append(question)
        return self.answers.pop(0)


leaves = st.none() | st.booleans() | st.integers() | st.sampled_from(["War", "war", ""])
json_values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["labels", "label"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@bounded
@given(json_values | st.fixed_dictionaries({"labels": st.lists(leaves, max_size=3)}))
def test_an_answer_is_accepted_if_it_has_the_schema(value):
    """Reference: jsonschema."""
    validator = jsonschema.Draft202012Validator(answer_schema(LABELS))
    try:
        found = parse_answer(json.dumps(value), LABELS)
    except ValueError:
        assert not validator.is_valid(value)
    else:
        assert validator.is_valid(value)
        assert set(found) == set(value["labels"])
        assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "text", ["", "War", GOOD[:-1], GOOD + GOOD, "[" * 100_000, "9" * 5000, '"labels"']
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"not JSON|one key"):
        parse_answer(text, LABELS)


def test_an_invented_label_is_named_in_the_next_question():
    complete = Scripted('{"labels": ["Noir"]}', GOOD)
    answer = ask("Which?", LABELS, complete, attempts=3)
    assert answer == (["War"], 2, "")
    assert complete.questions[0] == "Which?"
    assert complete.questions[1].startswith("Which?\n")
    assert "['Noir'] not among the 3 labels" in complete.questions[1]


def test_an_item_without_an_accepted_answer_is_reported_and_not_stored():
    store = {}
    complete = Scripted("no", "nor this", GOOD)
    movies = {"m1": MOVIES["m1"], "m2": MOVIES["m2"]}
    report = annotate(movies, PROMPT, complete, store, attempts=2)
    assert report.labels == {"m2": ["War"]}
    assert list(report.failed) == ["m1"]
    assert "not JSON" in report.failed["m1"]
    assert (report.calls, report.reused, len(store)) == (3, 0, 1)


def test_a_second_run_calls_nothing():
    store = {}
    first = annotate(MOVIES, PROMPT, SimulatedAnnotator(TRUTH, LABELS, 0.0), store)
    assert first.labels == {"m1": ["Crime"], "m2": ["Sci-Fi"], "m3": ["War"]}
    again = annotate(MOVIES, PROMPT, Scripted(), store)
    assert again == first._replace(calls=0, reused=3)
    more = {**MOVIES, "m4": {"title": "Ran"}, "m5": {"title": "Ran"}}
    third = annotate(more, PROMPT, Scripted(GOOD), store)
    assert (third.calls, third.reused) == (1, 4)  # two items with the same content


def test_a_crash_loses_nothing_that_was_paid_for():
    store = {}
    with pytest.raises(IndexError):
        annotate(MOVIES, PROMPT, Scripted(GOOD, GOOD), store)
    report = annotate(MOVIES, PROMPT, Scripted(GOOD), store)
    assert (report.calls, report.reused) == (1, 2)


def test_a_fingerprint_covers_all_that_the_answer_depends_on():
    item = {"title": "Heat", "year": "1995"}
    others = [
        PROMPT._replace(version="2"),
        PROMPT._replace(model="other"),
        PROMPT._replace(template="Movie: {title}\nGenres, of {labels}?"),
        PROMPT._replace(labels=("War", "Crime")),
    ]
    found = [fingerprint(prompt, item) for prompt in (PROMPT, *others)]
    found += [fingerprint(PROMPT, {**item, "year": "1996"})]
    found += [fingerprint(PROMPT, {"title": "Heat1995"})]
    assert len(set(found)) == 7
    swapped = dict(reversed(item.items()))
    assert fingerprint(PROMPT, swapped) == found[0]


def test_a_changed_report_leaves_the_store_alone():
    store = {}
    report = annotate({"m1": MOVIES["m1"]}, PROMPT, Scripted(GOOD), store)
    report.labels["m1"].append("Crime")
    assert list(store.values()) == [["War"]]


def test_attempts_must_be_positive():
    with pytest.raises(ValueError, match="attempts must be positive, got 0"):
        ask("Which?", LABELS, Scripted(), attempts=0)


def test_braces_in_a_title_are_not_read_as_fields():
    assert "Movie: {labels}\n" in PROMPT.render({"title": "{labels}"})


# The stand-in


def test_errors_come_at_their_rate():
    rng = np.random.default_rng(0)
    truth = rng.random((40_000, 5)) < 0.3
    found = draw_labels(truth, 0.2, rng)
    assert truth[found & truth].size  # there are some
    kept, invented = found[truth].mean(), found[~truth].mean()
    assert_allclose([kept, invented], [0.8 + 0.2 * 0.04, 0.04], atol=0.004)
    precision = truth[found].mean()
    assert_allclose(label_precision(0.3, 0.2, 5), precision, atol=0.004)
    assert_array_equal(draw_labels(truth, 0, rng), truth)
    nothing_right = draw_labels(truth, 1, rng)
    assert (nothing_right.sum(axis=1) == 1).all()


def test_a_tie_of_votes_is_no_majority():
    runs = np.array([[[True, True, False]], [[True, False, False]]])
    assert_array_equal(majority(runs), [[True, False, False]])


def test_the_stand_in_repeats_itself_unless_the_question_or_the_seed_differs():
    truth = {str(n): ["War", "Sci-Fi"] for n in range(30)}
    asks = [f"Movie: {n}\nGenres?" for n in range(30)]
    one, other = (SimulatedAnnotator(truth, LABELS, 0.5, seed=s) for s in (0, 1))
    first = [one(ask) for ask in asks]
    assert [one(ask) for ask in asks] == first
    assert [other(ask) for ask in asks] != first
    assert [one(ask + " Again.") for ask in asks] != first


def test_cut_off_answers_are_asked_again():
    truth = {str(n): ["War"] for n in range(300)}
    movies = {name: {"title": name} for name in truth}
    complete = SimulatedAnnotator(truth, LABELS, 0.0, broken=0.3)
    report = annotate(movies, PROMPT, complete, {}, attempts=20)
    assert report.labels == truth
    assert_allclose(report.calls / 300, 1 / 0.7, rtol=0.1)


@pytest.mark.parametrize("error", [-0.1, 1.1, math.nan])
def test_an_error_rate_is_a_probability(error):
    with pytest.raises(ValueError, match=f"from 0 to 1, got {error}"):
        draw_labels(np.ones((2, 3), dtype=bool), error, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"no annotations among \(0, 2, 3\)"):
        majority(np.zeros((0, 2, 3), dtype=bool))


def test_bad_prevalences_and_questions_are_refused():
    for share, error, labels in (
        (0.0, 0.1, 3),
        (1.1, 0.1, 3),
        (0.5, 2.0, 3),
        (0.5, 0, 0),
    ):
        with pytest.raises(ValueError, match=f"prevalence {share}, error {error}"):
            label_precision(share, error, labels)
    annotator = SimulatedAnnotator(TRUTH, LABELS, 0.0)
    for question in ("Genres?", "Movie: Ran", "Movie: Heat\nMovie: Alien"):
        with pytest.raises(ValueError, match="want one known movie"):
            annotator(question)


# BM25


@pytest.fixture
def documents():
    rng = np.random.default_rng(0)
    vocabulary = [f"w{n}" for n in range(17)]
    lengths = [0, 1, *rng.integers(1, 30, size=21)]
    chances = 1 / np.arange(1, 18)
    return [
        rng.choice(vocabulary, size, p=chances / chances.sum()).tolist()
        for size in lengths
    ]


@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.9, 0.0), (2.0, 1.0), (0, 0.5)])
def test_scores_are_those_of_bm25s(agrees, documents, k1, b):
    theirs = bm25s.BM25(k1=k1, b=b, method="lucene", dtype="float64")
    theirs.index(documents, show_progress=False)
    index = build_index(documents, k1, b)
    for query in (["w0"], ["w3", "w16"], ["w1", "w1", "w2"]):
        expected = (k1 + 1) * theirs.get_scores(query)  # they leave the factor out
        agrees(bm25_scores(index, query), expected, "bm25s.BM25")


def test_scores_are_those_of_the_definition(agrees, documents):
    index, k1, b = build_index(documents), 1.5, 0.75
    mean = sum(map(len, documents)) / len(documents)
    query, expected = ["w0", "w5", "absent"], []
    for document in documents:
        score = 0.0
        for term in query:
            df, tf = sum(term in one for one in documents), document.count(term)
            idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
            saturation = k1 * (1 - b + b * len(document) / mean)
            score += idf * tf * (k1 + 1) / (tf + saturation)
        expected.append(score)
    agrees(bm25_scores(index, query), expected, "definition as loops")


def test_terms_are_counted(documents):
    vocabulary, counts = count_terms(documents)
    for row, document in enumerate(documents):
        for word, column in vocabulary.items():
            assert counts[row, column] == document.count(word)


def test_only_documents_with_a_word_of_the_query_are_found():
    index = build_index([["a"], ["b"], ["a", "b", "b"], ["a"]])
    assert_array_equal(retrieve(index, ["a"], 9), [0, 3, 2])
    assert_array_equal(retrieve(index, ["a"], 1), [0])
    assert len(retrieve(index, ["c"], 9)) == 0
    assert len(retrieve(index, [], 9)) == 0


def test_a_word_in_all_documents_still_counts():
    assert (bm25_scores(build_index([["a"], ["a", "b"]]), ["a"]) > 0).all()


def test_bad_settings_of_an_index_are_refused():
    for k1, b in ((-1.0, 0.5), (1.0, 1.1), (1.0, -0.1), (math.nan, 0.5)):
        with pytest.raises(ValueError, match=f"got {k1} and {b}"):
            build_index([["a"]], k1, b)
    with pytest.raises(ValueError, match="no words in 2 documents"):
        build_index([[], []])
    with pytest.raises(ValueError, match="no words in 0 documents"):
        build_index([])
    with pytest.raises(ValueError, match="k must be positive, got 0"):
        retrieve(build_index([["a"]]), ["a"], 0)


def test_words_of_other_scripts():
    assert words("Amélie's 8½_x") == ["amélie", "s", "8½", "x"]


def test_precision_counts_empty_places_as_misses():
    truth = np.array([[True, False], [True, True], [False, True]])
    catalog = Catalog(
        [["a"], ["war"], ["b"]], ("War", "Sci-Fi"), [["war"], ["sci", "fi"]], truth
    )
    texts = add_labels(catalog, truth)
    assert texts == [["a", "war"], ["war", "war", "sci", "fi"], ["b", "sci", "fi"]]
    assert_allclose(genre_precision(catalog, catalog.titles, k=2), [0.5, 0])
    assert_allclose(genre_precision(catalog, texts, k=4), [0.5, 0.5])
    with pytest.raises(ValueError, match=r"\(2, 2\) marks for \(3, 2\) true ones"):
        add_labels(catalog, truth[:2])
    assert catalog.titles == [["a"], ["war"], ["b"]]


def test_movies_are_mixed_with_their_labels():
    one, other = load_catalog(0), load_catalog(1)
    assert sorted(one.titles) == sorted(other.titles)
    assert one.titles != other.titles
    pairs = [
        sorted(
            (title, tuple(row)) for title, row in zip(c.titles, c.truth, strict=True)
        )
        for c in (one, other)
    ]
    assert pairs[0] == pairs[1]


# From features to factors


@pytest.mark.parametrize("penalty", [0.01, 7.0])
def test_the_map_is_that_of_scikit_learn(agrees, penalty):
    rng = np.random.default_rng(0)
    features, new = rng.normal(3, 1, (19, 5)), rng.normal(3, 1, (4, 5))
    factors = rng.normal(2, 1, (19, 3))
    fitted = fit_feature_map(features, factors, penalty)
    theirs = Ridge(alpha=penalty).fit(features, factors)
    agrees(map_features(fitted, new), theirs.predict(new), "sklearn.linear_model.Ridge")


def test_a_large_penalty_gives_every_item_the_mean_factors():
    rng = np.random.default_rng(0)
    features, factors = rng.normal(size=(9, 4)), rng.normal(size=(9, 2))
    found = map_features(fit_feature_map(features, factors, 1e12), features)
    assert_allclose(found, np.tile(factors.mean(axis=0), (9, 1)), atol=1e-9)


def test_more_features_than_items_and_constant_features():
    rng = np.random.default_rng(0)
    features = np.hstack([rng.normal(size=(4, 7)), np.ones((4, 2))])
    factors = rng.normal(size=(4, 2))
    fitted = fit_feature_map(features, factors, 1e-6)
    assert_allclose(map_features(fitted, features), factors, atol=1e-5)


def test_with_all_factors_the_map_is_a_regression_for_each_user(agrees):
    """The page's control: nothing but the rank tells the two apart."""
    rng = np.random.default_rng(0)
    likes, features = rng.random((6, 11)) < 0.4, rng.normal(size=(11, 3))
    left, sizes, right = np.linalg.svd(likes.astype(float), full_matrices=False)
    mapped = map_features(fit_feature_map(features, right.T, 2.0), features)
    direct = Ridge(alpha=2.0).fit(features, likes.T.astype(float)).predict(features)
    agrees(left * sizes @ mapped.T, direct.T, "sklearn.linear_model.Ridge")


def test_factors_are_those_of_numpy(agrees):
    likes = np.random.default_rng(0).random((9, 13)) < 0.5
    left, sizes, right = np.linalg.svd(likes.astype(float))
    expected = left[:, :4] * sizes[:4] @ right[:4]
    factors = svd_factors(likes, rank=4)
    agrees(factors.users @ factors.items.T, expected, "numpy.linalg.svd")


def test_bad_features_are_refused():
    features, factors = np.ones((4, 2)), np.ones((4, 3))
    with pytest.raises(WRONG):
        fit_feature_map(features[:3], factors, 1.0)
    with pytest.raises(ValueError, match="0 rows of features, 0 of"):
        fit_feature_map(features[:0], factors[:0], 1.0)
    for penalty in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"positive and finite, got {penalty}"):
            fit_feature_map(features, factors, penalty)
    with pytest.raises(ValueError, match="features and factors must be finite"):
        fit_feature_map(np.full((4, 2), np.nan), factors, 1.0)
    with pytest.raises(ValueError, match="features must be finite"):
        map_features(fit_feature_map(features, factors, 1.0), np.full((4, 2), np.inf))
    for rank in (0, 4):
        with pytest.raises(ValueError, match=f"from 1 to 3, got {rank}"):
            svd_factors(np.ones((4, 6)), rank)


# Cold and warm movies


@pytest.fixture(scope="module")
def hidden():
    return cold_movies.hide(cold_movies.load_world(), seed=0, likes=0.2)


def test_no_like_of_a_cold_movie_is_in_training(hidden):
    likes = hidden.world.likes
    assert not hidden.train[:, hidden.cold].any()
    assert not (hidden.train & hidden.test).any()
    assert_array_equal(hidden.train | hidden.test, likes)
    assert hidden.cold.sum() == int(0.15 * likes.shape[1])
    warm = ~hidden.cold
    share = hidden.test[:, warm].sum() / likes[:, warm].sum()
    assert_allclose(share, 0.2, atol=0.01)


def test_movies_keep_their_rows_when_they_are_mixed(hidden):
    world = cold_movies.load_world()
    assert not np.array_equal(world.likes, hidden.world.likes)
    columns = [
        sorted(
            zip(
                *(map(bytes, part) for part in (w.likes.T, w.decades, w.genres)),
                strict=True,
            )
        )
        for w in (world, hidden.world)
    ]
    assert columns[0] == columns[1]


def test_users_have_likes_of_both_kinds(hidden):
    users = cold_movies.both_ways(hidden)
    assert (hidden.train[users].sum(axis=1) >= 10).all()
    for kind in (hidden.cold, ~hidden.cold):
        assert hidden.test[users][:, kind].any(axis=1).all()
    assert len(users) > 500


def test_equal_scores_do_no_better_than_random_ones(hidden):
    """In the order of MovieLens they would: its first movies are popular."""
    rng, count = np.random.default_rng(0), hidden.cold.sum()
    level = cold_movies.cold_recall(np.zeros((len(hidden.train), count)), hidden)
    chance = cold_movies.cold_recall(rng.random((len(hidden.train), count)), hidden)
    assert abs(level - chance) < 0.03
    best = cold_movies.cold_recall(hidden.test[:, hidden.cold].astype(float), hidden)
    assert best == 1
    likes = cold_movies.load_world().likes.mean(axis=0)
    assert likes[:300].mean() > 2.5 * likes[-300:].mean()


def test_bad_shares_are_refused():
    world = cold_movies.load_world()
    for cold, likes in ((0.0, 0.0), (1.0, 0.0), (0.1, 1.0), (0.1, -0.1)):
        with pytest.raises(
            ValueError, match=f"shares {cold} of 2399 movies and {likes}"
        ):
            cold_movies.hide(world, 0, cold, likes)


def test_slots_keep_the_order():
    warm, cold = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[7, 8, 9], [9, 8, 7]])
    assert_array_equal(cold_lists.with_slots(warm, cold, 2), [[1, 7, 8], [4, 9, 8]])
    assert_array_equal(cold_lists.with_slots(warm, cold, 0), warm)
    assert_array_equal(cold_lists.with_slots(warm, cold, 3), cold)
    for slots in (-1, 4):
        with pytest.raises(ValueError, match=f"from 0 to 3 places, got {slots}"):
            cold_lists.with_slots(warm, cold, slots)


def test_cosines_are_those_of_scikit_learn(agrees):
    table = np.random.default_rng(0).normal(size=(5, 7))
    table[:, 2] = 0
    expected = cosine_similarity(table.T)
    agrees(cold_lists.cosines(table), expected, "sklearn.metrics.cosine_similarity")


def test_neighbors_are_those_of_the_definition(agrees):
    rng = np.random.default_rng(0)
    train, features = rng.random((4, 5)) < 0.5, rng.normal(size=(5, 3))
    expected = np.zeros((4, 5))
    for user, item, other in np.ndindex(4, 5, 5):
        tastes = cosine_similarity(train.T[[item]], train.T[[other]])
        contents = cosine_similarity(features[[item]], features[[other]])
        alike = tastes.item() + 0.3 * contents.item() ** 3
        expected[user, item] += train[user, other] * alike
    agrees(cold_lists.neighbor_scores(train, features, 0.3), expected, "loops")


def test_a_cold_movie_never_passes_a_warm_one_with_the_same_features():
    """The trap: neighbors give it no score, and contents give both the same."""
    rng = np.random.default_rng(0)
    train = rng.random((9, 8)) < 0.6
    train[:, :2], features = False, np.tile(rng.normal(size=(1, 3)), (8, 1))
    scores = cold_lists.neighbor_scores(train, features, content=0.3)
    others = np.where(train, np.inf, scores)[:, 2:]
    assert (scores[:, :2] <= others.min(axis=1, keepdims=True) + 1e-9).all()


def test_warm_scores_are_those_of_the_factors():
    rng = np.random.default_rng(0)
    train, cold = rng.random((80, 90)) < 0.3, np.arange(90) % 10 == 0
    train[:, cold], features = False, rng.normal(size=(90, 4))
    scores = cold_lists.mixed_scores(train, cold, features)
    factors = svd_factors(train[:, ~cold], cold_lists.RANK)
    assert_allclose(scores[:, ~cold], factors.users @ factors.items.T)
    theirs = Ridge(alpha=cold_lists.PENALTY).fit(features[~cold], factors.items)
    assert_allclose(scores[:, cold], factors.users @ theirs.predict(features[cold]).T)


def test_a_rehearsal_hides_whole_items():
    rng = np.random.default_rng(0)
    train, features = rng.random((90, 80)) < 0.5, rng.normal(size=(80, 4))
    found = cold_lists.rehearse(train, features, rng, cold=0.15, likes=0.2)
    assert found.unseen[:, found.cold].all()
    assert_array_equal(found.liked, train)
    warm = ~found.cold
    assert not (~train & ~found.unseen).any()
    assert_allclose(
        (train & found.unseen)[:, warm].sum() / train[:, warm].sum(), 0.2, atol=0.03
    )


def test_chances_follow_a_curve_for_each_kind(agrees):
    rng = np.random.default_rng(0)
    cold, scores = np.arange(12) < 5, rng.random((30, 12))
    liked = rng.random((30, 12)) < np.where(cold, 0.8 * scores, 0.1 * scores)
    unseen = rng.random((30, 12)) < 0.9
    rehearsal = cold_lists.Rehearsal(scores, cold, unseen, liked)
    found = cold_lists.like_chances(scores, cold, rehearsal, rng)
    for kind in (cold, ~cold):
        pairs = unseen[:, kind]
        curve = IsotonicRegression().fit(scores[:, kind][pairs], liked[:, kind][pairs])
        inside = np.clip(scores[:, kind], curve.X_min_, curve.X_max_)
        expected = curve.predict(inside.ravel()).reshape(30, -1)
        agrees(found[:, kind], expected, "sklearn.isotonic.IsotonicRegression", 0, 1e-6)


def test_of_equal_chances_the_higher_score_wins():
    cold, scores = np.array([True, False, False]), np.array([[0.1, 0.5, 0.9]])
    everything = np.ones((1, 3), dtype=bool)  # all are liked: chances are equal
    rehearsal = cold_lists.Rehearsal(scores, cold, everything, everything)
    rng = np.random.default_rng(0)
    found = cold_lists.like_chances(scores, cold, rehearsal, rng)
    assert_allclose(found, 1)
    assert_array_equal(top_k(found, ~everything, 3), [[2, 1, 0]])


# Queues


def by_simpy(arrivals, services, servers):
    env = simpy.Environment()
    free, waits = simpy.Resource(env, servers), np.zeros(len(arrivals))

    def request(number):
        yield env.timeout(arrivals[number])
        with free.request() as turn:
            yield turn
            waits[number] = env.now - arrivals[number]
            yield env.timeout(services[number])

    for number in range(len(arrivals)):
        env.process(request(number))
    env.run()
    return waits


@pytest.mark.parametrize("servers", [1, 2, 5])
def test_requests_wait_as_they_do_on_simpy(agrees, servers):
    rng = np.random.default_rng(servers)
    arrivals = np.cumsum(rng.integers(0, 5, 300)) / 8  # exact, with ties
    services = rng.integers(0, 9 * servers, 300) / 8
    waits = serve(arrivals, services, servers)
    agrees(waits, by_simpy(arrivals, services, servers), "a queue on SimPy", 0, 0)
    assert waits.max() > 0


@pytest.mark.parametrize("spread", [0.0, 0.7])
def test_the_mean_wait_is_that_of_the_formula(agrees, spread):
    """Five standard errors of ten runs."""
    load, waits = 0.6, []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        arrivals = poisson_arrivals(load, 8000, rng)
        waits.append(
            serve(arrivals, lognormal_times(1, spread, 8000, rng), 1)[800:].mean()
        )
    error = 5 * np.std(waits, ddof=1) / math.sqrt(10)
    assert error < 0.2
    expected = pollaczek_khinchine(load, 1, math.exp(spread**2))
    agrees(np.mean(waits), expected, "the formula of Pollaczek and Khinchine", 0, error)


def test_several_servers_wait_as_erlang_says(agrees):
    """Exponential services: the formula of Erlang, C."""
    rate, servers, waits = 2.4, 3, []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        arrivals = poisson_arrivals(rate, 8000, rng)
        waits.append(serve(arrivals, rng.exponential(1, 8000), servers)[800:].mean())
    terms = [rate**n / math.factorial(n) for n in range(servers + 1)]
    last = terms[-1] / (1 - utilization(rate, 1, servers))
    expected = last / (sum(terms[:-1]) + last) / (servers - rate)
    error = 5 * np.std(waits, ddof=1) / math.sqrt(10)
    assert error < 0.3
    agrees(np.mean(waits), expected, "the formula of Erlang", 0, error)


def test_a_queue_grows_by_what_the_servers_cannot_do():
    rng = np.random.default_rng(0)
    arrivals = poisson_arrivals(20, 4000, rng)
    waits = serve(arrivals, lognormal_times(1.2, 0.5, 4000, rng), 4)
    growth = utilization(20, 1.2, 4) - 1  # seconds of wait, for each second
    assert_allclose(waits[-1], growth * arrivals[-1], rtol=0.05)


def test_a_request_waits_for_the_first_free_server():
    waits = serve(np.zeros(4), np.array([5.0, 1.0, 1.0, 1.0]), servers=2)
    assert_array_equal(waits, [0, 0, 1, 2])
    assert len(serve(np.zeros(0), np.zeros(0), 1)) == 0


def test_log_normal_times_have_their_mean():
    times = lognormal_times(1.2, 0.5, 200_000, np.random.default_rng(0))
    assert_allclose(times.mean(), 1.2, rtol=0.01)
    assert_allclose((times**2).mean(), 1.2**2 * math.exp(0.25), rtol=0.02)


def test_bad_queues_are_refused():
    times = np.array([0.0, 1.0])
    with pytest.raises(ValueError, match="servers must be positive, got 0"):
        serve(times, times, 0)
    with pytest.raises(WRONG):
        serve(times, times[:1], 1)
    for wrong in (times[::-1], np.array([0.0, np.nan])):
        with pytest.raises(ValueError, match="arrivals must be finite and in order"):
            serve(wrong, times, 1)
    for wrong in (-times, np.array([0.0, np.inf])):
        with pytest.raises(ValueError, match="services must be finite"):
            serve(times, wrong, 1)
    for rate in (1.0, 6.0, -0.5, math.nan):
        with pytest.raises(ValueError, match=f"less than 1, got {rate}"):
            pollaczek_khinchine(rate, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"mean square 0.5 is below 1.0, squared"):
        pollaczek_khinchine(0.5, 1.0, 0.5)

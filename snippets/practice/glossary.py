"""The metrics of the glossary by the names of their terms.

Each is explained, with its source, in the module that defines it.
"""

from collections.abc import Callable

from snippets.practice import classification_metrics as classification
from snippets.practice import (
    clustering_metrics,
    divergences,
    ranking_metrics,
    regression_metrics,
    text_metrics,
)

METRICS: dict[str, Callable[..., float]] = {
    "accuracy": classification.accuracy,
    "precision (of a classifier)": classification.precision,
    "recall (of a classifier)": classification.recall,
    "F1 score": classification.f_score,
    "Matthews correlation coefficient": classification.matthews,
    "Cohen's kappa": classification.cohen_kappa,
    "log loss": classification.log_loss,
    "Brier score": classification.brier_score,
    "AUC": classification.roc_auc,
    "average precision": classification.average_precision,
    "DCG": ranking_metrics.dcg,
    "NDCG": ranking_metrics.ndcg,
    "mean reciprocal rank": ranking_metrics.reciprocal_rank,
    "hit rate (of a list)": ranking_metrics.hit_rate,
    "mean average precision": ranking_metrics.mean_average_precision,
    "R squared": regression_metrics.r_squared,
    "root mean squared error": regression_metrics.root_mean_squared_error,
    "mean absolute percentage error": regression_metrics.mean_absolute_percentage_error,
    "pinball loss": regression_metrics.pinball_loss,
    "silhouette": clustering_metrics.silhouette,
    "adjusted Rand index": clustering_metrics.adjusted_rand_index,
    "normalized mutual information": clustering_metrics.normalized_mutual_information,
    "perplexity": text_metrics.perplexity,
    "BLEU": text_metrics.bleu,
    "ROUGE-L": text_metrics.rouge_l,
    "KL divergence": divergences.kl_divergence,
    "Jensen-Shannon divergence": divergences.js_divergence,
    "Wasserstein distance": divergences.wasserstein_1,
    "maximum mean discrepancy": divergences.squared_mmd,
}

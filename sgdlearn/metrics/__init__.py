"""Metrics for recommenders: how well they rank what was held out."""

from ._ranking import auc, map_at_k, ndcg_at_k, precision_at_k, recall_at_k
from ._scorer import RankingScorer, ranking_metrics

__all__ = [
    "RankingScorer",
    "auc",
    "map_at_k",
    "ndcg_at_k",
    "precision_at_k",
    "ranking_metrics",
    "recall_at_k",
]

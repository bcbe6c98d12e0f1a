"""Metrics for recommenders: how well they rank what was held out."""

from ._ranking import auc, map_at_k, ndcg_at_k, precision_at_k, recall_at_k

__all__ = ["auc", "map_at_k", "ndcg_at_k", "precision_at_k", "recall_at_k"]

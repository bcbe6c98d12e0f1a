"""Ranking metrics user by user, item by item, over every order in which ties may stand."""

from itertools import pairwise, permutations

import numpy as np


def orders(scores, items):
    """Every order of falling score of the items."""
    for order in permutations(items):
        if all(scores[a] >= scores[b] for a, b in pairwise(order)):
            yield order


def precision(order, gain, k):
    return sum(gain[i] > 0 for i in order[:k]) / k


def recall(order, gain, k):
    return sum(gain[i] > 0 for i in order[:k]) / sum(g > 0 for g in gain.values())


def ndcg(order, gain, k):
    def dcg(gains):
        return sum(g / np.log2(place + 2) for place, g in enumerate(gains[:k]))

    return dcg([gain[i] for i in order]) / dcg(sorted(gain.values(), reverse=True))


def average_precision(order, gain, k):
    total, hits = 0.0, 0
    for place, i in enumerate(order[:k], start=1):
        if gain[i] > 0:
            hits += 1
            total += hits / place
    return total / min(k, sum(g > 0 for g in gain.values()))


def auc(scores, gain):
    pairs = [
        (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
        for i in gain
        for j in gain
        if gain[i] > 0 and gain[j] <= 0
    ]
    return np.mean(pairs) if pairs else np.nan


def per_user(metric, relevant, scores, k=None, seen=None):
    """The metric of every user; items with -inf are in no ranking."""
    values = []
    for user, row in enumerate(scores):
        taking_part = [i for i in range(len(row)) if seen is None or not seen[user, i]]
        gain = {i: max(relevant[user, i], 0) for i in taking_part}
        if not any(gain.values()):
            values.append(np.nan)
        elif metric is auc:
            values.append(auc(row, gain))
        else:
            ranked = [i for i in taking_part if row[i] > -np.inf]
            values.append(np.mean([metric(order, gain, k) for order in orders(row, ranked)]))
    return np.array(values)

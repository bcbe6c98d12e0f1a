"""Stochastic runs on several threads. How many there are changes no result.

Two ways share the work out: the outputs of one-vs-rest and of several targets are runs of their
own, which meet the rows in the same order; and `n_replicas` copies of one run go over shards of the
rows side by side, at the same steps, and are averaged every so many rows (Zinkevich et al. 2010,
"Parallelized stochastic gradient descent"; as local SGD in Stich 2019).
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np

from ..losses import Multinomial

# Rows that a replica visits between two averages, at the least; and how much more work that has to
# be than copying and averaging its state.
SHARD_ROWS = 256
WORK_TO_COPYING = 16


@contextmanager
def visitor(run, objective):
    """A callable that sends the run over the rows in an order, returning the sum of s_i loss_i."""
    method, rows, weights = run.method, objective.rows, objective.weights
    n_jobs = method.n_jobs or 1
    if method.n_replicas > 1:
        work, threads = partial(visit_by_replicas, run, objective), method.n_replicas
    elif n_jobs > 1 and has_separate_outputs(run, rows):
        groups = output_groups(objective, n_jobs)
        work, threads = partial(visit_by_outputs, run, rows, weights, groups), len(groups)
    else:
        yield partial(run.visit, rows, objective.targets, weights)
        return
    with ThreadPoolExecutor(min(n_jobs, threads)) as pool:
        yield partial(work, pool.map)


def visit_by_replicas(run, objective, apply, order):
    """Rounds of one shard for each replica, averaged after each."""
    method, rows = run.method, objective.rows
    state, total = run.state, 0.0
    copying = (1 + len(state.slots)) * state.W.size
    shard = max(SHARD_ROWS, WORK_TO_COPYING * copying * rows.n // (rows.size * len(state.W)))
    shard = -(-shard // method.batch_size) * method.batch_size
    for start in range(0, len(order), method.n_replicas * shard):
        some = order[start : start + method.n_replicas * shard]
        shards = [part for part in np.array_split(some, method.n_replicas) if len(part)]
        replicas = [replace(run, state=run.state.copy()) for _ in shards]

        def learn(replica, shard):
            loss = replica.visit(rows, objective.targets, objective.weights, shard)
            replica.settle()
            return loss

        total += sum(apply(learn, replicas, shards))
        run.become([replica.state for replica in replicas])
    return total


def has_separate_outputs(run, rows):
    """Whether the outputs are visited one by one, in compiled loops, and nothing joins them.

    The softmax does, and DoG's norms.
    """
    method = run.method
    joined = isinstance(method.loss, Multinomial) or method.rule.name == "dog"
    return method.n_outputs > 1 and not joined and run.goes_by_rows(rows)


def output_groups(objective, n_groups):
    """[(outputs, their targets)], the k outputs cut into so many groups or fewer."""
    k = objective.n_outputs
    return [
        (group, np.column_stack([objective.output_targets(c) for c in group]))
        for group in np.array_split(np.arange(k), min(n_groups, k))
    ]


def visit_by_outputs(run, rows, weights, groups, apply, order):
    """Every group of outputs goes over the rows on its own."""
    runs = [
        replace(
            run,
            method=replace(run.method, n_outputs=len(group)),
            state=run.state.of_outputs(group),
        )
        for group, _ in groups
    ]
    total = sum(apply(lambda part, group: part.visit(rows, group[1], weights, order), runs, groups))
    run.become_outputs([part.state for part in runs])
    return total

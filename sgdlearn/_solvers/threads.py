"""The parts of a pass, in their order, by one thread or by several.

Parts are cut by the problem alone and added up in their order, so that the sum has the same bits
for every number of threads. BLAS keeps to the thread that calls it: its own threads would fight
with these, change the bits, and on the blocks of a pass rather wait than work.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock

from joblib import effective_n_jobs
from threadpoolctl import ThreadpoolController


def in_order(part, borders, n_jobs):
    """part(start, stop) for all (start, stop) of `borders`, one after the other.

    Parameters
    ----------
    part : callable
    borders : sequence of (int, int)
    n_jobs : int or None
        Threads; None is one.
    """
    with blas_by_one_thread():
        if n_jobs in (None, 1) or len(borders) == 1:
            yield from (part(start, stop) for start, stop in borders)
            return
        with ThreadPoolExecutor(n_jobs) as threads:
            waiting = deque()
            for start, stop in borders:
                waiting.append(threads.submit(part, start, stop))
                if len(waiting) > 2 * n_jobs:  # a result is as large as the model: keep few
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def count(n_jobs):
    """The threads that the parameter `n_jobs` of an estimator means, as joblib has it."""
    return effective_n_jobs(n_jobs)


class _Limit:
    """The limit on BLAS, and how many hold it now."""

    lock, holders, limiter = Lock(), 0, None


@contextmanager
def blas_by_one_thread():
    """BLAS keeps to the thread that calls it; the last to leave gives it back its threads."""
    with _Limit.lock:
        if _Limit.holders == 0:
            _Limit.limiter = blas_libraries().limit(limits=1, user_api="blas")
        _Limit.holders += 1
    try:
        yield
    finally:
        with _Limit.lock:
            _Limit.holders -= 1
            if _Limit.holders == 0:
                _Limit.limiter.restore_original_limits()


@cache
def blas_libraries():
    """The BLAS libraries of the process; to look for them takes a millisecond."""
    return ThreadpoolController()

"""The parts of a pass, in their order, by one thread or by several.

Parts are cut by the problem alone and added up in their order, so that the sum has the same bits
for every number of threads. BLAS keeps to the thread that calls it: its own threads would fight
with these, change the bits, and on the blocks of a pass rather wait than work.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache, cached_property
from threading import Lock

from joblib import effective_n_jobs
from threadpoolctl import ThreadpoolController


class Team:
    """Threads for the parts of passes: there from the first pass of several on, as long as this.

    Parameters
    ----------
    n_jobs : int or None
        How many; None is one.
    """

    def __init__(self, n_jobs):
        self.n_jobs = n_jobs or 1

    @cached_property
    def _pool(self):
        return ThreadPoolExecutor(self.n_jobs)

    def in_order(self, part, borders):
        """part(start, stop) for all (start, stop) of `borders`, one after the other."""
        with blas_by_one_thread():
            if self.n_jobs == 1 or len(borders) == 1:
                yield from (part(start, stop) for start, stop in borders)
                return
            waiting = deque()
            try:
                for start, stop in borders:
                    waiting.append(self._pool.submit(part, start, stop))
                    if len(waiting) > 2 * self.n_jobs:  # a result may be large: keep few
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:  # an error or Ctrl-C leaves nothing at work behind it
                for future in waiting:
                    future.cancel()
                wait(waiting)

    def total(self, part, borders):
        """What the parts return, arrays and numbers side by side, added up in their order."""
        sums = None
        for found in self.in_order(part, borders):
            if sums is None:
                sums = list(found)
            else:
                for place, value in enumerate(found):
                    sums[place] += value
            del found  # before the next is made
        return sums

    def for_each(self, part, borders):
        """The same for parts that return nothing."""
        for _ in self.in_order(part, borders):
            pass


def count(n_jobs):
    """The threads that the parameter `n_jobs` of an estimator means, as joblib has it.

    None is as many as BLAS may take, which joblib limits in its workers and the user where he
    likes: so whoever shares the cores out, by the usual means, shares them out here.
    """
    asked = effective_n_jobs(n_jobs)
    if n_jobs is not None or asked > 1:
        return asked
    return max((blas.num_threads for blas in blas_libraries().lib_controllers), default=1)


class _Limit:
    """The limit on BLAS, and how many hold it now."""

    lock, holders, limiter = Lock(), 0, None


@contextmanager
def blas_by_one_thread():
    """BLAS keeps to the thread that calls it; the last to leave gives it back its threads."""
    with _Limit.lock:
        if _Limit.holders == 0:
            _Limit.limiter = blas_libraries().limit(limits=1)
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
    return ThreadpoolController().select(user_api="blas")

"""The parts of a pass, by one thread or by several.

Parts are cut by the problem alone and added up in their order, so that the sum has the same bits
for every number of threads. BLAS keeps to the thread that calls it: its own threads would fight
with these, change the bits, and on the blocks of a pass rather wait than work.
"""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import cache, cached_property
from itertools import pairwise
from threading import Lock

import numpy as np
from joblib import cpu_count, effective_n_jobs
from threadpoolctl import ThreadpoolController

MAX_PARTS = 16


def cut(n, count):
    """(start, stop) of so many parts of n rows."""
    return list(pairwise(np.linspace(0, n, count + 1).astype(int).tolist()))


class Team:
    """The thread that calls, and others that help it with the parts of passes.

    They are there from the first pass of several parts on, as long as this is; where the cores have
    other things to do, the calling thread does the most of it.

    Parameters
    ----------
    n_jobs : int or None
        How many threads; None is one.
    """

    def __init__(self, n_jobs):
        self.n_jobs = n_jobs or 1

    @cached_property
    def _helpers(self):
        return ThreadPoolExecutor(self.n_jobs - 1)

    def in_order(self, part, borders):
        """part(start, stop) for all (start, stop) of `borders`, one after the other."""
        found, left = {}, deque(enumerate(borders))

        def take():
            """Do the next part; whether there was one."""
            try:
                place, (start, stop) = left.popleft()
            except IndexError:
                return False
            try:
                found[place] = part(start, stop)
            except BaseException:
                left.clear()  # an error or Ctrl-C leaves nothing at work behind it
                raise
            return True

        def help_out():
            while take():
                pass

        others, helping = min(self.n_jobs, len(borders)) - 1, []
        with blas_by_one_thread():
            try:
                with suppress(RuntimeError):  # no more threads to be had
                    for _ in range(others):
                        helping.append(self._helpers.submit(copy_context().run, help_out))
                for place in range(len(borders)):
                    while place not in found and take():
                        pass
                    if place not in found:
                        for helper in helping:
                            helper.result()  # raises what it has met
                    yield found.pop(place)
            finally:
                left.clear()
                wait([helper for helper in helping if not helper.cancel()])

    def total(self, part, borders):
        """What the parts return, tuples of arrays and numbers, added up in their order."""
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
        """The same where the parts return nothing."""
        for _ in self.in_order(part, borders):
            pass


def count(n_jobs):
    """The threads that the parameter `n_jobs` of an estimator means, as joblib has it.

    None is as many as BLAS may take, 1 if nobody knows that: whoever shares the cores out in the
    usual way, by joblib's workers, threadpoolctl or an environment variable, does so here too.
    """
    asked = effective_n_jobs(n_jobs)
    if n_jobs is not None or asked > 1:
        return asked
    known = [blas.num_threads for blas in blas_libraries().lib_controllers]
    return max(1, min(cores(), *known)) if known else 1


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


def _begin_anew():
    """Those that held the limit when a process was forked are not in it."""
    held, _Limit.lock, _Limit.holders = _Limit.holders, Lock(), 0
    if held:
        _Limit.limiter.restore_original_limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


@cache
def cores():
    """Those that this process may use; to look for them takes a millisecond too."""
    return cpu_count()


@cache
def blas_libraries():
    """The BLAS libraries of the process; to look for them takes a millisecond."""
    return ThreadpoolController().select(user_api="blas")

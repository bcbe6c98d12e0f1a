"""Recommenders that are measured: sgdlearn and its peers, each asked for the same few things.

A side is asked in a process of its own (`recommender_worker.py`). Ratings are arrays of users,
items (numbers from 0) and values; a model is given back as (P, Q, user bias, item bias, mean), so
that one function judges all.

Libraries are imported where they are used, so that one that is not installed is missed alone.
"""

from time import perf_counter

import numpy as np

# -- sgdlearn --------------------------------------------------------------------------------------


def ours(**settings):
    from sgdlearn import GDMatrixFactorization

    return GDMatrixFactorization(**{"random_state": 0, "tol": None, **settings})


def arrays_of(model, n_users, n_items):
    """Rows by number; what the model does not know is 0."""
    P, Q = (np.zeros((n, model.n_factors), np.float32) for n in (n_users, n_items))
    b, c = np.zeros(n_users), np.zeros(n_items)
    users, items = model.users_, model.items_
    P[users], Q[items], b[users], c[items] = (
        model.user_factors_, model.item_factors_, model.user_bias_, model.item_bias_,
    )  # fmt: skip
    return P, Q, b, c, model.mean_


def sgdlearn(users, items, y, *, k, epochs, threads, shape, **settings):
    X = np.column_stack([users, items])
    settings = {"n_factors": k, "max_iter": epochs, "n_jobs": threads, **settings}
    model = ours(**settings).fit(X, y)
    return arrays_of(model, *shape)


# -- LIBMF -----------------------------------------------------------------------------------------


def libmf_seconds(
    users, items, y, *, k, epochs, threads, shape, alpha=0.05, rate=0.1, clock=perf_counter
):
    """(seconds of `mf_train`, model). Its Python binding is gone round: it predicts wrongly."""
    import ctypes
    from contextlib import redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()):
        from libmf import mf

    ratings = np.empty((len(y), 3), dtype=np.float32)  # ids pass through float32: below 2^24
    ratings[:, 0], ratings[:, 1], ratings[:, 2] = users, items, y
    options = mf.MF(
        k=k, nr_threads=threads, nr_iters=epochs, nr_bins=20, lambda_p2=alpha, lambda_q2=alpha,
        lambda_p1=0.0, lambda_q1=0.0, eta=rate, quiet=True,
    )._options  # fmt: skip
    fit = mf.mf.fit_interface
    fit.restype = ctypes.POINTER(mf.MFModel)
    fit.argtypes = ctypes.c_int, mf.c_float_p, mf.options_ptr
    begin = clock()
    model = fit(len(y), ratings.ctypes.data_as(mf.c_float_p), options).contents
    taken = clock() - begin
    P, Q = (
        np.nan_to_num(np.ctypeslib.as_array(of, (n, model.k))[:, :k]).copy()
        for of, n in ((model.P, model.m), (model.Q, model.n))
    )
    P, Q = (np.pad(A, ((0, n - len(A)), (0, 0))) for A, n in zip((P, Q), shape))
    n_users, n_items = shape
    return taken, (P, Q, np.zeros(n_users), np.zeros(n_items), 0.0)


def libmf(users, items, y, **settings):
    return libmf_seconds(users, items, y, **settings)[1]


# -- implicit, LightFM: what was chosen ------------------------------------------------------------


def implicit_als(users, items, y, *, k, epochs, threads, shape, regularization, confidence):
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy import sparse

    model = AlternatingLeastSquares(
        factors=k, regularization=regularization, alpha=confidence, iterations=epochs,
        num_threads=threads, random_state=0,
    )  # fmt: skip
    chosen = sparse.csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape)
    model.fit(chosen, show_progress=False)
    return model.user_factors, model.item_factors, *(np.zeros(n) for n in shape), 0.0


def lightfm_warp(users, items, y, *, k, epochs, threads, shape, rate):
    from lightfm import LightFM
    from scipy import sparse

    model = LightFM(no_components=k, loss="warp", learning_rate=rate, random_state=0)
    chosen = sparse.coo_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape)
    model.fit(chosen, epochs=epochs, num_threads=threads)
    user_bias, P = model.get_user_representations()
    item_bias, Q = model.get_item_representations()
    return P, Q, user_bias, item_bias, 0.0


def popularity(users, items, y, *, shape, **_):
    counts = np.bincount(items, minlength=shape[1])
    return np.zeros((shape[0], 1)), np.zeros((shape[1], 1)), np.zeros(shape[0]), counts, 0.0


SIDES = {
    "sgdlearn": sgdlearn,
    "LIBMF": libmf,
    "implicit ALS": implicit_als,
    "LightFM WARP": lightfm_warp,
    "popularity": popularity,
}

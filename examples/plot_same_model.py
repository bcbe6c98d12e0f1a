"""
Dense, sparse, float32: one model
=================================

How the data are stored is no property of the data. A model is the same from an array in C order or
Fortran order, from a CSR matrix with 32-bit or 64-bit indices, and from one or from four threads;
and in single precision it is the same to single precision. X is read where it lies; only CSC is
converted, once.
"""

# %%
# Counts in a hundred columns, of which nine in ten are zero, in six forms.

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import csc_array, csr_array

from sgdlearn import GDLogisticRegression

rng = np.random.default_rng(0)
X = rng.poisson(1.0, size=(4000, 100)) * (rng.random((4000, 100)) < 0.1) * rng.uniform(0.1, 10, 100)
truth = rng.normal(size=100) * (rng.random(100) < 0.5)
y = (X @ truth / 8 + rng.logistic(size=4000) > 0).astype(int)

wide = csr_array(X)
wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
forms = {
    "array, Fortran order": np.asfortranarray(X),
    "CSR": csr_array(X),
    "CSR, int64 indices": wide,
    "CSC": csc_array(X),
    "array, float32": X.astype(np.float32),
    "CSR, float32": csr_array(X.astype(np.float32)),
}

# %%
# On the left the converged model, whichever way "auto" takes. On the right the way itself: plain
# stochastic gradient descent at a given rate, from the same random_state, makes the same steps.

settings = {
    "converged": {"alpha": 1e-3, "tol": 1e-12},
    "after 5 passes of sgd": {
        "alpha": 1e-3,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "max_iter": 5,
        "tol": None,
        "random_state": 0,
    },
}
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
for axis, (title, setting) in zip(axes, settings.items()):
    reference = GDLogisticRegression(**setting).fit(X, y).coef_.ravel()
    for place, (name, data) in enumerate(forms.items()):
        coef = GDLogisticRegression(**setting).fit(data, y).coef_.ravel()
        difference = np.abs(coef - reference) / np.abs(reference).max()
        jitter = place + rng.uniform(-0.25, 0.25, len(coef))
        marker, color = ("o", "C0") if coef.dtype == np.float64 else ("^", "C1")
        axis.semilogy(jitter, np.maximum(difference, 1e-18), marker, color=color, markersize=3)
        print(f"{title:22} {name:22} {coef.dtype}  largest difference {difference.max():.0e}")
    for precision, color in ((np.float64, "C0"), (np.float32, "C1")):
        rounding = np.finfo(precision).eps
        axis.axhline(rounding, color=color, linestyle=":")
        axis.text(-0.5, rounding * 1.4, f"{precision.__name__} rounding", fontsize="small")
    axis.text(5.5, 1e-18, "equal to the last bit", fontsize="small", ha="right", va="center")
    axis.set_xticks(range(len(forms)), forms, rotation=30, ha="right", fontsize="small")
    axis.set(title=title, ylim=(3e-19, 1e-3), xlim=(-0.6, 5.6))
axes[0].set_ylabel("difference from the array of doubles,\nrelative to the largest coefficient")

# %%
# Threads share passes over the rows in blocks that do not depend on how many threads there are, so
# ``n_jobs`` changes no bit.

one = GDLogisticRegression(optimizer="lbfgs", n_jobs=1).fit(X, y)
four = GDLogisticRegression(optimizer="lbfgs", n_jobs=4).fit(X, y)
print("one thread and four, to the last bit:", np.array_equal(one.coef_, four.coef_))

"""
The path of L1
==============

Under an L1 penalty most coefficients are zero, and come in one by one as it is lowered (Tibshirani
1996). The display fits a hundred penalties, each starting where the last has ended.
"""

# %%
# Ten measurements of 442 diabetes patients: the body mass index and s5, the logarithm of the serum
# triglycerides, come first, then the blood pressure. ``standardize=True`` penalises all columns
# alike, whatever their units are.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import lasso_path
from sklearn.model_selection import GridSearchCV

from sgdlearn import GDLinearRegression
from sgdlearn.inspection import CoefficientPathDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = GDLinearRegression(penalty="l1", standardize=True)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
display = CoefficientPathDisplay.from_estimator(model, X, y, ax=left)

# sphinx_gallery_defer_figures

# %%
# How low should it go? A grid search answers by folds that have not been seen.

search = GridSearchCV(model, {"alpha": display.alphas[::4]}, cv=10).fit(X, y)
mean = search.cv_results_["mean_test_score"]
error = search.cv_results_["std_test_score"] / np.sqrt(10)
alphas = display.alphas[::4]
right.semilogx(alphas, mean, "o-", markersize=4)
right.fill_between(alphas, mean - error, mean + error, alpha=0.2)
right.axvline(search.best_params_["alpha"], color="C1", linestyle="--")
left.axvline(search.best_params_["alpha"], color="C1", linestyle="--")
right.invert_xaxis()
right.set(xlabel="alpha", ylabel="R² on held-out folds, ± one standard error")
kept = np.flatnonzero(search.best_estimator_.coef_)
print(f"alpha = {search.best_params_['alpha']:.3g} keeps {', '.join(X.columns[kept])}")

# %%
# The path is that of scikit-learn's Lasso, on scaled columns.

deviations = X.std(ddof=0).to_numpy()
Z = (X - X.mean()).to_numpy() / deviations
theirs = lasso_path(Z, y - y.mean(), alphas=display.alphas, tol=1e-10)[1].T / deviations
print("largest difference from lasso_path:", np.abs(theirs - display.coefs).max())

"""scikit-learn's own checks, those that pairs of ids can pass."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sgdlearn import GDMatrixFactorization

NOT_PAIRS = "feeds a generic matrix; X must hold two columns, the ids of users and of items"
NOT_RATINGS = "feeds a generic sparse matrix with y; of a sparse X the entries are the ratings"
WEIGHTS = (
    "a weight of 2 is one step of twice the length, two copies are two steps at other times: the "
    "same objective, not the same path"
)
EXPECTED = {
    **dict.fromkeys(
        [
            "check_all_zero_sample_weights_error",
            "check_dict_unchanged",
            "check_dont_overwrite_parameters",
            "check_dtype_object",
            "check_estimators_dtypes",
            "check_estimators_nan_inf",
            "check_estimators_pickle",
            "check_f_contiguous_array_estimator",
            "check_fit2d_1sample",
            "check_fit2d_predict1d",
            "check_fit_score_takes_y",
            "check_methods_sample_order_invariance",
            "check_methods_subset_invariance",
            "check_n_features_in_after_fitting",
            "check_non_transformer_estimators_n_iter",
            "check_pipeline_consistency",
            "check_positive_only_tag_during_fit",
            "check_regressor_data_not_an_array",
            "check_regressors_int",
            "check_regressors_no_decision_function",
            "check_regressors_train",
            "check_sample_weights_list",
            "check_supervised_y_2d",
        ],
        NOT_PAIRS,
    ),
    "check_estimator_sparse_tag": NOT_RATINGS,
    "check_sample_weight_equivalence_on_dense_data": f"{NOT_PAIRS}; and {WEIGHTS}",
    "check_sample_weight_equivalence_on_sparse_data": f"{NOT_RATINGS}; and {WEIGHTS}",
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # short on purpose
@parametrize_with_checks(
    [GDMatrixFactorization(n_factors=4, max_iter=5, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_estimator_keeps_scikit_learns_conventions(estimator, check):
    check(estimator)

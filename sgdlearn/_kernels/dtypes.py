"""Which compiled function serves which arrays: a kernel is indexed by these names."""

import numpy as np

FLOATING = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
INDEX = {np.dtype(np.int32): "int", np.dtype(np.int64): "long long"}

"""Matrix factorisation by gradient descent: ids, rows, blocks, and the ways over them."""

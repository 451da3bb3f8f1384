"""The estimators, one family a file: each is a rule of :mod:`reinmax_ref.algebra` bound to a sample."""

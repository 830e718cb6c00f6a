"""Where problems come from: one module per kind of source, each yielding :class:`~transfer_eval.problem.Problem`."""

"""The papers' source→target experiments: a preset is trained stage by stage and becomes numbers, findings and a page.

``preset`` and ``stages`` say what is trained, ``running`` trains it and writes raw results, ``hidden`` what became of
the latent space. Of the raw results alone: ``results`` and ``latent`` read them, ``resampling`` says how sure a number
is, ``transfer`` and ``space`` are the arithmetic, ``claims`` and ``findings`` hold it against the papers,
``tabulation``, ``plots``, ``space_plots`` and ``page`` show it.
"""

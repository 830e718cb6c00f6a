"""The latent space in numbers: every measure of every model and layer, and their differences, with intervals.

The same draws of seeds and functions serve all, so that differences are paired. Differences are from the base, from
where a stage began (after RL less before), and between arms of one stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from transfer_eval.training.experiment.latent import (
    CENTRED_BY_FUNCTION,
    CENTRED_EQUIVALENT,
    CENTRED_MRR,
    CENTRED_TOP1,
    Latent,
    Model,
    Spot,
)
from transfer_eval.training.experiment.resampling import Interval, Quantity, mean, resample
from transfer_eval.training.experiment.results import BASE, ORACLE, REFERENCE, RL, SFT, STAGES, Outcomes, ordered
from transfer_eval.training.representation import geometry
from transfer_eval.training.representation.analysis import (
    BY_FUNCTION,
    BY_LANGUAGE,
    EQUIVALENT,
    MRR,
    OVER_RANDOM,
    OVER_SAME_LANGUAGE,
    RANDOM,
    SAME_LANGUAGE,
    TOP1,
)

NAMES = {
    TOP1: "top-1 retrieval",
    MRR: "mean reciprocal rank",
    EQUIVALENT: "cosine of equivalent programs",
    SAME_LANGUAGE: "cosine within a language",
    RANDOM: "cosine of random pairs",
    OVER_RANDOM: "cosine of equivalent less random",
    OVER_SAME_LANGUAGE: "cosine of equivalent less same-language",
    BY_FUNCTION: "silhouette by function",
    BY_LANGUAGE: "silhouette by language",
    CENTRED_TOP1: "centred top-1 retrieval",
    CENTRED_MRR: "centred mean reciprocal rank",
    CENTRED_EQUIVALENT: "centred cosine of equivalent programs",
    CENTRED_BY_FUNCTION: "centred silhouette by function",
}
"""Measures as people read them, in the order they are told."""
SHOWN = {
    TOP1: "share found",
    CENTRED_TOP1: "share found",
    EQUIVALENT: "cosine",
    OVER_RANDOM: "difference of cosines",
    BY_FUNCTION: "from -1 to 1",
    BY_LANGUAGE: "from -1 to 1",
}
"""Those a page has room for, and their units."""
_SHARES = (TOP1, MRR, CENTRED_TOP1, CENTRED_MRR)
_CONTRASTS = {OVER_RANDOM: RANDOM, OVER_SAME_LANGUAGE: SAME_LANGUAGE}
ABOVE = "above 0"
"""In place of a layer: the mean of those above the embeddings."""
SCOPE = "all layers above the embeddings"


@dataclass(frozen=True)
class Space:
    """All numbers; ``models`` in the order they are told of."""

    latent: Latent
    models: tuple[Model, ...]
    quantities: Mapping[Spot, Quantity]

    @property
    def layers(self) -> list[str]:
        """Each, and the mean of those above the embeddings where there are any."""
        above = [ABOVE] if any(self.latent.layers) else []
        return [*map(str, self.latent.layers), *above]

    def level(self, spot: Spot) -> Interval:
        """A measure, within what it can be."""
        most = 2.0 if spot.measure in _CONTRASTS else 1.0
        return self.quantities[spot].within(0.0 if spot.measure in _SHARES else -most, most)

    def difference(self, spot: Spot, less: Model) -> Interval:
        """A measure less another model's."""
        return (self.quantities[spot] - self.quantities[spot._replace(model=less)]).interval()

    def chance(self, measure: str) -> float | None:
        """What no information gives, where that is one number."""
        top1, mrr = geometry.chance(len(self.latent.functions))
        if measure in (TOP1, CENTRED_TOP1):
            return top1
        if measure in (MRR, CENTRED_MRR):
            return mrr
        return 0.0 if measure in (*_CONTRASTS, CENTRED_EQUIVALENT) else None


def analyse(latent: Latent) -> Space:
    """The numbers of what was read."""
    functions = tuple(map(str, range(len(latent.functions))))
    outcomes = Outcomes(latent.seeds, functions, latent.cells)
    drawn = {spot: replace(of, counted=spot.measure in _SHARES) for spot, of in resample(outcomes).items()}
    models = _in_order({spot.model for spot in drawn})
    for model in models:
        for layer in map(str, latent.layers):
            equivalent = drawn[Spot(model, layer, EQUIVALENT)]
            for contrast, other in _CONTRASTS.items():
                drawn[Spot(model, layer, contrast)] = equivalent - drawn[Spot(model, layer, other)]
        above = [str(layer) for layer in latent.layers if layer]
        if above:
            for measure in NAMES:
                drawn[Spot(model, ABOVE, measure)] = mean([drawn[Spot(model, of, measure)] for of in above])
    return Space(latent, models, drawn)


def _in_order(models: set[Model]) -> tuple[Model, ...]:
    """The base first, oracles last, the others arm by arm."""
    arms = ordered(model.arm for model in models)

    def place(model: Model) -> tuple[bool, bool, int, int]:
        return model.stage != BASE, model.stage == ORACLE, arms.index(model.arm), STAGES.index(model.stage)

    return tuple(sorted(models, key=place))


def pairs(space: Space) -> Iterator[tuple[Model, Model]]:
    """(model, the one it is compared with)."""
    for base in (model for model in space.models if model.stage == BASE):
        yield from ((model, base) for model in space.models if model != base)
    for after in (model for model in space.models if model.stage == RL):
        yield from ((after, before) for before in path(space, after) if before.stage == SFT)
    for stage in (SFT, RL):
        yield from _between_arms(stage, [model.arm for model in space.models if model.stage == stage])


def path(space: Space, model: Model) -> list[Model]:
    """The models that led to one after RL, and itself: the base, its arm's SFT or the only one there is."""
    begun = [of for of in space.models if of.stage == SFT]
    own = [of for of in begun if of.arm == model.arm] or (begun if len(begun) == 1 else [])
    return [*(of for of in space.models if of.stage == BASE), *own, model]


def _between_arms(stage: str, arms: list[str]) -> Iterator[tuple[Model, Model]]:
    if REFERENCE in arms:
        compared = [(REFERENCE, arm) for arm in arms if arm != REFERENCE]
    else:
        compared = list(combinations(arms, 2))
    for against, arm in compared:
        yield Model(arm, stage), Model(against, stage)


def measure_after(measure: str, stage: str) -> str:
    """What a measure is called where claims are told."""
    return f"{NAMES[measure]} after {stage}"


def measures(space: Space) -> dict[str, dict[str, dict[str, Quantity]]]:
    """By measure and stage, arm and ``SCOPE``, as claims are made of."""
    made: dict[str, dict[str, dict[str, Quantity]]] = {}
    for spot, quantity in space.quantities.items():
        if spot.layer == ABOVE and spot.model.stage in (SFT, RL):
            of_measure = made.setdefault(measure_after(spot.measure, spot.model.stage), {})
            of_measure[spot.model.arm] = {SCOPE: quantity}
    return made

"""The words and the tables of the page's section on the latent space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from transfer_eval.training.experiment.claims import MARGIN
from transfer_eval.training.experiment.latent import Model, Spot
from transfer_eval.training.experiment.markup import grid
from transfer_eval.training.experiment.resampling import Interval
from transfer_eval.training.experiment.results import BASE, named
from transfer_eval.training.experiment.space import ABOVE, NAMES, SCOPE, SHOWN, Space, pairs
from transfer_eval.training.representation.analysis import MRR, TOP1


def method(space: Space) -> str:
    """What was looked at, in which units, and what chance would give."""
    latent, top1, mrr = space.latent, space.chance(TOP1), space.chance(MRR)
    return (
        f"Each model read right programs of {len(latent.functions)} functions in {len(latent.languages)} languages. "
        "The hidden states of a layer are averaged over the tokens of a function's body; layer 0 is the embeddings, "
        "a bag of tokens. In retrieval a program looks for its equivalent among those of another language, by cosine: "
        f"chance finds {top1:.1%} (mean reciprocal rank {mrr:.3f}), and no difference of cosines. "
        "Random pairs are two functions in two languages. Centred means less the mean of each language, and so without "
        "what only tells the language. Cosines and silhouettes lie between -1 and 1. "
        "Intervals are of 95%, made as above, with functions in place of problems. "
        f"Verdicts are on the mean over {SCOPE}. A gain of retrieval that is surely below {100 * MARGIN:.0f} points "
        "counts as none; of cosines, whose spread is every model's own, only what is surely not above 0."
    )


def tables(space: Space) -> Iterator[str]:
    """What is shown of all models, and of all pairs that are compared, over the layers above the embeddings."""
    if ABOVE not in space.layers:
        return
    levels = {_named(model): [space.level(Spot(model, ABOVE, name)) for name in SHOWN] for model in space.models}
    differences = {
        f"{_named(model)} less {_named(less)}": [space.difference(Spot(model, ABOVE, name), less) for name in SHOWN]
        for model, less in pairs(space)
    }
    chances = [space.chance(measure) for measure in SHOWN]
    by_chance = ["by chance", *("" if of is None else f"{of:.3f}" for of in chances)]
    for title, rows in (
        ("Where each model stands", [*_rows(levels, ""), by_chance]),
        ("What changed, in pairs", _rows(differences, "+")),
    ):
        yield f"<h3>{title}</h3>"
        yield grid(["", *(NAMES[measure] for measure in SHOWN)], rows)
    told = f"Means over {SCOPE}, ± half of the interval’s width. Every layer and more measures are in"
    yield f'<p class="quiet">{told} <b>representation.csv</b>.</p>'


def _named(model: Model) -> str:
    return named(model.arm) if model.stage == BASE else f"{model.arm}, {model.stage}"


def _rows(of: Mapping[str, Sequence[Interval]], sign: str) -> list[list[str]]:
    return [
        [name, *(f"{round(of.value, 3) + 0.0:{sign}.3f} ± {of.half_width:.3f}" for of in intervals)]
        for name, intervals in of.items()
    ]

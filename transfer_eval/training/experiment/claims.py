"""What the two papers say, as data: a sentence, the contrast it is about, and what it predicts of it.

Parallel-SFT is arXiv 2604.20835 (ACL Findings 2026), OORL is arXiv 2505.12723 (NeurIPS 2025). A claim's ``known`` says
how the sentence or its number is known; ``KNOWN`` spells the letters out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from transfer_eval.training.experiment.latent import CENTRED_TOP1
from transfer_eval.training.experiment.results import GENERATION, OORL, PARALLEL_SFT, SFT, TRANSLATION
from transfer_eval.training.experiment.space import SCOPE, measure_after
from transfer_eval.training.experiment.transfer import AFTER, ALL, GAIN, HELD_OUT, LEAD, OUTSIDE, PASS
from transfer_eval.training.representation.analysis import EQUIVALENT, OVER_RANDOM, TOP1

KNOWN = {
    "V": "read in the paper itself",
    "V*": "quoted from the paper by others",
    "S": "from a secondary source: probable, not proven",
    "I": "our arithmetic on the paper's numbers",
}
MARGIN = 0.02
"""A gain of pass@1 or of retrieval that is surely below this counts as none."""
SOURCE = "the source"
SOME = "some target"


class Prediction(Enum):
    """The sign a claim gives its contrast."""

    GAIN = "above 0"
    NO_GAIN = "not above 0"


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        against: the arm it is compared with; None: the measure itself is the contrast.
        scope: of the measure; ``SOURCE`` is the source language, ``SOME`` at least one language.
        number: the paper's own, in percentage points, as it would be printed; empty if it is not known.
        unit: what a hundredth of the measure is called, told with so many ``digits``.
        margin: a gain that is surely below this counts as none; 0 where no gain is known to be too small.
    """

    experiment: str
    sentence: str
    measure: str
    arm: str
    against: str | None
    scope: str
    prediction: Prediction
    where: str
    known: str
    number: str = ""
    unit: str = "points"
    digits: int = 1
    margin: float = MARGIN

    @property
    def of_space(self) -> bool:
        """Whether it is about the latent space."""
        return self.scope == SCOPE


_ANY = f"{TRANSLATION}, {ALL}"
_HELD_OUT = f"{TRANSLATION}, {HELD_OUT}"
_FOUND, _FOUND_CENTRED, _ALIKE, _TIGHT = (
    measure_after(measure, SFT) for measure in (TOP1, CENTRED_TOP1, EQUIVALENT, OVER_RANDOM)
)
_COSINE = ("", "hundredths", 2, 0.0)  # number, unit, digits, margin
_UP, _FLAT = Prediction.GAIN, Prediction.NO_GAIN

CLAIMS = (
    Claim(PARALLEL_SFT, "RL in the source improves the source",
          GAIN, "mono", None, SOURCE, _UP, "quoted sentence", "V*"),
    Claim(PARALLEL_SFT, "RL in the source improves the source after Parallel-SFT too",
          GAIN, "parallel", None, SOURCE, _UP, "abstract, implied", "V"),
    Claim(PARALLEL_SFT, "Without parallel programs, what RL gains in the source does not reach other languages",
          GAIN, "mono", None, ALL, _FLAT, "abstract", "V"),
    Claim(PARALLEL_SFT, "After Parallel-SFT, RL in the source improves other languages",
          GAIN, "parallel", None, ALL, _UP, "abstract", "V"),
    Claim(PARALLEL_SFT, "RL gains more in other languages after Parallel-SFT than after SFT in the source alone",
          GAIN, "parallel", "mono", ALL, _UP, "abstract; number: secondary", "S", "up to +3.3 (cell unknown)"),
    Claim(PARALLEL_SFT, "RL gains more in other languages after Parallel-SFT than after SFT on programs not parallel",
          GAIN, "parallel", "multi", ALL, _UP, "abstract; number: secondary", "S", "up to +3.3 (cell unknown)"),
    Claim(PARALLEL_SFT, "That holds for languages that were in no SFT data",
          GAIN, "parallel", "multi", OUTSIDE, _UP, "abstract (unseen languages)", "V"),
    Claim(PARALLEL_SFT, "After RL, Parallel-SFT is ahead in other languages of SFT on programs not parallel",
          AFTER, "parallel", "multi", ALL, _UP, "secondary", "S"),
    Claim(PARALLEL_SFT, "In some language, Parallel-SFT and RL in the source surpass RL in that language",
          LEAD, "parallel", None, SOME, _UP, "secondary", "S"),
    Claim(PARALLEL_SFT, "Equivalents find each other better after Parallel-SFT than after SFT in the source alone",
          _FOUND, "parallel", "mono", SCOPE, _UP, "secondary; the layers are not known", "S"),
    Claim(PARALLEL_SFT, "Equivalents find each other better after Parallel-SFT than after SFT on programs not parallel",
          _FOUND, "parallel", "multi", SCOPE, _UP, "secondary; the layers are not known", "S"),
    Claim(PARALLEL_SFT, "Centred, equivalents find each other better than after SFT in the source alone",
          _FOUND_CENTRED, "parallel", "mono", SCOPE, _UP, "secondary; centring is ours", "S"),
    Claim(PARALLEL_SFT, "Centred, equivalents find each other better than after SFT on programs not parallel",
          _FOUND_CENTRED, "parallel", "multi", SCOPE, _UP, "secondary; centring is ours", "S"),
    Claim(PARALLEL_SFT, "Equivalents are more alike after Parallel-SFT than after SFT in the source alone",
          _ALIKE, "parallel", "mono", SCOPE, _UP, "secondary; the layers are not known", "S", *_COSINE),
    Claim(PARALLEL_SFT, "Equivalents are more alike after Parallel-SFT than after SFT on programs not parallel",
          _ALIKE, "parallel", "multi", SCOPE, _UP, "secondary; the layers are not known", "S", *_COSINE),
    Claim(PARALLEL_SFT, "Equivalents cluster more tightly after Parallel-SFT than after SFT in the source alone",
          _TIGHT, "parallel", "mono", SCOPE, _UP, "abstract; the measure is ours", "V", *_COSINE),
    Claim(PARALLEL_SFT, "Equivalents cluster more tightly after Parallel-SFT than after SFT on programs not parallel",
          _TIGHT, "parallel", "multi", SCOPE, _UP, "abstract; the measure is ours", "V", *_COSINE),
    Claim(OORL, "RL on translation improves translation",
          PASS, "rl", "none", _ANY, _UP, "table 4", "I", "+7.50"),
    Claim(OORL, "RL on translation improves generation",
          PASS, "rl", "none", GENERATION, _UP, "table 4", "I", "+8.54"),
    Claim(OORL, "DPO on pairs adds nothing to RL in translation",
          PASS, "rl+dpo", "rl", _ANY, _FLAT, "table 4", "I", "+0.24"),
    Claim(OORL, "DPO on pairs adds nothing to RL in generation",
          PASS, "rl+dpo", "rl", GENERATION, _FLAT, "table 4", "I", "-0.12"),
    Claim(OORL, "GEPO adds to RL in translation",
          PASS, "rl+gepo", "rl", _ANY, _UP, "table 4", "I", "+4.69"),
    Claim(OORL, "GEPO adds to RL in generation",
          PASS, "rl+gepo", "rl", GENERATION, _UP, "table 4", "I", "+2.71"),
    Claim(OORL, "GEPO on groups adds more to RL than DPO on pairs, in translation",
          PASS, "rl+gepo", "rl+dpo", _ANY, _UP, "table 4", "I", "+4.45"),
    Claim(OORL, "GEPO on groups adds more to RL than DPO on pairs, in generation",
          PASS, "rl+gepo", "rl+dpo", GENERATION, _UP, "table 4", "I", "+2.83"),
    Claim(OORL, "OORL improves translation to languages it was not trained on",
          PASS, "rl+gepo", "none", _HELD_OUT, _UP, "table 3, mean over its five held-out targets", "I", "+14.61"),
)  # fmt: skip
"""All claims, in the order they are told."""

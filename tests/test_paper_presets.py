"""The paper presets, dry runs, and what they need of an experiment: whole programs, verification, a published base."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.conftest import needs
from tests.test_experiment import STEP, TOY
from tests.test_experiment_statistics import write_raw
from transfer_eval.commands.reproduce import command
from transfer_eval.errors import UserError
from transfer_eval.generation import FinishReason, Generation, Sampling
from transfer_eval.prompt import Prompt, Style
from transfer_eval.training.experiment import architecture, estimate, exams, preset, rehearsal, running
from transfer_eval.training.experiment import needs as needed
from transfer_eval.training.experiment.launching import launch
from transfer_eval.training.experiment.preset import Estimate, Experiment, Measuring
from transfer_eval.training.experiment.stages import PUBLISHED, merge, stages
from transfer_eval.training.experiment.standins import StandIns
from transfer_eval.training.experiment.tabulation import tables
from transfer_eval.training.reading import parse
from transfer_eval.training.running import train
from transfer_eval.training.settings import OorlSettings, RlSettings, SftSettings

# What TRL and transformers say of each other's future is not ours to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

ALL = [(name, of) for name in ("parallel-sft", "oorl") for of in preset.names(name)]
PAPERS = ["parallel-sft", "oorl"]


def reproduce(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, env={"COLUMNS": "160"})


@pytest.mark.parametrize(("name", "of"), ALL)
def test_every_preset_has_a_dry_run(name: str, of: str) -> None:
    needs("python")
    result = reproduce(name, "--preset", of, "--dry-run")
    assert result.exception is None, result.output
    read = preset.read(name, of)
    for stage in stages(read, read.seeds - 1):
        assert stage.key in result.output
    for table in ("Needs", "Rehearsal", "Replaced", "Cost of one seed", "Assumed, as [estimate] has it"):
        assert table in result.output
    assert "generation" in result.output and f"all {read.seeds} seeds" in result.output


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_preset_says_what_it_needs(name: str) -> None:
    read = preset.read(name, "paper")
    weights = architecture.weights(architecture.configuration(read))
    found = {need.what: need for need in needed.missing(read, stages(read, 0), weights)}
    assert read.model is not None
    model = found[f"the model {read.model.path}"]
    assert model.gigabytes is not None and 16 < model.gigabytes < 16.5  # as the Hub lists its files
    commands = " ".join(need.how for need in found.values())
    if name == "oorl":
        assert "transfer-eval ir-groups --functions 9600 --out groups.jsonl" in commands
    else:
        assert "transfer-eval corpus build" in commands
        assert found["the set open-r1/codeforces"].gigabytes == 2.76


def test_what_is_there_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stand_ins = StandIns(tmp_path, ["python", "lua"], None, False)
    values = changed("oorl", groups={"path": stand_ins.groups}, launch="")
    values["measuring"] = {"suite": "humaneval"}
    values["rl"]["data"]["suite"] = "generated:train"
    values["languages"] = {"source": "python", "seen": ["python", "perl"]}
    experiment = Experiment.model_validate(values)
    for name in ("python", "perl"):
        needs(name)
    assert [need.what for need in needed.missing(experiment, stages(experiment, 0), 1)] == ["the model Qwen/Qwen3-8B"]


def changed(name: str, **changes: Any) -> dict[str, Any]:
    """A paper preset's values, with tables merged into its own."""
    return merge(parse(preset.FOLDER / f"{name}-paper.toml"), changes)


def edited(tmp_path: Path, name: str, old: str, new: str) -> Path:
    text = (preset.FOLDER / f"{name}-paper.toml").read_text()
    assert old in text
    path = tmp_path / "edited.toml"
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("parallel-sft", "learning_rate = 1e-5", 'learning_rate = "x"', "stage mono/sft: optimisation.learning_rate"),
        ("parallel-sft", "rollouts = 8", "rolouts = 8", "stage mono/rl: unknown key 'policy.rolouts'"),
        ("oorl", "variance_weight = 1.0", "lambda = 1.0", "stage rl/rl: unknown key 'groups.lambda'"),
        ("oorl", "hidden_size = 4096", "hiden_size = 4096", "architecture: qwen3 has no 'hiden_size'"),
        ("oorl", 'model_type = "qwen3"', 'model_type = "qwen33"', "architecture: Unrecognized model identifier"),
        ("oorl", "humaneval = 164", "", "estimate.problems: how many problems are there in 'humaneval'?"),
        ("parallel-sft", 'programs = "codeforces"', 'programs = "contests"', "unknown set 'contests'"),
        # These are well-formed, and show only where a step is taken.
        ("parallel-sft", "rollouts = 8", "rollouts = 6", "stage mono/rl: .*divisible"),
        ("oorl", 'schedule = "cosine"', 'schedule = "cosinus"', "stage rl/rl: .*cosinus"),
        ("oorl", "max_length = 8192", "max_length = 8", "stage rl[+]dpo/rl: .*none of its 16 groups fits"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
    needs("python")
    result = reproduce(name, "--preset", str(edited(tmp_path, name, old, new)), "--dry-run")
    assert isinstance(result.exception, UserError)
    with pytest.raises(UserError, match=said):
        raise result.exception
    assert "\n" not in str(result.exception)


def test_a_step_in_small_goes_into_groups_as_the_real_one_does() -> None:
    for rollouts in (2, 3, 8):
        for batch in (1, 2, 8, 30, 256, 257):
            for gpus in (1, 4, 5):
                policy = {"rollouts": rollouts}
                step: dict[str, Any] = {"batch": batch, "accumulation": 3, "checkpointing": None, "bf16": None}
                rehearsal._cut_step(step, policy, gpus, {})
                small = step["batch"] * step["accumulation"]
                assert (small % rollouts == 0) == (batch * 3 * gpus % rollouts == 0)
                assert small <= 16 * 10


# Arithmetic, by hand: 10^9 weights, a GPU of 100 TFLOP/s of which training reaches half and generation a hundredth.
GIGA = 10**9
ASSUMED: dict[str, Any] = {
    "gpus": 2, "memory_gb": 80, "peak_tflops": 100, "training": 0.5, "generation": 0.01, "prompt_tokens": 100,
    "filled": 0.5, "row_tokens": 10, "ir_tokens": 50, "problems": {"s": 30, "g": 64},
}  # fmt: skip
OPTIMISATION = {"learning_rate": 1e-5, "batch": 4, "accumulation": 2, "checkpointing": False}


def costs(name: str, **changes: Any) -> dict[str, estimate.Cost]:
    values: dict[str, Any] = {
        "name": name, "arms": ["mono"] if name == "parallel-sft" else ["rl", "rl+gepo", "gepo"],
        "languages": {"source": "python", "seen": ["python", "perl"], "unseen": ["lua"]},
        "measuring": {"suite": "s", "max_tokens": 20, "translate_from": ["python"], "translated": 10},
        "model": {"path": "m", "dtype": "float32"},
        "sft": {"data": {"suite": "s", "tokens": 1000}, "optimisation": {**OPTIMISATION, "epochs": 3}},
        "rl": {
            "data": {"suite": "s", "limit": 20}, "policy": {"rollouts": 4, "max_tokens": 100},
            "optimisation": OPTIMISATION,
        },
        "groups": None if name == "parallel-sft" else {"path": "g", "winners": 3, "losers": 1, "batch": 2},
        "estimate": ASSUMED,
    }  # fmt: skip
    experiment = Experiment.model_validate(merge(values, changes))
    found = [estimate.cost(experiment, stage, GIGA) for stage in stages(experiment, 0)]
    return {f"{of.stage.arm}/{of.stage.name}": of for of in found}


def test_tokens_and_hours_by_hand() -> None:
    found = costs("parallel-sft")
    # 30 problems in three languages, 10 from Python into two others; 100 tokens are asked and 10 answered.
    examined = (30 * 3 + 10 * 2) * 110
    for of in found.values():
        assert of.work.examined == examined
        assert of.exams == pytest.approx(2 * GIGA * examined / (100e12 * 0.01) / 3600)
    assert found["shared/base"].hours == found["shared/base"].exams
    sft, rl = found["mono/sft"], found["mono/rl"]
    assert (sft.work.learnt, sft.work.written) == (3000, 0)
    assert sft.training == pytest.approx(6 * GIGA * 3000 / (100e12 * 0.5) / 3600)
    # 20 prompts, 4 answers each, of 100 + 50 tokens.
    assert rl.work.learnt == rl.work.written == 20 * 4 * 150
    assert rl.generation == pytest.approx(2 * GIGA * 12000 / (100e12 * 0.01) / 3600)
    assert rl.hours == rl.training + rl.generation + rl.exams
    steps = costs("parallel-sft", rl={"optimisation": {"steps": 5}})["mono/rl"]
    assert steps.work.learnt == 5 * 4 * 2 * 2 * 150  # batch, accumulation, GPUs
    reused = costs("parallel-sft", rl={"policy": {"reuse": 2, "kl": 0.1}})["mono/rl"]
    assert (reused.work.learnt, reused.work.written, reused.work.read) == (24000, 12000, 24000)
    adapted = costs("parallel-sft", sft={"lora": {"rank": 4}, "optimisation": {"checkpointing": True}})["mono/sft"]
    assert adapted.training == pytest.approx(sft.training)  # 4 + 2 for 6


def test_groups_by_hand() -> None:
    found = costs("oorl", rl={"policy": {"algorithm": "reinforce++", "kl": 0.1}}, sft=None)
    alone, both, gepo = found["rl/rl"].work, found["rl+gepo/rl"].work, found["gepo/rl"].work
    assert (alone.learnt, alone.read) == (20 * 4 * 150, 2 * 20 * 4 * 150)  # by the reference and by the policy
    # 80 answers are ten passes of 4 on two GPUs, each with two groups of four times 50 tokens on each.
    assert both.learnt - alone.learnt == 10 * 2 * 2 * 4 * 50
    assert both.read - alone.read == 10 * 2 * 2 * 4 * 50  # 64 groups are never all seen
    # An epoch of 64 groups is all that is learnt; the reference is asked about each once.
    assert (gepo.learnt, gepo.read, gepo.written) == (64 * 4 * 50, 64 * 4 * 50, 0)


def test_memory_by_hand() -> None:
    def held(settings: Any, **assumed: Any) -> tuple[float, float]:
        return estimate.memory(settings, Estimate.model_validate({**ASSUMED, **assumed}), GIGA)

    base = {"model": {"path": "m", "dtype": "float32"}, "optimisation": OPTIMISATION}
    sft = SftSettings.model_validate({**base, "data": {"suite": "s", "languages": ["python", "lua"]}})
    rl = RlSettings.model_validate({**base, "data": {"suite": "s", "languages": ["python"]}, "policy": {"kl": 0.1}})
    assert held(sft) == (16, 0)  # four bytes each: weights, gradients, two moments
    assert held(rl) == (20, 0)  # and the reference
    assert held(sft, zero=1) == (2 + 2 + 12 / 2, 0)
    assert held(rl, zero=2, offload=True) == (2 + 2 + 2 / 2, 12)
    adapted = rl.model_copy(update={"lora": {"rank": 4}})
    assert held(adapted) == (4, 0)  # the reference is the model without its adapters
    gepo = OorlSettings.model_validate({**rl.model_dump(), "groups": {"path": "g"}, "rl_weight": 0, "gepo_weight": 1})
    assert held(gepo) == (16, 0)
    fits = costs("parallel-sft", estimate={"memory_gb": 16, "reserve": 0.0})["mono/sft"].fits
    assert fits and not costs("parallel-sft", estimate={"memory_gb": 16, "reserve": 0.01})["mono/sft"].fits


@dataclass(frozen=True)
class Scripted:
    """Writes one program whatever it is asked, and says yes where that is asked."""

    identity = {"model": "scripted"}  # noqa: RUF012
    style: Style = Style.CHAT

    def settings(self, wanted: Sampling) -> Sampling:
        return wanted

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling, done: Any = ()) -> Iterator[list[Generation]]:
        for prompt in prompts:
            asked = prompt.messages[-1]["content"]
            text = "Yes." if "Answer yes or no" in asked else "```python\nprint(2 * int(input()))\n```"
            yield [
                Generation(
                    name=prompt.task.name, language=prompt.task.language, sample=0, text=text,
                    finish_reason=FinishReason.STOP, tokens=1, style=prompt.style, prompt=prompt.digest,
                    model="scripted", temperature=0, top_p=1, max_tokens=1, seed=None,
                )
            ]  # fmt: skip


def test_whole_programs_and_verification_are_exams(tmp_path: Path) -> None:
    for name in ("python", "lua"):
        needs(name)
    stand_ins = StandIns(tmp_path, ["python", "lua"], None, False)
    place = stand_ins.programs("codeforces")
    measuring = Measuring(programs="codeforces", place=place, limit=3, verification=stand_ins.corpus)
    rows = exams.sit(Scripted(), measuring, ["python", "lua"], "auto")
    passed = {(task, language): [] for task in ("generation", "verification") for language in ("python", "lua")}
    for task, source, language, _, value in rows:
        assert source == ""
        passed[task, language].append(value)
    assert passed["generation", "python"] == [1, 1, 1]  # the examples ask for the double
    assert passed["generation", "lua"] == [0, 0, 0]  # Python is no Lua
    for language in ("python", "lua"):
        assert sorted(passed["verification", language]) == [0, 1]  # three are no even number
    every = exams.sit(Scripted(), measuring.model_copy(update={"limit": None}), ["python"], "auto")
    said = [row[4] for row in every if row[0] == "verification"]
    assert sum(said) * 2 == len(said) > 0  # as many right programs as wrong ones: yes is right of half
    problems = [row[3] for row in every if row[0] == "verification"]
    assert len(set(problems)) == len(problems)  # each is asked about once
    with pytest.raises(UserError, match="both programs that passed"):
        exams.sit(Scripted(), measuring, ["python", "perl"], "auto")


def test_measuring_asks_for_something_to_write() -> None:
    with pytest.raises(ValueError, match="give suite, programs or both"):
        Measuring(verification="v")
    with pytest.raises(ValueError, match="translate_from is for a suite"):
        Measuring(programs="codeforces", translate_from=("python",))


def verified_lines(arms: dict[str, tuple[int, int]]) -> list[str]:
    """Outcomes of sft and rl: generation is all right or wrong by chance of the name, verification as ``arms`` says."""
    lines = ["arm,stage,seed,task,source,language,problem,passed"]
    for arm, rights in arms.items():
        for stage, right in zip(("sft", "rl"), rights, strict=True):
            for language in ("python", "java", "go"):
                for seed in (0, 1):
                    for number in range(20):
                        place = f"{arm},{stage},{seed}"
                        lines.append(f"{place},generation,,{language},p{number},{number % 2}")
                        lines.append(f"{place},verification,,{language},p{number},{int(number < right)}")
    return lines


def test_verification_has_tables_of_its_own(tmp_path: Path) -> None:
    lines = verified_lines({"mono": (10, 12), "parallel": (10, 16)})
    made = tables(write_raw(tmp_path / "a", "parallel-sft", lines))
    alone = tables(write_raw(tmp_path / "b", "parallel-sft", [line for line in lines if "verification" not in line]))
    assert made["verification.csv"] and made["verification_gains.csv"]
    assert {name: text for name, text in made.items() if "verification" not in name} == alone
    rows = {(row["arm"], row["stage"], row["language"]): row for row in table(made["verification.csv"])}
    assert len(rows) == 2 * 2 * 3
    assert rows["parallel", "rl", "go"]["accuracy"] == "0.8000"
    assert rows["parallel", "rl", "go"]["chance"] == "0.5"
    assert float(rows["mono", "sft", "java"]["low"]) < 0.5 < float(rows["mono", "sft", "java"]["high"])
    gains = {(row["arm"], row["scope"]): row["gain"] for row in table(made["verification_gains.csv"])}
    assert (gains["mono", "all targets"], gains["parallel", "all targets"]) == ("0.1000", "0.3000")


def test_verification_is_a_scope_of_the_ablation(tmp_path: Path) -> None:
    lines = verified_lines({"none": (10, 10), "rl": (10, 12), "rl+gepo": (10, 16)})
    made = tables(write_raw(tmp_path, "oorl", lines))
    scores = {(row["arm"], row["scope"]): row["pass@1"] for row in table(made["ablation.csv"])}
    assert scores["rl+gepo", "verification"] == "0.8000"
    assert scores["rl+gepo", "generation"] == "0.5000"
    assert "verification.csv" in made and "verification_gains.csv" not in made


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def published(tmp_path: Path) -> Experiment:
    """OORL from a published model, which is a small one on the disk."""
    llama = architecture.configuration(preset.read("parallel-sft", "paper"))
    stand_ins = StandIns(tmp_path, ["python", "perl", "lua"], llama, True)
    values = {
        **TOY, "name": "oorl", "arms": ["rl", "gepo"], "oracle": [], "base": None, "sft": None,
        "model": {"path": stand_ins.model, "thinking": False}, "groups": {"path": stand_ins.groups},
        "rl": merge({**TOY["rl"]}, {"optimisation": {**STEP, "steps": 1}}),
    }  # fmt: skip
    return Experiment.model_validate(values)


def test_a_published_base_is_measured_and_started_from(tmp_path: Path) -> None:
    for name in ("python", "perl", "lua"):
        needs(name)
    experiment, store = published(tmp_path), running.Store(tmp_path / "store")
    made = stages(experiment, 0)
    assert [(stage.arm, stage.name, stage.kind) for stage in made] == [
        ("none", "base", PUBLISHED), ("rl", "rl", "oorl"), ("gepo", "rl", "oorl"),
    ]  # fmt: skip
    assert store.start(made[1]) == experiment.model.path  # type: ignore[union-attr]
    list(running.run(experiment, 0, store))
    assert running.gather(experiment, [0], store, tmp_path, {}) == [0]
    rows = list(csv.DictReader((tmp_path / "raw" / "outcomes.csv").read_text().splitlines()))
    assert len(rows) == 3 * 3 * (3 + 2)
    template = (store.model(made[1]) / "chat_template.jinja").read_text()
    assert template.startswith("{%- set enable_thinking = false %}")  # what was trained without thinking is asked so
    assert "architecture" not in json.loads((tmp_path / "raw" / "experiment.json").read_text())["settings"]


@pytest.mark.parametrize("weights", [(1, 0.01), (0, 1)])
def test_one_backward_pass_of_a_step_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: tuple[float, float]
) -> None:
    """DeepSpeed's engine steps after each pass that does, and the paper's settings have groups go serially under it."""
    from accelerate import Accelerator

    needs("python")
    ends: list[bool] = []
    backward = Accelerator.backward

    def recorded(self: Accelerator, loss: Any, **options: Any) -> None:
        ends.append(self.sync_gradients)
        backward(self, loss, **options)

    monkeypatch.setattr(Accelerator, "backward", recorded)
    experiment = published(tmp_path)
    stage = stages(experiment, 0)[1]
    settings = stage.assembled(experiment.model.path)  # type: ignore[union-attr]
    changes = {"rl_weight": weights[0], "gepo_weight": weights[1]}
    table = merge(settings.model_dump(), {**changes, "groups": {"serial": True}, "optimisation": {"accumulation": 2}})
    train("oorl", OorlSettings.model_validate(table), tmp_path / "run")
    assert ends.count(True) == 1 and ends[-1]
    assert len(ends) == 2 * (4 + weights[0])  # micro-steps, each with four responses and, where there is RL, its own


def test_a_launcher_trains_in_a_process_of_its_own(tmp_path: Path) -> None:
    needs("python")
    settings = SftSettings.model_validate(TOY["base"] | {"data": {**TOY["base"]["data"], "mixture": "mono"}})
    folder = tmp_path / "run"
    assert launch(sys.executable, "sft", settings, folder)
    assert (folder / "model.safetensors").exists()
    assert not launch(sys.executable, "sft", settings, folder)
    assert not train("sft", settings, folder)  # it is the same run
    with pytest.raises(UserError, match="launch: no-such-launcher --with options: No such file"):
        launch("no-such-launcher --with options", "sft", settings, tmp_path / "other")
    with pytest.raises(UserError, match="ended with 1"):
        launch("false", "sft", settings, tmp_path / "other")


def test_a_template_is_told_not_to_think(tmp_path: Path) -> None:
    from transfer_eval.training.model import load, think
    from transfer_eval.training.settings import Model

    where = published(tmp_path).model
    assert where is not None
    messages = [{"role": "user", "content": "Hello"}]
    for thinking, closed in ((None, False), (True, False), (False, True)):
        _, tokenizer = load(Model(path=where.path, thinking=thinking), (), 0)
        shown = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert shown.endswith("</think>\n") is closed
    once = tokenizer.chat_template
    think(tokenizer, False)
    assert tokenizer.chat_template == once
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    with pytest.raises(UserError, match=r"model\.thinking = false: the model's chat template does not ask for it"):
        think(tokenizer, False)


def test_a_run_of_before_a_setting_was_there_is_the_same_run(tmp_path: Path) -> None:
    from transfer_eval.training.session import Session

    base = {"model": {"new": {}}, "optimisation": OPTIMISATION, "data": {"suite": "s", "mixture": "mono"}}
    session = Session("sft", SftSettings.model_validate(base), tmp_path)
    known = json.loads(json.dumps(session._asked))
    del known["settings"]["model"]["thinking"]
    (tmp_path / "settings.json").write_text(json.dumps(known))
    assert session.begin()
    known["settings"]["seed"] = 1
    (tmp_path / "settings.json").write_text(json.dumps(known))
    with pytest.raises(UserError, match=r"other settings \(settings.seed\)"):
        session.begin()


def test_programs_and_verification_are_learnt_together(tmp_path: Path) -> None:
    from transfer_eval.training.rows import of_settings

    stand_ins = StandIns(tmp_path, ["python", "lua"], None, False)
    data = {"programs": "codeforces", "place": stand_ins.programs("codeforces"), "verify": stand_ins.corpus}
    settings = RlSettings.model_validate(
        {"model": {"path": "m"}, "optimisation": OPTIMISATION, "data": {**data, "languages": ["python"], "limit": 5}}
    )
    kinds = [json.loads(row["task"])["kind"] for row in of_settings(settings.data, Style.CHAT)]
    assert kinds == ["stdio"] * 5 + ["verification"] * 5
    with pytest.raises(ValueError, match="either suite, or programs"):
        type(settings.data).model_validate({**data, "suite": "s", "languages": ["python"]})


@pytest.mark.parametrize("name", PAPERS)
def test_the_small_model_has_the_proportions_of_the_large_one(name: str) -> None:
    from transfer_eval.training.model import tokenizer_of

    large = architecture.configuration(preset.read(name, "paper"))
    small = architecture.shrunken(large, tokenizer_of(["a b"], 300, 64))
    assert type(small) is type(large)
    for ratio in (
        lambda c: c.num_attention_heads / c.num_key_value_heads, lambda c: c.intermediate_size / c.hidden_size,
        lambda c: c.num_attention_heads * c.head_dim / c.hidden_size,
    ):  # fmt: skip
        assert math.isclose(ratio(small), ratio(large))
    assert small.rope_parameters == large.rope_parameters
    assert architecture.weights(large) > 8e9 and architecture.weights(small) < 1e6


def test_papers_are_what_is_published() -> None:
    """Of papers' own settings, those that are known."""
    made = {(stage.arm, stage.name): stage.assembled("m") for stage in stages(preset.read("oorl", "paper"), 0)}
    full = made["rl+gepo", "rl"]
    assert isinstance(full, OorlSettings)
    optimisation = full.optimisation
    assert (optimisation.learning_rate, optimisation.schedule, optimisation.warmup) == (5e-7, "cosine", 0.03)
    assert (optimisation.weight_decay, optimisation.epochs, optimisation.batch * 4) == (0, 1, 8)
    assert (full.rl_weight, full.gepo_weight, full.groups.variance_weight) == (1, 0.01, 1)
    assert full.groups.max_length == 8192 and full.policy.algorithm == "reinforce++"
    assert full.model.thinking is False and full.policy.require_format and not full.policy.partial
    read = preset.read("parallel-sft", "paper")
    assert not set(read.languages.unseen) & set(read.languages.seen)
    assert read.languages.unseen == read.oracle == ("go", "php", "ruby")

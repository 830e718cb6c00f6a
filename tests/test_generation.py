import json

import pytest

from transfer_eval import prompt
from transfer_eval.errors import UserError
from transfer_eval.generation import FinishReason, Generation, Sampling, compose, unfinished
from transfer_eval.journal import GenerationJournal
from transfer_eval.language import find
from transfer_eval.prompt import Style
from transfer_eval.task import Task


def generation(**changes):
    values = {
        "name": "X_1_add", "language": "lua", "sample": 0, "text": "  return x + y\nend\n",
        "finish_reason": FinishReason.STOP_TOKEN, "tokens": 9, "style": Style.COMPLETION, "prompt": "abc",
        "model": "m@1", "temperature": 0.2, "top_p": 0.95, "max_tokens": 64, "seed": 0,
    }  # fmt: skip
    return Generation(**values | changes)


def prompts(language="lua", count=5, style=Style.COMPLETION):
    tasks = [
        Task(name=f"X_{i}_f", language=language, prompt="-" * (7 * i % 5) + f"{i}", tests="", stop_tokens=("\n\n",))
        for i in range(count)
    ]
    return [prompt.write(task, find("lua"), style) for task in tasks]


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": -1},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"samples": 0},
        {"max_tokens": 0},
        {"temperature": 0, "samples": 2},
    ],
)
def test_impossible_sampling_is_refused(changes):
    with pytest.raises(UserError):
        Sampling(**changes)


def test_a_row_round_trips_through_json_whatever_the_model_said():
    said = generation(text="a\nb\u2028\x00\ud800 end", finish_reason=FinishReason.LENGTH)
    assert Generation.from_row(json.loads(json.dumps(said.to_row()))) == said


@pytest.mark.parametrize(("field", "value"), [("text", None), ("sample", "0"), ("finish_reason", "?"), ("style", "x")])
def test_a_bad_row_is_refused(field, value):
    with pytest.raises(UserError, match=field if field in {"text", "sample"} else str(value).replace("?", r"\?")):
        Generation.from_row(generation().to_row() | {field: value})


def test_a_missing_field_is_named():
    row = generation().to_row()
    del row["seed"]
    with pytest.raises(UserError, match="seed"):
        Generation.from_row(row)


def test_batches_hold_every_request_once_in_an_order_that_does_not_depend_on_the_callers():
    sampling = Sampling(samples=3)
    batches = compose(prompts(), sampling, 4)
    keys = [key for batch in batches for key in batch.keys]
    assert len(keys) == len(set(keys)) == 15
    assert max(len(batch.requests) for batch in batches) == 4
    assert compose(prompts()[::-1], sampling, 4) == batches
    assert len({batch.seed for batch in batches}) == len(batches)
    assert [batch.seed for batch in compose(prompts(), Sampling(samples=3, seed=1), 4)] != [b.seed for b in batches]


def test_a_languages_batches_do_not_depend_on_the_other_languages():
    alone = compose(prompts("lua"), Sampling(), 2)
    both = compose(prompts("r") + prompts("lua"), Sampling(), 2)
    assert [batch for batch in both if batch.keys[0][1] == "lua"] == alone
    assert [batch.keys[0][1] for batch in both[:4]] == ["r", "lua", "r", "lua"]


def test_only_wholly_recorded_batches_are_finished():
    batches = compose(prompts(), Sampling(), 2)
    done = {*batches[0].keys, batches[1].keys[0]}
    assert unfinished(batches, done) == batches[1:]


def test_the_journal_gives_back_what_it_took(tmp_path):
    first, second = generation(), generation(sample=1, text="ü\r\n\n")
    journal = GenerationJournal(tmp_path / "run")
    assert journal.append([first]) == [first]
    assert journal.append([first, second]) == [second]
    again = GenerationJournal(tmp_path / "run")
    assert again.load() == [first, second]
    assert again.done == {first.key, second.key}


def test_a_torn_last_line_is_ignored_and_overwritten(tmp_path):
    journal = GenerationJournal(tmp_path)
    journal.append([generation(), generation(sample=1)])
    whole = journal.path.read_bytes()
    for cut in range(len(whole)):
        journal.path.write_bytes(whole[:cut])
        again = GenerationJournal(tmp_path)
        again.append([generation(sample=i) for i in range(2)])
        assert journal.path.read_bytes() == whole


def test_a_malformed_line_is_named(tmp_path):
    journal = GenerationJournal(tmp_path)
    journal.append([generation()])
    for line, complaint in (
        (b"{]\n", "line 2: no JSON"),
        (b"3\n", "line 2: a JSON object"),
        (b"{}\n", "line 2: .*name"),
    ):
        journal.append([])
        journal.path.write_bytes(json.dumps(generation().to_row()).encode() + b"\n" + line)
        with pytest.raises(UserError, match=complaint):
            GenerationJournal(tmp_path)


def test_a_journal_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        GenerationJournal(tmp_path / "run").append([generation()])


def test_a_journal_of_other_settings_or_prompts_is_refused(tmp_path):
    (asked,) = prompts(count=1)
    recorded = generation(name=asked.task.name, prompt=asked.digest)
    journal = GenerationJournal(tmp_path)
    journal.append([recorded])
    sampling = Sampling(temperature=0.2, max_tokens=64)
    journal.check([asked], sampling, "m@1")
    with pytest.raises(UserError, match="another model"):
        journal.check([asked], sampling, "m@2")
    with pytest.raises(UserError, match="another seed"):
        journal.check([asked], Sampling(temperature=0.2, max_tokens=64, seed=1), "m@1")
    with pytest.raises(UserError, match="another prompt of X_0_f"):
        journal.check(prompts(count=1, style=Style.CHAT), sampling, "m@1")

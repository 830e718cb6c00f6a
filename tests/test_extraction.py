"""Answers as models give them, in the shapes of seven languages. ``assembled`` is what would be run."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_eval.extraction import Note, Reason, cut, extract
from transfer_eval.generation import FinishReason, Generation
from transfer_eval.language import find
from transfer_eval.program import assemble
from transfer_eval.prompt import Style
from transfer_eval.task import Task

PREAMBLE = {
    "python": "from typing import List\n\n",
    "lua": "",
    "java": "import java.util.*;\nimport java.io.*;\nclass Problem {\n",
    "cpp": "#include<assert.h>\n#include<bits/stdc++.h>\n",
    "r": "",
    "go": 'package add_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\n',
    "php": "<?php\n",
    "rust": "",
    "bash": "#!/bin/bash\n",
}
SIGNATURE = {
    "python": 'def add(x: int, y: int) -> int:\n    """ Add two numbers.\n    >>> add(1, 2)\n    3\n    """\n',
    "lua": "-- Add two numbers.\n-- >>> add(1, 2)\nlocal function add(x, y)\n",
    "java": "    // Add two numbers.\n    public static long add(long x, long y) {\n",
    "cpp": "// Add two numbers.\n// >>> add((1), (2))\nlong add(long x, long y) {\n",
    "r": "# Add two numbers.\nadd <- function(x, y) {",
    "go": "// Add two numbers.\nfunc add(x int, y int) int {\n",
    "php": "// Add two numbers.\nfunction add($x, $y) {\n",
    "rust": "/// Add two numbers.\nfn add(x: isize, y: isize) -> isize {\n",
    "bash": "# Add two numbers.\nadd() {\n",
}
TESTS = {
    "python": "def check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)\n",
    "lua": "lu = require('luaunit')\n\nfunction test_humaneval()\nlocal candidate = add\nend\n",
    "java": "    }\n    public static void main(String[] args) {\n    assert(add((1l), (2l)) == (3l));\n    }\n\n}\n",
    "cpp": "}\nint main() {\n    auto candidate = add;\n    assert(candidate((1), (2)) == (3));\n}\n",
    "r": "test_humaneval <- function() {\n    candidate <- add\n}\ntest_humaneval()",
    "go": "func TestAdd(t *testing.T) {\n  candidate := add\n}\n",
    "php": "function candidate(...$args) {\n    return add(...$args);\n}\n",
    "rust": "}\n\nfn main() {\n    let candidate = add;\n    assert_eq!(candidate(1, 2), 3);\n}\n",
    "bash": '}\n\ncandidate() {\n    add "$@"\n}\n\nset -e\n',
}
STOP = {"lua": ("\nlocal", "\nfunction", "\n--", "\n\n"), "php": ("\nfunction", "\n?>", "\n//", "\n#")}
CLOSED_BY_TESTS = {"java", "cpp", "rust", "bash"}


def language(name):
    closer = "}" if name in CLOSED_BY_TESTS else ""
    fences = {"python": ("python", "py"), "cpp": ("cpp", "c++")}.get(name, (name,))
    translator = SimpleNamespace(closer=closer)
    return replace(find("lua"), name=name, extension=name, hub=name, aliases=(), fences=fences, translator=translator)


def task(name):
    return Task(
        name="HumanEval_53_add",
        language=name,
        prompt=PREAMBLE[name] + SIGNATURE[name],
        tests=TESTS[name],
        stop_tokens=STOP.get(name, ()),
    )


def answer(name, text, *, style=Style.CHAT, finish=FinishReason.STOP):
    said = Generation(
        name="HumanEval_53_add", language=name, sample=0, text=text, finish_reason=finish, tokens=None, style=style,
        prompt="", model="m", temperature=0, top_p=1, max_tokens=1, seed=0,
    )  # fmt: skip
    return extract(said, task(name), language(name))


def assembled(name, text, **options):
    found = answer(name, text, **options)
    return assemble(task(name), found.code, language(name), whole=found.whole).source


BODY = {
    "python": "    return x + y\n",
    "lua": "    return x + y\nend\n",
    "java": "        return x + y;\n    }\n",
    "cpp": "    return x + y;\n}\n",
    "r": "\n    x + y\n}\n",
    "go": "    return x + y\n}\n",
    "php": "    return $x + $y;\n}\n",
    "rust": "    x + y\n}\n",
    "bash": "    echo $(($1 + $2))\n}\n",
}
NAMES = sorted(BODY)


def function(name):
    return SIGNATURE[name] + BODY[name]


def expected(name):
    """The one right program, blank lines aside."""
    body = BODY[name].rstrip()
    body = body[: -len("}")] if name in CLOSED_BY_TESTS else body
    return squeezed(PREAMBLE[name] + SIGNATURE[name] + body + "\n" + TESTS[name])


def squeezed(text):
    """Without blank lines, comments of the prompt and layout, which don't matter to the question."""
    lines = [line.strip() for line in text.splitlines()]
    return [
        line for line in lines if line and not line.startswith(("#!", "# Add", "// Add", "/// Add", "-- ", "// >>>"))
    ]


WAYS = {
    "whole prompt": lambda n: f"Sure!\n\n```{n}\n{PREAMBLE[n]}{function(n)}{'}' if n == 'java' else ''}\n```\nIt adds.",
    "function only": lambda n: f"```{n}\n{function(n)}```",
    "glued closing fence": lambda n: f"```{n}\n{function(n).rstrip()}```\nDone.",
    "no name": lambda n: f"```\n{function(n)}```",
    "odd name": lambda n: f"```code\n{function(n)}```",
    "tildes": lambda n: f"~~~{n}\n{function(n)}~~~",
    "indented in a list": lambda n: "1. So:\n\n" + "".join(
        f"   {line}\n" for line in f"```{n}\n{function(n)}```".splitlines()
    ),
    "never closed": lambda n: f"Here it is:\n```{n}\n{function(n)}",
    "no fence": lambda n: f"Here is the function you asked for:\n\n{function(n)}\nThis adds the two numbers together.",
    "thinking": lambda n: f"<think>\n```{n}\nnonsense\n```\n</think>\n```{n}\n{function(n)}```",
    "thinking opened by the template": lambda n: f"I think ```{n} foo```\n</think>\n```{n}\n{function(n)}```",
    "installation first": lambda n: f"```sh\npip install x\n```\nand\n```{n}\n{function(n)}```\n```text\n3\n```",
    "usage in a block of its own": lambda n: f"```{n}\n{function(n)}```\nUse:\n```{n}\nprint(add(1, 2))\nprint(4)\n```",
    "body only": lambda n: f"```{n}\n{BODY[n]}```",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_answering_gives_the_one_right_program(name, way):
    assert squeezed(assembled(name, WAYS[way](name))) == expected(name)


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("whole prompt", Reason.FENCE),
        ("no name", Reason.OTHER_FENCE),
        ("odd name", Reason.OTHER_FENCE),
        ("never closed", Reason.UNCLOSED_FENCE),
        ("no fence", Reason.UNFENCED),
    ],
)
def test_the_reason_tells_where_the_code_came_from(way, reason):
    assert answer("python", WAYS[way]("python")).reason is reason


AFTER = {
    "python": '\nprint(f"{add(1, 2)}")\n\ndef main():\n    add(3, 4)\n\nif __name__ == "__main__":\n    main()\n',
    "lua": "\n-- Example usage\nprint(add(1, 2))\n",
    "cpp": "\nint main() {\n    std::cout << add(1, 2);\n    return 0;\n}\n",
    "r": "\n# Example\nprint(add(1, 2))\nadd(3, 4)\n",
    "go": "\nfunc main() {\n    fmt.Println(add(1, 2))\n}\n",
    "php": "\n// Example\necho add(1, 2);\n?>\n",
    "rust": "\nfn main() {\n    add(1, 2);\n}\n\n#[test]\nfn test_add() {\n    assert_eq!(add(1, 2), 3);\n}\n",
    "bash": "\n# Example\nadd 1 2\n",
}


@pytest.mark.parametrize("name", sorted(AFTER))
def test_examples_of_use_and_mains_after_the_function_are_dropped(name):
    text = f"```{name}\n{function(name)}{AFTER[name]}```"
    assert squeezed(assembled(name, text)) == expected(name)
    assert Note.AFTER in answer(name, text).notes


def test_helpers_stay_before_and_after_and_so_does_mutual_recursion():
    code = (
        "import math\n\ndef one(x):\n    return math.floor(x)\n\ndef add(x, y):\n    return one(x) + two(y)\n\n"
        "def two(y):\n    return add(y - 1, 1) if y > 9 else y\n\nLIMIT = 3\n"
    )
    source = assembled("python", f"```python\n{code}\nprint(add(1, 2))\n```")
    assert "def one(x)" in source and "def two(y)" in source and "LIMIT = 3" in source
    assert "print(" not in source


def test_a_class_of_another_name_is_opened_and_the_prompts_put_around():
    code = (
        "import java.util.*;\nimport java.math.BigInteger;\n\npublic class Solution {\n"
        "    private static long one(long x) {\n        return x;\n    }\n\n"
        "    public static long add(long x, long y) {\n        return one(x) + y;\n    }\n\n"
        "    public static void main(String[] args) {\n        System.out.println(add(1, 2));\n    }\n}\n"
    )
    source = assembled("java", f"```java\n{code}```")
    assert source.count("class ") == 1 and source.count("void main") == 1
    assert source.index("import java.math.BigInteger;") < source.index("class Problem {") < source.index("long one(")
    assert source.count("import java.util.*;") == 1
    assert source.count("{") == source.count("}")


def test_go_like_headers_are_merged_not_repeated():
    code = (
        'package main\n\nimport (\n    "fmt"\n    "os"\n    "strings"\n)\n\n'
        "func add(x int, y int) int {\n    return x + y + len(strings.Fields(``))\n}\n\n"
        "func main() {\n    fmt.Println(add(1, 2))\n    os.Exit(0)\n}\n"
    )
    source = assembled("go", f"```go\n{code}```")
    assert source.startswith("package add_test\n")
    assert source.count("package") == 1 and source.count('"fmt"') == 1
    assert 'import "strings"\n' in source
    assert '"os"' not in source  # only the dropped main used it, and an unused import is an error


def test_a_helper_the_prompt_gives_is_kept_unless_the_answer_has_it():
    given = replace(task("python"), prompt="def half(x):\n    return x // 2\n\n\n" + SIGNATURE["python"])
    said = answer("python", "")
    for code in (
        "def add(x, y):\n    return half(x) + y\n",
        "def half(x):\n    return 1\n\ndef add(x, y):\n    return 2\n",
    ):
        row = Generation(
            name=given.name, language="python", sample=0, text=f"```py\n{code}```", finish_reason=FinishReason.STOP,
            tokens=None, style=Style.CHAT, prompt="", model="m", temperature=0, top_p=1, max_tokens=1, seed=0,
        )  # fmt: skip
        assert extract(row, given, language("python")).code.count("def half") == 1
    assert said.reason is Reason.NO_CODE


def test_a_string_over_several_lines_is_no_comment_of_what_follows():
    code = 'TEXT = """\nfirst\n"""\n\ndef add(x, y):\n    return x + y\n\nprint(add(1, 2))\n'
    found = answer("python", f"```python\n{code}```").code
    assert found.endswith('TEXT = """\nfirst\n"""\n\ndef add(x, y):\n    return x + y\n')


def test_an_answer_that_broke_off_keeps_its_braces():
    source = assembled("cpp", "```cpp\nlong add(long x, long y) {\n    if (x) {\n        return 1;\n    }\n    retu",
                       finish=FinishReason.LENGTH)  # fmt: skip
    assert "    }\n    retu\n" in source
    found = answer("cpp", "```cpp\nlong add(long x, long y) {\n", finish=FinishReason.LENGTH)
    assert found.reason is Reason.UNCLOSED_FENCE and Note.LENGTH in found.notes


def test_export_is_dropped_for_a_program_is_no_module():
    lua_like = replace(task("php"), prompt="// Add.\nfunction add(x, y){\n", tests="let candidate = add;")
    row = Generation(
        name="HumanEval_53_add", language="js", sample=0, finish_reason=FinishReason.STOP, tokens=None,
        text="```js\nexport function add(x, y) {\n  return x + y;\n}\nmodule.exports = { add };\n```",
        style=Style.CHAT, prompt="", model="m", temperature=0, top_p=1, max_tokens=1, seed=0,
    )  # fmt: skip
    found = extract(row, lua_like, language("php"))
    assert found.code == "function add(x, y) {\n  return x + y;\n}\n"


@pytest.mark.parametrize(
    "code",
    [
        "const add = (x, y) => x + y;\n",
        "let add = function(x, y) {\n  return x + y;\n};\n",
    ],
)
def test_a_function_declared_by_assignment_is_whole(code):
    js = replace(task("php"), prompt="// Add.\nfunction add(x, y){\n", tests="let candidate = add;")
    row = Generation(
        name="HumanEval_53_add", language="js", sample=0, text=f"```\n{code}```", finish_reason=FinishReason.STOP,
        tokens=None, style=Style.CHAT, prompt="", model="m", temperature=0, top_p=1, max_tokens=1, seed=0,
    )  # fmt: skip
    found = extract(row, js, language("php"))
    assert found.whole and found.code == code


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "I am sorry, but I cannot help you with that.", "<think>still thinking ```x\ny\n```", "```lua\n```"],
)
def test_nothing_to_run_is_no_code(text):
    found = answer("lua", text)
    assert (found.reason, found.code) == (Reason.NO_CODE, "")


def test_an_unindented_body_is_indented():
    assert assembled("python", "```python\nz = x + y\nreturn z\n```") == (
        PREAMBLE["python"] + SIGNATURE["python"] + "\n    z = x + y\n    return z\n\n" + TESTS["python"]
    )


def test_a_failed_backend_is_no_answer():
    assert answer("lua", "", finish=FinishReason.ERROR).reason is Reason.NO_ANSWER


def completion(text, finish=FinishReason.STOP):
    return answer("lua", text, style=Style.COMPLETION, finish=finish)


def test_a_completion_is_cut_at_the_earliest_stop_token():
    found = completion("\n    return x + y\nend\n-- next\n\nlocal z", FinishReason.STOP_TOKEN)
    assert (found.code, found.reason) == ("\n    return x + y\nend", Reason.STOPPED)
    assert not found.whole
    assert cut("a struct {", ("\nfunc", "struct")) == "a "


def test_a_completion_without_a_stop_token_says_how_it_ended():
    assert completion("    return x + y\nend\n").reason is Reason.ENDED
    assert completion("    return x + ", FinishReason.LENGTH).reason is Reason.TRUNCATED
    assert completion(" \n").reason is Reason.NO_CODE
    assert completion("\n\nlocal x", FinishReason.STOP_TOKEN).reason is Reason.NO_CODE


def test_a_completion_is_put_together_as_upstream_does():
    source = assembled("lua", "    return x + y\nend", style=Style.COMPLETION)
    assert source == SIGNATURE["lua"] + "    return x + y\nend\n" + TESTS["lua"]


PIECES = [
    *("```", "```lua\n", "~~~", "\n", "\n\n", "    ", "{", "}", "(", ")", '"', "'", '"""', "/*", "*/", "#", "--", "?>"),
    *("\u2028", "\r", "\x0c", "local function add(x, y)", "add", "add(1, 2)", "end", "return x", "class Problem {"),
    *("import java.util.*;", "def add(x):", "package main", "<think>", "</think>", "é", "\ud800", "int main() {"),
]


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(PIECES), max_size=30), st.sampled_from(FinishReason))
@settings(max_examples=150, deadline=None)
def test_whatever_a_model_says_is_data(name, pieces, finish):
    found = answer(name, "".join(pieces), finish=finish)
    assert (found.reason in {Reason.NO_CODE, Reason.NO_ANSWER}) == (not found.code.strip())


@pytest.mark.parametrize(
    "unit", ["f (", "add(", "a b ", "<a, ", "{", '"""', "x = ", "long add (", "(* ", "`", "' ", "- "]
)
def test_a_model_that_repeats_itself_costs_little_time(unit):
    began = time.process_time()
    for text in (
        unit * 4000,
        f"```cpp\nlong add(long x, long y) {{\n{unit * 4000}\n```",
        f"```cpp\n{(unit + chr(10)) * 2000}",
    ):
        answer("cpp", text, finish=FinishReason.LENGTH)
    assert time.process_time() - began < 5

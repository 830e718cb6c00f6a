"""Lua 5.4 (or 5.3), tested with LuaUnit."""

from __future__ import annotations

from transfer_eval.language import FEED, Command, Conformance, Install, Judgement, Language, Proof, Step, Toolchain
from transfer_eval.problem import Case, Problem
from transfer_eval.translator import Terms, Translator, comment, escape
from transfer_eval.types import ANY, Type


class LuaTranslator(Translator):
    """Untyped: lists, tuples and sets are sequences, dictionaries are tables with keys in brackets."""

    stop_tokens = ("\nlocal", "\nfunction", "\n--", "\n\n")
    tells_integers_apart = True
    terms = Terms(list="table", tuple="table", dictionary="table", none="nil", true="true", false="false")

    def prompt(self, problem: Problem, description: str) -> str:
        parameters = ", ".join(parameter.name for parameter in problem.parameters)
        return f"{comment(description, '-- ')}local function {problem.function}({parameters})\n"

    def tests(self, problem: Problem) -> str:
        lines = ["lu = require('luaunit')", "", "function test_humaneval()", f"local candidate = {problem.function}"]
        lines += [f"    {self._assertion(problem, case)}" for case in problem.cases]
        return "\n".join([*lines, "end", "", "os.exit(lu.LuaUnit.run())"])

    def _assertion(self, problem: Problem, case: Case) -> str:
        call = self.call("candidate", self.arguments(problem, case))
        expected = self.literal(case.expected, problem.returns)
        if case.tolerance is not None:
            return f"lu.assertAlmostEquals({call}, {expected}, {case.tolerance})"
        return f"lu.assertEquals({call}, {expected})"

    def literal(self, value: object, type_: Type) -> str:
        if value is None:
            return "nil"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return escape(value, "'")
        if isinstance(value, dict):
            pairs = (f"[{self.literal(k, ANY)}] = {self.literal(v, ANY)}" for k, v in value.items())
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, (list, tuple, set)):
            return "{" + ", ".join(self.literal(item, ANY) for item in value) + "}"
        return repr(value)


LANGUAGE = Language(
    name="lua",
    title="Lua",
    extension="lua",
    hub="lua",
    fences=("lua",),
    source="main.lua",
    toolchain=Toolchain(
        commands={
            "lua": Command(names=("lua5.4", "lua", "lua5.3"), version=("-v",), check=("-e", "require('luaunit')"))
        },
        install=Install(apt=("lua5.4", "lua-unit"), brew=("lua", "luarocks"), hint="luarocks install luaunit"),
        docker="nickblah/lua:5.4-luarocks",
    ),
    run=Step(argv=("lua", FEED), feed="main.lua"),
    proof=Proof(
        # The control assertion fails unless assertEquals still compares: a completion may have replaced it.
        statement=r'if not pcall(lu.assertEquals, 1, 2) then io.write("\n", {a} + {b}, "\n") end',
        ends=(
            # The flag is set where the last assertion has not raised: LuaUnit's own count may be anyone's.
            (
                r"^end\s+os\.exit\(lu\.LuaUnit\.run\(\)\)\s*\Z",
                "transfer_eval_reached = {a}\nend\n\n"
                "local failed = lu.LuaUnit.run()\nif failed ~= 0 then os.exit(failed) end\n"
                "if transfer_eval_reached == {a} then {statement} end\nos.exit(0)\n",
            ),
            (r"\Z", '\nio.write("\\n", {a} + {b}, "\\n")\n'),
        ),
    ),
    judgement=Judgement(
        uncompiled=r"(?m)^\S*lua\S*: [^\n]*:\d+: [^\n]* near (<eof>|')",
        wrong=r"(?m)^not ok|LuaUnit.*failed|expected: .*actual|assertion failed!",
    ),
    translator=LuaTranslator(),
    conformance=Conformance(
        good="    return x + y\nend\n",
        wrong="    return x - y\nend\n",
        syntax="    return x + + y\nend\n",
        loop="    while true do end\nend\n",
        memory="    local t = {}\n    while true do t[#t + 1] = string.rep('x', 1000000) .. #t end\nend\n",
        fork="    while true do io.popen('sleep 100 &') end\nend\n",
        flood="    while true do print('flood') end\nend\n",
        good_flood="    io.write(string.rep('x', 1000000))\n    return x + y\nend\n",
        non_utf8="    io.write('\\xff\\xfe\\n')\n    return x + y\nend\n",
        stdin="    io.read('a')\n    return x + y\nend\n",
        exit_zero="    os.exit(0)\nend\n",
        forge="    print(io.open(arg[0]):read('a'))\n    print('OK')\n    os.exit(0)\nend\n",
    ),
)

from transfer_eval import prompt
from transfer_eval.language import find
from transfer_eval.prompt import Style
from transfer_eval.task import Task

TASK = Task(
    name="X_1_add", language="lua", prompt="-- Adds.\nlocal function add(x, y)\n", tests="", stop_tokens=("\n\n",)
)


def test_a_completion_prompt_is_stripped_as_upstream_sends_it():
    written = prompt.write(TASK, find("lua"), Style.COMPLETION)
    assert written.text == "-- Adds.\nlocal function add(x, y)"
    assert written.messages == ()
    assert written.stop_tokens == ("\n\n",)


def test_a_chat_prompt_asks_for_the_whole_function_in_the_languages_own_fence():
    written = prompt.write(TASK, find("lua"), Style.CHAT)
    (message,) = written.messages
    assert message["role"] == "user"
    assert "Lua function" in message["content"]
    assert "```lua\n-- Adds.\nlocal function add(x, y)\n```" in message["content"]
    assert written.stop_tokens == ()  # an empty line inside a good answer must not end it


def test_the_digest_tells_prompts_apart():
    language = find("lua")
    digests = {prompt.write(TASK, language, style).digest for style in Style}
    assert len(digests) == 2
    assert prompt.write(TASK, language, Style.CHAT).digest in digests

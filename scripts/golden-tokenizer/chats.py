"""Conversations, written by the chat templates that were published with the models."""

import json
import os

from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import render_jinja_template

# Names of template files without .jinja, the name in the golden file, and the vocabulary whose ids are recorded, if any.
TEMPLATES = [
    ("meta-llama-Llama-3.1-8B-Instruct", "llama3.1", "llama3"),
    ("meta-llama-Llama-3.2-3B-Instruct", "llama3.2", None),
    ("Qwen-Qwen2.5-7B-Instruct", "qwen2.5", None),
    ("Qwen-Qwen3-0.6B", "qwen3", "qwen2"),
]

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a \"city\" <b>today</b>, in °C & words.",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "Name\nof the city"},
        "days": {"type": "integer", "minimum": 1, "maximum": 1.5e2, "enum": [1, 2, 3]},
        "nested": {"type": "array", "items": {"type": "object", "properties": {}, "required": []}}},
        "required": ["city"], "additionalProperties": False}}}
TIME = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}


def call(name, **arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def says(role, content, *calls):
    message = {"role": role, "content": content}
    if calls:
        message["tool_calls"] = list(calls)
    return message


USER = says("user", "What's the weather in Zürich?")
SYSTEM = says("system", "  You are terse.\n")
ASKED = [USER, says("assistant", "", call("get_weather", city="Zürich", days=2)), says("tool", '{"temp": 21, "sky": "clear\n"}')]

CONVERSATIONS = [
    ("user", [USER], [], False),
    ("system and user", [SYSTEM, USER], [], False),
    ("empty system", [says("system", ""), USER], [], False),
    ("turns", [SYSTEM, USER, says("assistant", " Sunny.\n\n"), says("user", "\n\nAnd tomorrow?  ")], [], False),
    ("late system", [USER, says("assistant", "Sunny."), says("system", "Be kind."), says("user", "Why?")], [], False),
    ("white space", [says("system", "\x1c a\u00a0\u2003\x1f"), says("user", "\u3000\u200b x \u2028\x85")], [], False),
    ("markup", [says("user", "<b>&amp;'\"</b> {{ 7*7 }} {% raw %} \\n </tools>")], [], False),
    ("tools", [USER], [WEATHER], False),
    ("two tools and system", [SYSTEM, USER], [WEATHER, TIME], False),
    ("empty system and tools", [says("system", ""), USER], [TIME], False),
    ("call and result", [SYSTEM, *ASKED], [WEATHER], False),
    ("call, result, answer", [*ASKED, says("assistant", "21 °C."), says("user", "Thanks")], [WEATHER, TIME], False),
    ("call with text", [USER, says("assistant", "Let me look.", call("now")), says("tool", "12:00")], [TIME], False),
    ("call without tools", ASKED, [], False),
    ("two calls", [USER, says("assistant", "Both.", call("now"), call("get_weather", city="a\"b\\c", x=[1, {"y": None}], z=True)),
                   says("tool", "12:00"), says("tool", "rain")], [WEATHER, TIME], False),
    ("two calls without text", [USER, says("assistant", "", call("now"), call("now"))], [TIME], False),
    ("answer last", [USER, says("assistant", "\n\nSunny.")], [], False),
    ("thought before", [USER, says("assistant", "<think>\nhm\n</think>\n\nSunny."), says("user", "Why?")], [], False),
    ("thought since", [USER, says("assistant", "<think>\nhm\n\n</think>\n\nLet me look.", call("now")), says("tool", "12:00"),
                       says("assistant", "Noon.", call("now")), says("tool", "12:01")], [TIME], False),
    ("thought last", [USER, says("assistant", "<think>hm</think>Sunny.")], [], False),
    ("thought twice", [USER, says("assistant", "<think>a</think>b<think>c</think>d")], [], False),
    ("result as user", [USER, says("assistant", "x"), says("user", "<tool_response>\n1\n</tool_response>"), says("assistant", "y")],
     [], False),
    ("no user", [says("assistant", "I begin.")], [], False),
    ("no thinking", [USER], [], True),
    ("no thinking, tools", [SYSTEM, *ASKED], [WEATHER], True),
]


def render(text: str, messages, tools, no_think: bool):
    kwargs = {"bos_token": "<|begin_of_text|>", "date_string": "26 Jul 2024"}
    if no_think:
        kwargs["enable_thinking"] = False
    rendered = render_jinja_template(conversations=[messages], tools=tools or None, chat_template=text,
                                     add_generation_prompt=True, **kwargs)
    return rendered[0][0]


def goldens(templates: str, tokenizers: dict[str, Tokenizer]):
    """A case per line: what was said, the prompt, and its ids. A conversation that a template refuses has an error
    instead. Ids are left out where a message spells an added token, which the templates' own tokenizers take for one."""
    for file, name, vocabulary in TEMPLATES:
        with open(os.path.join(templates, file + ".jinja"), encoding="utf-8") as f:
            text = f.read()
        for title, messages, tools, no_think in CONVERSATIONS:
            case = {"template": name, "title": title, "messages": messages, "tools": tools, "no_think": no_think}
            try:
                case["text"] = render(text, messages, tools, no_think)
            except Exception as e:  # jinja2's TemplateError, raised by the template itself
                case["error"] = str(e)
            else:
                if vocabulary and not any(mark in m["content"] for m in messages for mark in ("<think>", "<tool_")):
                    case["vocabulary"] = vocabulary
                    case["ids"] = tokenizers[vocabulary].encode(case["text"], add_special_tokens=False).ids
            yield json.dumps(case, separators=(",", ":"))

"""The failures that are exceptions.

A failed *program* is data (see ``verdict.py``); what is raised here is a failed user
request or a failed harness::

    TransferEvalError
    ├── UserError        the user's request cannot be done: one line says what and what to do (exit 1)
    │   └── Untranslatable   a problem that one language cannot express; carries the reason
    └── HarnessFault     our own machinery broke; never a verdict about a program (exit 3)
"""

from __future__ import annotations


class TransferEvalError(Exception):
    """Base of every exception this package raises on purpose."""


class UserError(TransferEvalError):
    """The request cannot be carried out; the message is one clear line for the user."""


class Untranslatable(UserError):
    """A problem has no faithful rendering in a language; the message is the reason."""


class HarnessFault(TransferEvalError):
    """The harness, not the program under test, failed."""

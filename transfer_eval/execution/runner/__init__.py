"""The program that runs inside a sandbox; see ``__main__.py``. It imports nothing of this package."""

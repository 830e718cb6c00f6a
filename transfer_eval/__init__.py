"""How far does coding skill travel between programming languages?"""

from pathlib import Path

__version__ = "0.1.0"

# In a checkout, languages/ and tasks/ stand beside this folder; once installed they stand inside it.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "setup.cfg").is_file():
    __path__.append(str(_checkout))

"""``python -m transfer_eval``."""

from transfer_eval.cli import main

if __name__ == "__main__":
    main()

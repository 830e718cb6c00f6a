"""The languages: one file each, found by being here. The contract is in transfer_eval/language.py."""

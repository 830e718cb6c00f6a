"""Bundled suites: one folder each, with a card that gives source, licence and hash."""

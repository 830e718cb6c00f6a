"""The subcommands: one file each, its flags and its handler. A command parses, calls, prints."""

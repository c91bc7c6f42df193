"""`dcs`, the command line: a file a command in `cli/commands`."""

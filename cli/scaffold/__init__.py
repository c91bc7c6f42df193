"""The files of a new connector, and the code that fills them in."""

"""Facebook: its account, the Pages it likes, and its posts."""

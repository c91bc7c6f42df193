"""Discord: its account, and the servers that the person has joined."""

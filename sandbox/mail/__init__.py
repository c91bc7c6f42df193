"""Mail as the providers hold it: reading messages from files, and making synthetic ones."""

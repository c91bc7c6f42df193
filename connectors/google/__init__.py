"""Google: its account, and Gmail."""

"""Discord's side: OAuth 2.0, the account, and the list of its servers."""

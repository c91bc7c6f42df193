"""X's side: OAuth 2.0, the follows, the posts."""

"""Google's side: OAuth 2.0, userinfo and the Gmail API, on Google's own paths."""

"""Facebook's side: its OAuth dialog and token endpoint, and what is played of the Graph API."""

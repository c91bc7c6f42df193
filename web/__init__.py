"""The web tier: sign-in, OAuth, the REST API and the dashboard."""

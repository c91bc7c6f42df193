"""One folder a provider, and the sdk that each of them builds on."""

"""Pulls: the engine, and what it needs of Redis; Celery is an adapter around it."""

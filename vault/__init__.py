"""Keeps records and positions: one encrypted file for each person."""

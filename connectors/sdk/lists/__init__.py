"""Reading lists that can only be paged: what is new in them, what has changed and what is gone."""

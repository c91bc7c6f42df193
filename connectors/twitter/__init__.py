"""X (formerly Twitter): whom the person follows, and what they posted."""

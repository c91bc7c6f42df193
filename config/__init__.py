"""Every setting once, provider defaults, and logging."""

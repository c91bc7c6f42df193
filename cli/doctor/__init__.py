"""What `dcs doctor` looks at, a file a subject; each yields findings."""

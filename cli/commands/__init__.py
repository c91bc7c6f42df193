"""The commands of `dcs`; each module holds one, as `command`."""

"""The providers' side, played on loopback over local data; imports nothing of the product."""

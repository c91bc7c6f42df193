"""The common schemas, as marshmallow schemas; one file each."""

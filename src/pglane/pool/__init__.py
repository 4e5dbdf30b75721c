"""The ledger of server connections under one budget. Pure."""

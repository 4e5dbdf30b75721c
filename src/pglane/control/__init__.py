"""The supervisor and the admin console: everything that people talk to."""

"""When a lease begins and ends, and what is allowed inside. Pure."""

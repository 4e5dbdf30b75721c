"""One connection's life as a state machine, client's and server's side. Pure."""

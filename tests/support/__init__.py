"""What tests stand on: real servers, real gateways, and a client that can misbehave."""

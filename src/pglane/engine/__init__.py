"""A worker: event loop, listeners, transports, dialer, timers."""

"""File, environment and URI to frozen settings."""

"""A small Django application that the Django tests migrate and use."""

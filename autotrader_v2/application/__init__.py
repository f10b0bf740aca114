"""When it is done, and under which lock. Knows the world only through ports."""

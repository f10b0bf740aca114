"""How the world is reached: one folder per outside thing, each an adapter of a port."""

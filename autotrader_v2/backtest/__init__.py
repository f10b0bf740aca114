"""The same rules over history: what a ladder would have done, and figures that say how it went."""

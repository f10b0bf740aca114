"""The outermost room: settings, command line, and the only place that wires."""

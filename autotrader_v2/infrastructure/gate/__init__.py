"""Gate.io, API v4: orders over the official SDK, prices and own trades over its WebSocket."""

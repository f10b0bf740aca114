"""mTrade: averages into coins on drawdowns and sells the whole position at a profit."""

__version__ = "0.1.0"

"""Ways to a person who is not looking at the page. One file per way; `fan_out.py` is the `Notifier` port over all."""

"""What is measured. Each file runs alone, `python -m benchmarks.NAME [--short]`, and prints one JSON line."""

"""`python -m bench.checks`: what `invoke verify` costs on many hosts, and what its time is made of."""

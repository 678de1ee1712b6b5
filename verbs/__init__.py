"""More of the operator's verbs, by topic: words and flags only, as in tasks.py, which collects them."""

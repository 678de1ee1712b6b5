"""The engine: from an inventory to a verified Helicone on real hosts."""

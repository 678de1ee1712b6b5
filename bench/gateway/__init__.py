"""`make bench-gateway`: what the gateway costs, measured beside the provider, jawn's own path and LiteLLM's proxy."""

"""A throwaway fleet on one machine: three hosts over SSH, a registry, a git repository, a provider."""

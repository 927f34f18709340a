"""Personnel panels."""

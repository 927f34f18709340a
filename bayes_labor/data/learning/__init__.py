"""Teams over time, and their simulation."""

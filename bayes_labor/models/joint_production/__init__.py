"""The model of joint production, and its export for machines without PyMC."""

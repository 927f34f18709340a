"""Matched workplaces and workers: the validated table, generators and real samples."""

"""Moments, results and the page of the model of learning on the job."""

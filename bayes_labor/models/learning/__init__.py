"""Models of learning on the job."""

"""Training: from random weights to a model that does a job."""

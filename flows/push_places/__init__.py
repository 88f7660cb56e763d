"""The places that a data set is pushed to."""

"""Accuracy of networks, artifacts and ready maps on data sets, beside the published methods."""

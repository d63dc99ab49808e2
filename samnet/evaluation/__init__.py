"""Maps and metrics of networks, artifacts and folders of maps."""

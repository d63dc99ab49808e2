"""How accurate are networks, artifacts and maps, beside the published methods?"""

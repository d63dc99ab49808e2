"""How fast does training go, beside a plain loop?"""

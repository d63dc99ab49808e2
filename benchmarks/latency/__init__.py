"""How fast are networks in every form, beside what users would pick instead?"""

"""Did a figure that does not depend on the machine become worse?"""

"""Where does the time of an artifact go?"""

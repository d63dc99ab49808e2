"""What does an inference cost on arm64 cores, counted under emulation?"""

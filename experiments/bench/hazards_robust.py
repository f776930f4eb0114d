"""placeholder"""
BARS = {}

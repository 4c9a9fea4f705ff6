"""A package that no far side has: it is sent there when it is needed. Python 2.7 and 3.6 or later."""

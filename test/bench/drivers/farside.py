"""What the drivers call over there and the standard library does not have."""


def size(data):
    return len(data)

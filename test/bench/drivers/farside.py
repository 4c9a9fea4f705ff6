"""Functions that the drivers call on the remote side and the standard library does not have."""


def size(data):
    return len(data)

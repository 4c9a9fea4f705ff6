"""What examples/python/main.ts calls."""
from collections import Counter


def words(text):
    """How often each word is in a text."""
    return dict(Counter(text.split()))


def share(whole, parts):
    return whole // parts

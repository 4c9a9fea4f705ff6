"""Checks that do not pass."""
import time


class CheckFailed(Exception):
    pass


def disk(free_percent):
    if free_percent < 10:
        raise CheckFailed("only %d %% of the disk is free" % free_percent)
    return "fine"


def hang():
    while True:
        time.sleep(3600)

"""Reports: one line about a machine, and a talkative one."""
import logging
import os

from . import facts

log = logging.getLogger("fleet.report")


def summary():
    """One line of text."""
    return "{system} with {cpus} processors, Python {python}".format(**facts.gather())


def chatty(subject):
    """Prints, logs, and runs a command that prints."""
    print("about to look at " + subject)
    log.warning("%s was looked at", subject)
    return os.system("echo a child of the function says hello")

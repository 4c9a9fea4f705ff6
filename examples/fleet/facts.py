"""What a machine can say about itself."""
import os
import platform


def gather():
    return {"system": platform.system(), "python": platform.python_version(), "cpus": os.sysconf("SC_NPROCESSORS_ONLN")}

# Runs "$0" "$@", a Python with the first stage. Python 3.13 and later look for a module in the
# current folder before our first line, unless PYTHONSAFEPATH is set. The core takes the 1 away
# again, so that user code sees what it was.
PYTHONSAFEPATH=1$PYTHONSAFEPATH exec "$0" "$@"

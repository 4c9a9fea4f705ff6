# Runs the first stage ("$@") with the first Python there is; status 97 if there is none. Joined
# into one line, and passed as `sh -c '…' sh CODE N`: so no single quote, and nothing that csh
# expands inside single quotes. PYTHONSAFEPATH: see run_python.sh.
for p in python3 python python2
do command -v $p>/dev/null&&PYTHONSAFEPATH=1$PYTHONSAFEPATH exec $p -BSc "$@"
done
exit 97

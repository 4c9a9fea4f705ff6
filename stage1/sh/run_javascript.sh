# Runs the argument vector "$0" "$@", a JavaScript interpreter with the first stage, and guards it.
# Joined into one line, and passed as `sh -c '…' INTERPRETER ARG…`: so no single quote, and nothing
# that csh expands inside single quotes.
#
# A JavaScript process can make no pipe for itself, so it gets two: descriptors 0 and 5, whose
# writers are gone at once (it opens the other ends by /proc). The connection is on 3 and 4.
#
# Then this shell is the guard. It ignores what the process group is told to end by. A slave that
# ended by a signal, or wants to be seen as if it had, may have left something: the group is told to
# end, has 0.3 seconds, and is killed, we with it.
exec 3<&0 4>&1
trap "" 1 2 15
:|(:|"$0" "$@")5<&0
s=$?
[ $s -lt 128 ]||{ kill 0
sleep .3
kill -9 0
}
exit $s

# Runs the argument vector "$0" "$@", a JavaScript interpreter with the first stage, and guards it.
# Joined into one line, and passed as `sh -c '…' INTERPRETER ARG…`: so no single quote, and nothing
# that csh expands inside single quotes.
#
# A JavaScript process can make no pipe for itself, so it gets two: descriptors 0 and 5, whose
# writers are gone at once (it opens the other ends by /proc). The connection is on 3 and 4.
#
# This shell is the guard. It ignores the signals that end the process group. A slave that ended by
# a signal, or wants to be seen as if it had, may have left processes: the group gets SIGTERM, and
# SIGKILL 0.3 seconds later, which ends the guard, too. Until then, what the slave printed last is
# copied from both pipes to stderr. (On 6, because a command in the background gets another 0.)
exec 3<&0 4>&1
trap "" 1 2 15
:|(:|("$0" "$@"||{ s=$?
exec 6<&0
(cat<&6;cat<&5)>&2&exit $s
}))5<&0
s=$?
[ $s -lt 128 ]||{ kill 0
sleep .3
kill -9 0
}
exit $s

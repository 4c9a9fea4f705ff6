# Runs the first stage with the first interpreter there is, in the order in which they start
# fastest. $1 is the Python one; the JavaScript one is the first line of standard input, which a
# shell reads without taking more. $2 is the size of both cores together. Else as run_javascript.sh.
# A Python takes this shell's place: it needs no guard, and inherits none of what JavaScript needs.
# PYTHONSAFEPATH: see run_python.sh.
read -r c||exit 99
for p in python3 "bun --config=/dev/null --no-install --no-env-file" "node --no-trace-sync-io" python
do command -v ${p%% *}>/dev/null&&break
done||exit 97
[ "${p#p}" = "$p" ]||PYTHONSAFEPATH=1$PYTHONSAFEPATH exec $p -BSc "$@"
exec 3<&0 4>&1
trap "" 1 2 15
:|(:|($p -e "$c" $2||{ s=$?
exec 6<&0
(cat<&6;cat<&5)>&2&exit $s
}))5<&0
s=$?
[ $s -lt 128 ]||{ kill 0
sleep .3
kill -9 0
}
exit $s

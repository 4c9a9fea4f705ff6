# Runs the JavaScript first stage ("$@": CODE TOTAL) with bun or node, the first that there is, and
# guards it as run_javascript.sh does, where the why is told. Status 97: there is none. Bun must
# neither install what is missing nor read an .env or a bunfig.toml (it may name code to run) of the
# working directory. The flag of Node.js is explained in src/interpreters/first-stage.ts.
for p in "bun --config=/dev/null --no-install --no-env-file" "node --no-trace-sync-io"
do command -v ${p%% *}>/dev/null&&break
done||exit 97
exec 3<&0 4>&1
trap "" 1 2 15
:|(:|($p -e "$@"||{ s=$?
exec 6<&0
(cat<&6;cat<&5)>&2&exit $s
}))5<&0
s=$?
[ $s -lt 128 ]||{ kill 0
sleep .3
kill -9 0
}
exit $s

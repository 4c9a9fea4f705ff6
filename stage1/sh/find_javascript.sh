# Runs the JavaScript first stage ("$@": CODE TOTAL SKIP) with the first of bun and node that there is and that is new enough, and
# guards it as run_javascript.sh does, where the why is told. Status 97: none found. 98: too old, then the next one is tried.
# Bun must neither install what is missing nor read an .env of the working directory.
exec 3<&0 4>&1
trap "" 1 2 15
s=97
for p in "bun --no-install --no-env-file" node
do command -v ${p%% *}>/dev/null||continue
:|{ exec 5<&0
:|$p -e "$@"
}
s=$?
[ $s = 98 ]||break
done
[ $s -lt 128 ]||{ kill -15 0
sleep .3
kill -9 0
}
exit $s

# The first stage: reads exactly N bytes (its argument) from descriptor 0, inflates them and runs
# them.
#
# It is what the remote command line holds, so it is joined into one line (stage1/README.md has the
# rules) and passes through login shells inside single quotes: no newline, no backslash, no
# exclamation mark, no single quote. A constant for a build: nothing in it differs from host to
# host.
#
# posix.read may return fewer bytes than asked for, and descriptor 0 may be non-blocking: poll, and
# read, until all are there. The end of the file before that is status 99; a Python older than 2.7,
# or a 3 older than 3.6, is status 98, said on stderr. `import os` would take more than a
# millisecond.
#
# Names: v the version, b what was read, n how much is wanted, r the code that reads until it is
# there (the core reads BOOT with it).
from sys import*
path[:]=filter(None,path)
import posix,zlib,select,fcntl,struct
v=version_info
(2,7)<=v<(3,)or v>=(3,6)or exit([stderr.write("econtext: %s %d.%d"%((executable,)+v[:2])+chr(10))]and 98)
b=b"";n=int(argv[1])
r="while len(b)<n:select.select([0],[],[]);b+=posix.read(0,n-len(b))or exit(99)"
exec(r)
exec(zlib.decompress(b))

// The first stage for Node.js and Bun: reads exactly TOTAL bytes from descriptor 3, and inflates and runs the core that is in them,
// behind SKIP bytes (another language's core). Its arguments: TOTAL SKIP.
//
// Joined into one line as the Python one is (stage1/README.md has the rules): no single quote, no backslash, no exclamation mark.
// Descriptors 3 and 4 are the connection; the shell has moved it there (stage1/sh/run_javascript.sh). The end of the file is
// status 99; a Node.js older than 18 is status 98, said on stderr. Descriptor 3 may be non-blocking: try again.
//
// Names: p process, f fs, t TOTAL, k SKIP, R reads N bytes (the core reads BOOT with it), c the core's text (its worker runs it, too).
var p=process,f=require("fs"),[t,k]=p.argv.slice(-2),R=n=>{for(var b=Buffer.alloc(n),i=0;i<n;)try{i+=f.readSync(3,b,i,n-i)||p.exit(99)}catch(e){e.code=="EAGAIN"||p.exit(99)}return b},c
parseInt(p.versions.node)<18&&p.exit(console.error("econtext:",p.execPath,p.version,"too old")||98)
eval(c=""+require("zlib").inflateSync(R(+t).slice(k)))

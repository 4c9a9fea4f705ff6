// The first stage for Node.js and Bun: reads exactly TOTAL bytes, its argument, from descriptor 3.
// They are the core: it inflates and runs them. (Where another language's core is in front of it,
// the master has this stage skip that: src/interpreters/first-stage.ts.)
//
// Joined into one line as the Python one is (stage1/README.md has the rules): no single quote, no
// backslash, no exclamation mark. Descriptors 3 and 4 are the connection; the shell has moved it
// there (stage1/sh/run_javascript.sh). It may be non-blocking: after error 11 (EAGAIN) the stage
// tries again. Every other error is status 99, and so is the end of the file, where `x`, which does
// not exist, is an error. A Node.js older than 18 (its modules have numbers below 108) prints that
// on stderr, with status 98. Raw deflate, because Bun has that at hand; its node:zlib costs as much
// as all the rest of the start. Where the kind of the interpreter is known, the build leaves out
// what is for the other kind (`stageOf` in scripts/stage1.ts).
//
// In a block: a `var` would be a global of the user's code.
//
// Names: p process, R reads N bytes (the core reads BOOT with it), c the core's text (its worker
// runs it, too).
{let p=process,R=(n,b=Buffer.alloc(n),i=0)=>{while(i<n)try{i+=require("fs").readSync(3,b,i,n-i)||x}catch(e){e.errno==-11||p.exit(99)}return b},c
p.versions.modules<108&&p.exit(console.error("econtext:",p.execPath,p.version)||98)
eval(c=""+Buffer.from((p.isBun?Bun.inflateSync:require("zlib").inflateRawSync)(R(+p.argv.pop()))))}

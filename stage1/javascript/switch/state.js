/** Second program: its limits, the tables of children and routes, and reports to the master. */
const MAX_FRAME = 262144;
const MAX_LENGTH = 0xffffff; // what a frame's header can say
const MAX_WAITING = 67108864; // bytes that wait for a child when no further message is taken
const BATCH = 65536; // small frames are written together, up to so many bytes
const REPORT = 262144; // so many written bytes are reported at once …
const REPORT_MS = 20; // … and fewer after a moment, so that short calls need no report each
const TAIL = 32768; // bytes of error output that are kept
const DRAIN_MS = 250; // how long the pipes of an ended process may be silent before they are closed
const MAX_LATE = 1048576; // bytes that are read of them: as many as Linux lets a pipe hold
const REAP_MS = 3000; // how long a closed child may go on
const MAX_FAULTS = 100; // reports a second for each child

const children = new Map(); // id: the child that became that context
const routes = new Map(); // id of a context: the child that it is behind

/** Send one message to the master. */
const tell = (handle, value, flags) => {
  acquire();
  write(Buffer.concat(frames(handle, Buffer.from(JSON.stringify(value)), flags)));
};

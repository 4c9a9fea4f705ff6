/**
 * econtext.library: what `import … from "econtext"` gives over there.
 *
 * Second tier. A program's file is imported here for its functions; what it does when it is run, is for where it was started.
 */
const { RemoteError, ContextReference, SenderReference } = core.tier("values");

const here = (name) => () => {
  throw new Error(`${name} is for where the program was started; this is a slave`);
};

module.exports = {
  slave: true,
  run() {},
  connect: here("connect"),
  kwargs: (values) => values,
  RemoteError,
  ContextReference,
  SenderReference,
};

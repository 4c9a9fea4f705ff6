/**
 * A module of the second tier for routing-javascript.test.ts: it has the worker thread send back
 * what comes for another context, as that context would.
 */
const { existsSync } = require("node:fs");

/** Runs in the worker: gives the frames for `id` a route. */
const SEND_BACK = `
  worker.routes.set(ID, (frame) => {
    [0, ME, ME].forEach((word, i) => frame.writeUInt32BE(word, i * 4));
    worker.acquire();
    worker.write(frame);
  });
`;

exports.route = (id) => {
  const text = SEND_BACK.replaceAll("ID", id).replaceAll("ME", core.me);
  core.port.postMessage({ text });
};

/** Keeps the main thread busy until there is such a file. */
exports.hang = (path) => {
  while (!existsSync(path));
};

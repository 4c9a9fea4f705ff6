/**
 * econtext.packaged-module: the `module` of forwarded modules. Requests from a place in a forwarded
 * package go to the importer; requests from elsewhere, and for what the master does not have, go to
 * this machine's own module system.
 *
 * Second tier, of importer.js.
 */
const nodeModule = require("module");
const { resolve: resolvePath } = require("path");
const { fileURLToPath } = require("url");
const { inside } = core.tier("package-files");

let cache, placeOf, requireOf, resolve, told; // of the importer
let made;

/** By the importer where it can, else by the interpreter. */
const either = (forwarded, own) => {
  try {
    return forwarded();
  } catch (error) {
    if (!/MODULE_NOT_FOUND$/.test(error?.code)) throw error;
    try {
      return own();
    } catch {
      throw error;
    }
  }
};

const createRequire = (from) => {
  const path = String(from).startsWith("file:") ? fileURLToPath(from) : String(from);
  if (inside(path) === undefined) return nodeModule.createRequire(from);
  const forwarded = requireOf(placeOf(path));
  const own = nodeModule.createRequire(from);
  const load = (specifier) =>
    isFound(forwarded, specifier) ? forwarded(specifier) : own(specifier);
  load.resolve = (...args) =>
    either(
      () => forwarded.resolve(...args),
      () => own.resolve(...args),
    );
  load.resolve.paths = own.resolve.paths;
  return Object.assign(load, { cache, extensions: forwarded.extensions, main: undefined });
};

/** What fails while it runs is no reason to look elsewhere. */
const isFound = (load, specifier) => {
  try {
    load.resolve(specifier);
    return true;
  } catch {
    return false;
  }
};

const _resolveFilename = (request, parent, isMain, options) => {
  const from = options?.paths
    ? options.paths.map((folder) => `${resolvePath(folder)}/`)
    : [parent?.filename ?? parent?.id];
  for (const path of from) {
    if (typeof path !== "string" || inside(path) === undefined) continue;
    try {
      return told(resolve(placeOf(path), request, "require"), request);
    } catch {}
  }
  return nodeModule._resolveFilename(request, parent, isMain, options);
};

/** @param importer whose modules are asked for first */
exports.make = (importer) => {
  if (made) return made;
  ({ cache, placeOf, requireOf, resolve, told } = importer);
  const own = { createRequire, _resolveFilename, _cache: cache };
  made = new Proxy(nodeModule, {
    get: (target, key) =>
      Object.hasOwn(own, key) ? own[key] : key === "Module" ? made : target[key],
    set: (target, key, value) => {
      (Object.hasOwn(own, key) ? own : target)[key] = value;
      return true;
    },
  });
  return made;
};

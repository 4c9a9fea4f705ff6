/**
 * econtext.specifiers: where the specifier of an import or a require leads.
 *
 * Second tier, of importer.js. The master has resolved what a module's text asks for (DEPS). What
 * only running code knows is asked for: `resolve` blocks meanwhile, `resolveAsync` does not.
 */
const { builtinModules } = require("node:module");
const { dirname, resolve: resolvePath } = require("node:path");
// The same functions; to load `node:url` takes a Bun half a millisecond.
const { pathToFileURL, fileURLToPath } = process.versions.bun ? Bun : require("node:url");

const { fetchRecord, fetchAsync, recordOf } = core.tier("bundles");

const fail = (Type, message, code) => Object.assign(new Type(message), code && { code });

const isBuiltin = (name) => !name.startsWith("/");

const missing = (specifier, parent, kind) =>
  fail(
    Error,
    `Cannot find ${/^(?:[./#]|file:)/.test(specifier) ? "module" : "package"} '${specifier}' imported from ${parent}`,
    // Packages that try for an optional one look at this.
    kind === "require" ? "MODULE_NOT_FOUND" : "ERR_MODULE_NOT_FOUND",
  );

/**
 * Under which key a unit's DEPS hold a specifier. Twin: `dependencyKey` of
 * src/modules/javascript/finder.ts.
 */
const keyOf = (unit, specifier, kind) => {
  const usual = unit.format === "esm" ? "import" : "require";
  return kind === usual ? specifier : `${kind} ${specifier}`;
};

/** Where the master says that a specifier leads; undefined if it has to be asked. */
const known = (unit, specifier, kind) => {
  const key = keyOf(unit, specifier, kind);
  const deps = unit.deps;
  if (Object.hasOwn(deps, key)) return deps[key];
  if (specifier === "econtext" || specifier.startsWith("node:")) return specifier;
  // Bun counts these as its own, Node does not.
  const isOurs = builtinModules.includes(specifier) && !/^(?:ws|undici)$/.test(specifier);
  return isOurs && !/^bun/.test(specifier) ? `node:${specifier}` : undefined;
};

const remember = (unit, specifier, kind, record) => {
  const name = record.length > 1 ? record[0] : "";
  unit.deps[keyOf(unit, specifier, kind)] = name;
  return name;
};

/** @throws what does not exist */
const found = (name, unit, specifier, kind) => {
  const one = name || ownFile(unit, specifier);
  if (one) return one;
  throw missing(specifier, unit.name, kind);
};

/**
 * A file of this machine that a path leads to, as a URL: what the master does not have is loaded by
 * the interpreter itself.
 */
const ownFile = (unit, specifier) => {
  if (!/^(?:\.{0,2}\/|file:)/.test(specifier)) return "";
  try {
    const path = specifier.startsWith("file:")
      ? fileURLToPath(specifier)
      : resolvePath(dirname(unit.name), specifier);
    return pathToFileURL(require.resolve(path)).href;
  } catch {
    return "";
  }
};

/** Where the slave has a module of a package that was unpacked; undefined for any other. */
const unpacked = (record) =>
  record?.[2] === "unpacked" ? core.tier("unpacking").pathOf(record[0], record[4]) : undefined;

const isOwnFile = (name) => name.startsWith("file:");
/** Not by the loader of forwarded modules. */
const importOwn = new Function("url", "return import(url)");

/** As `require.resolve` tells it. */
const told = (name, specifier) =>
  isOwnFile(name) ? fileURLToPath(name) : isBuiltin(name) ? specifier : placeOfModule(name);

/** What was unpacked lies elsewhere than on the master. */
const placeOfModule = (name) => {
  const [, owner] = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name) ?? [];
  const { unpack } = core.tier("roots");
  const record = recordOf(name) ?? (unpack.includes(owner) ? fetchRecord(name) : undefined);
  return unpacked(record) ?? name;
};

const resolve = (unit, specifier, kind) => {
  const name =
    known(unit, specifier, kind) ??
    remember(unit, specifier, kind, fetchRecord([unit.name, specifier, kind]));
  return found(name, unit, specifier, kind);
};

const resolveAsync = async (unit, specifier, kind) => {
  const name =
    known(unit, specifier, kind) ??
    remember(unit, specifier, kind, await fetchAsync([unit.name, specifier, kind]));
  return found(name, unit, specifier, kind);
};

Object.assign(exports, {
  fail,
  fileURLToPath,
  importOwn,
  isBuiltin,
  isOwnFile,
  missing,
  pathToFileURL,
  placeOfModule,
  resolve,
  resolveAsync,
  told,
  unpacked,
});

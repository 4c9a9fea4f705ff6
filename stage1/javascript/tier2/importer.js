/**
 * The importer: runs the modules that the master sends. Second tier; `find(FUNCTION)` is what the
 * dispatcher asks it.
 *
 * A module's name is its path on the master's disk; nothing is looked up on this one. The master
 * has resolved what a module's text asks for (DEPS) and wrapped it into a function; what only
 * running code knows is asked for: `require` blocks meanwhile, `import()` does not.
 *
 * Spec: docs/protocol.md, "Module records". Twins: src/modules/javascript/responder.ts, -esm.ts and
 * -cjs.ts, which say what is in a source.
 */
const vm = require("node:vm");
const { dirname, basename, resolve: resolvePath } = require("node:path");
const nodeModule = require("node:module");

// What `-e` adds is no global of a program's: a module that tries for `module` would take itself
// for CommonJS.
for (const name of [
  ...nodeModule.builtinModules,
  ...["ffi", "jsc", "sqlite"], // of Bun
  ...["module", "exports", "require", "__filename", "__dirname"],
])
  if (!/^(?:process|console|crypto)$/.test(name)) delete globalThis[name];
if (!process.versions.bun) {
  delete globalThis.crypto;
  // Loaded when it is used: that takes milliseconds.
  if (Number.parseInt(process.versions.node, 10) > 18)
    Object.defineProperty(globalThis, "crypto", {
      get: () => require("node:crypto").webcrypto,
      configurable: true,
      enumerable: true,
    });
}

// Of the first Node.js 18.
for (const name of ["dispose", "asyncDispose"])
  if (!Symbol[name]) Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`) });

const linker = core.tier("linker");
const { fetchRecord, fetchAsync, recordOf } = core.tier("bundles");
const {
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
} = core.tier("specifiers");

const units = new Map(); // name: what was made of its record
const cache = Object.create(null); // require.cache

/** Where something asks from that is no module which was sent: a file or a folder of a package. */
const places = new Map();
const placeOf = (path) => {
  const name = path.endsWith("/") ? `${path}package.json` : path;
  if (!places.has(name)) places.set(name, { name, format: "cjs", deps: {} });
  return units.get(name) ?? places.get(name);
};

/** A module that the interpreter itself has loaded. */
const foreign = (name, exports) => {
  const format = require("node:util").types.isModuleNamespaceObject(exports) ? "far" : "builtin";
  const unit = { name, format, listeners: new Map(), exports };
  units.set(name, unit);
  return unit;
};

/** Get a module that linking needs, without blocking. */
const bring = async (name) => {
  const path = unpacked(recordOf(name) ?? (await fetchAsync(name)));
  if (path === undefined) return;
  try {
    foreign(name, require(path));
  } catch (e) {
    if (!/^ERR_REQUIRE_(?:ESM|ASYNC)/.test(e?.code)) throw e;
    foreign(name, await importOwn(pathToFileURL(path).href));
  }
};

/** Whether it can be linked at once. */
const isHere = (name) => {
  if (units.has(name)) return true;
  const record = recordOf(name);
  return record !== undefined && record[2] !== "unpacked";
};

// -- Units ----------------------------------------------------------------------------------------
/** What is made of a name's record: compiled, not run. Fetches it if it is not here. */
const unitOf = (name, parent = "here") => {
  const have = units.get(name);
  if (have) return have;
  if (isBuiltin(name)) return makeBuiltin(name);
  const record = recordOf(name) ?? fetchRecord(name);
  if (record.length < 2) throw missing(name, parent);
  const [, , format, deps, source] = record;
  if (format === "unpacked") return foreign(name, require(unpacked(record)));
  if (format === "error")
    throw fail(
      Error,
      parent === "here" ? source : `${source}, imported from ${parent}`,
      // Packages that have something else look at this.
      name.endsWith(".node") && "ERR_DLOPEN_FAILED",
    );
  const unit = {
    name,
    format: format.split("+")[0],
    isScoped: format.endsWith("+scope"),
    deps,
    state: 0,
    listeners: new Map(),
  };
  if (unit.format === "esm") linker.instantiate(unit, source);
  else if (unit.format === "cjs") unit.run = compile(name, source);
  else unit.data = source;
  units.set(name, unit);
  // It is not needed twice, and may be large.
  record[4] = "";
  return unit;
};

/** Under the name that the module has for itself: code that reads a stack looks for that. */
const compile = (name, source, format) => {
  const isUrl = format === "esm" && !process.versions.bun;
  const filename = isUrl ? pathToFileURL(name).href : name;
  return new vm.Script(source, { filename }).runInThisContext();
};

const makeBuiltin = (name) => {
  const unit = { name, format: "builtin", listeners: new Map(), exports: builtin(name) };
  units.set(name, unit);
  return unit;
};

const builtin = (name) => {
  if (name === "econtext") return core.tier("econtext_module");
  if (/^bun(?::|$)/.test(name) && !process.versions.bun)
    throw missing(name, "a context of kind node");
  if (isOwnFile(name)) return require(fileURLToPath(name));
  if (name === "node:fs") return core.tier("packaged-fs").fs;
  if (name === "node:fs/promises") return core.tier("packaged-fs").promises;
  if (name === "node:worker_threads") return core.tier("packaged-processes").threads;
  if (name === "node:child_process") return core.tier("packaged-processes").processes;
  if (name === "node:module") return core.tier("packaged-module").make(importer);
  return require(name);
};

// -- import(), import.meta ------------------------------------------------------------------------
const importOf = (unit) => {
  const load = (specifier) => importFrom(unit, specifier);
  const directory = dirname(unit.name);
  load.meta = Object.assign(Object.create(null), {
    dirname: directory,
    filename: unit.name,
    main: false,
    url: pathToFileURL(unit.name).href,
    resolve(specifier) {
      const name = resolve(unit, String(specifier), "import");
      return isBuiltin(name) ? name : pathToFileURL(placeOfModule(name)).href;
    },
  });
  if (process.versions.bun)
    Object.assign(load.meta, {
      dir: directory,
      path: unit.name,
      file: basename(unit.name),
      env: process.env,
    });
  return load;
};

const importFrom = async (unit, specifier) => {
  const name = await resolveAsync(unit, String(specifier), "import");
  if (isOwnFile(name)) return importOwn(name);
  await linker.prepare(name, unit.name);
  const target = unitOf(name, unit.name);
  linker.link(target);
  await linker.evaluate(target);
  return linker.namespaceOf(target);
};

// == CommonJS =====================================================================================
/** Run a CommonJS module, or take what it has exported so far. What fails can be tried again. */
const execute = (unit, parent) => {
  const have = cache[unit.name];
  if (have) return have.exports;
  const { name } = unit;
  const module = {
    id: name,
    filename: name,
    path: dirname(name),
    exports: {},
    loaded: false,
    children: [],
    paths: [],
    parent: parent ?? null,
    require: requireOf(unit),
  };
  // `if (!module.parent)` means a main module, and there is none here.
  module.parent ??= { id: ".", exports: {}, children: [], loaded: true };
  cache[name] = module;
  let isDone = false;
  try {
    if (unit.format === "json") module.exports = parseJson(unit);
    else if (unit.format === "text") module.exports = unit.data;
    else
      unit.run.call(
        module.exports,
        module.exports,
        module.require,
        module,
        name,
        module.path,
        importOf(unit),
        (scope) => (unit.scope = scope),
      );
    isDone = module.loaded = true;
  } finally {
    if (!isDone) delete cache[name];
  }
  linker.notify(unit);
  return module.exports;
};

const parseJson = (unit) => {
  try {
    return JSON.parse(unit.data);
  } catch (e) {
    e.message = `${unit.name}: ${e.message}`;
    throw e;
  }
};

const requireOf = (unit) => {
  const load = (specifier) => {
    if (typeof specifier !== "string")
      throw fail(TypeError, "require: the specifier must be a string", "ERR_INVALID_ARG_TYPE");
    const target = unitOf(resolve(unit, specifier, "require"), unit.name);
    return requireUnit(target, cache[unit.name]);
  };
  load.resolve = (specifier, { paths } = {}) => {
    for (const folder of paths ?? [])
      try {
        const from = placeOf(`${resolvePath(folder)}/`);
        return told(resolve(from, specifier, "require"), specifier);
      } catch {}
    if (paths) throw missing(specifier, paths.join(), "require");
    return told(resolve(unit, specifier, "require"), specifier);
  };
  load.resolve.paths = () => null;
  load.cache = cache;
  load.extensions = Object.create(null);
  load.main = undefined;
  return load;
};

const requireUnit = (target, parent) => {
  if (target.format === "builtin" || target.format === "far") return target.exports;
  if (target.format !== "esm") return execute(target, parent);
  linker.link(target);
  if (linker.willWait(target))
    throw fail(
      Error,
      `require() cannot be used on ${target.name}: it awaits at its top level; use import()`,
      "ERR_REQUIRE_ASYNC_MODULE",
    );
  linker.evaluate(target);
  return linker.required(target);
};

const importer = { cache, placeOf, requireOf, resolve, told, unitOf };

linker.use({
  bring,
  cache,
  compile,
  execute,
  fail,
  importOf,
  isBuiltin,
  isHere,
  requireOf,
  resolve,
  unitOf,
});

// == Functions ====================================================================================
/** The module of a name, run. @returns it, or a promise of it */
const ready = (name) => {
  if (!isBuiltin(name) && linker.absent(name).length > 0)
    return linker.prepare(name).then(() => ready(name));
  const unit = unitOf(name);
  linker.link(unit);
  const running = linker.evaluate(unit);
  return running ? running.then(() => unit) : unit;
};

/** What a name at the top level of a module is bound to, exported or not. */
const lookUp = (unit, name) => {
  if (unit.scope && name !== "default" && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name))
    try {
      return unit.scope(name);
    } catch (e) {
      if (!(e instanceof ReferenceError || e instanceof SyntaxError)) throw e;
    }
  if (unit.format !== "esm" && name === "default")
    return linker.defaultOf(linker.exportsOf(unit), true);
  return linker.namespaceOf(unit)[name];
};

const walk = (label, self, path) => {
  let holder;
  let value = self;
  for (const part of path) {
    holder = value;
    value = value?.[part];
  }
  if (typeof value !== "function") throw new TypeError(`${label} is not a function`);
  return holder === undefined ? value : value.bind(holder);
};

const member = (unit, label, path) => {
  const [first, ...rest] = path.split(".");
  return walk(label, lookUp(unit, first), rest);
};

/** What a function that belongs to no module imports from: it has the builtins. */
const nowhere = { name: "a function of no module", format: "esm", deps: {} };

/**
 * Make a function in a module's top-level scope. The master has put `__impt` in the place of its
 * `import`.
 */
const inline = (unit, source) => {
  const here = unit ?? nowhere;
  // A module has its own `require`. The source begins on a line of its own: its columns stay.
  const text = `(function(__impt${unit ? "" : ",require"}){"use strict";return (\n${source}\n)})`;
  // biome-ignore lint/security/noGlobalEval: the master's own code, sent to be run
  const made = (unit?.scope ?? globalThis.eval)(text)(importOf(here), requireOf(here));
  if (typeof made !== "function") throw new TypeError("what was sent is not a function");
  return made;
};

const then = (value, next) => (value instanceof Promise ? value.then(next) : next(value));

/**
 * The function of a module that a call names, or a promise of it: docs/protocol.md,
 * "CALL_FUNCTION". Others are the core's affair.
 */
exports.find = (name) => {
  if (Array.isArray(name)) {
    const [module, source] = name;
    return module === ""
      ? inline(undefined, source)
      : then(ready(module), (unit) => inline(unit, source));
  }
  const at = name.lastIndexOf(":");
  return then(ready(name.slice(0, at)), (unit) => member(unit, name, name.slice(at + 1)));
};

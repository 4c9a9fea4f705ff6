/**
 * The linker: ES modules as the language has them (live bindings, cycles, namespaces, `await` at
 * the top level), made of functions. Second tier, of the importer, which finds units and runs
 * CommonJS.
 *
 * A module's function is a generator: its first step tells what it imports (setters) and exports
 * (getters), its second runs the source. Twin: src/modules/javascript/esm.ts, which makes them.
 */
// States of an ES module
const NEW = 0;
const RUNNING = 1;
const DONE = 2;
const FAILED = 3;

// What the importer gives: its units, its names, and how it runs CommonJS
let bring, cache, compile, execute, fail, importOf, isBuiltin, isHere, requireOf, resolve, unitOf;

/** The importer says this once, when it is loaded. */
exports.use = (importer) => {
  ({
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
  } = importer);
};

// -- Exports --------------------------------------------------------------------------------------
/**
 * Get `module.exports`, or its substitute, of any unit but an ES module, as far as it has been run.
 */
const exportsOf = (unit) =>
  unit.format === "cjs" || unit.format === "json" || unit.format === "text"
    ? cache[unit.name]?.exports
    : unit.exports;

const has = (value, key) =>
  value !== null && (typeof value === "object" || typeof value === "function") && key in value;

/**
 * What `import x from` gives. In a program it is the default export of a compiled ES module, as its
 * compiler has it. In a package it is `module.exports`, as in Node.js.
 */
const defaultOf = (exported, isProgram) =>
  isProgram && has(exported, "__esModule") && exported.__esModule && has(exported, "default")
    ? exported.default
    : exported;

/**
 * Follow an exported name. @returns the unit and the name there; undefined if the name is not
 * exported; null if it leads to two different exports
 */
const resolveExport = (unit, name, seen = new Set()) => {
  if (unit.format !== "esm") return { unit, name };
  const key = `${unit.name}\n${name}`;
  if (seen.has(key)) return undefined;
  seen.add(key);
  const { x, r = [], s = [] } = unit.links;
  if (Object.hasOwn(x, name)) return { unit, name };
  for (const [exported, from, imported] of r)
    if (exported === name)
      return imported === "*"
        ? { unit: unit.needs[from], name: "*" }
        : resolveExport(unit.needs[from], imported, seen);
  if (name === "default") return undefined;
  let one;
  let late;
  for (const from of s) {
    const need = unit.needs[from];
    // What it exports is known when it has been run.
    if (need.format !== "esm") {
      if (!late || has(exportsOf(need), name)) late = { unit: need, name, late: true };
      continue;
    }
    const other = resolveExport(need, name, seen);
    if (other === null) return null;
    if (other && one && (other.unit !== one.unit || other.name !== one.name)) return null;
    one ??= other;
  }
  return one ?? late;
};

const currentOf = ({ unit, name }, isProgram) => {
  if (name === "*") return namespaceOf(unit);
  if (unit.format === "esm") return unit.links.x[name]();
  const exported = exportsOf(unit);
  if (unit.format === "far") return exported[name];
  return name === "default" ? defaultOf(exported, isProgram) : exported?.[name];
};

const namesOf = (unit, seen = new Set()) => {
  if (seen.has(unit)) return [];
  seen.add(unit);
  if (unit.format === "esm") {
    const { x, r = [], s = [] } = unit.links;
    const stars = s.flatMap((from) =>
      namesOf(unit.needs[from], seen).filter((name) => name !== "default"),
    );
    return [...Object.keys(x), ...r.map(([name]) => name), ...stars];
  }
  const exported = exportsOf(unit);
  if (unit.format === "far") return Object.keys(exported);
  const names = has(exported, "toString") ? Object.keys(exported) : [];
  return unit.format === "builtin"
    ? ["default", ...Object.getOwnPropertyNames(exported)]
    : ["default", ...names];
};

const namespaceOf = (unit) => {
  if (unit.namespace) return unit.namespace;
  const namespace = fill(Object.create(null), unit);
  // CommonJS in the middle of a cycle: there will be more.
  if (unit.format !== "cjs" || cache[unit.name]?.loaded) unit.namespace = namespace;
  return namespace;
};

const fill = (namespace, unit) => {
  for (const name of [...new Set(namesOf(unit))].sort()) {
    const target = resolveExport(unit, name);
    if (target)
      Object.defineProperty(namespace, name, { enumerable: true, get: () => currentOf(target) });
  }
  Object.defineProperty(namespace, Symbol.toStringTag, { value: "Module" });
  return Object.preventExtensions(namespace);
};

/** Give the importers of some exports of a unit, or of all, the current values. */
const notify = (unit, names = unit.listeners.keys()) => {
  for (const name of names)
    for (const update of unit.listeners.get(name) ?? [])
      try {
        update();
      } catch {} // not yet initialised
};

// == ES modules: linked, then run =================================================================
/** Run the first step of a module's function: it tells what it imports and exports. */
const instantiate = (unit, source) => {
  const make = compile(unit.name, source, "esm");
  const link = {
    link: (links) => (unit.links = links),
    set: (value, ...names) => {
      notify(unit, names);
      return value;
    },
  };
  unit.body = make.call(undefined, link, importOf(unit), requireOf(unit));
  unit.isAsync = Object.prototype.toString.call(unit.body) === "[object AsyncGenerator]";
  unit.body.next();
  const { f, e } = unit.links;
  unit.scope = e;
  if (f) Object.defineProperty(f, "name", { value: "default", configurable: true });
};

/** All names that linking a unit needs and that are not here. */
const absent = (name, from) => {
  const names = [];
  const queue = new Map([[name, from]]);
  for (const [next, parent] of queue) {
    if (isBuiltin(next)) continue;
    if (!isHere(next)) names.push(next);
    else {
      const unit = unitOf(next, parent);
      if (unit.format !== "esm" || unit.needs) continue;
      for (const specifier of unit.links.d) {
        const need = resolve(unit, specifier, "import");
        if (!queue.has(need)) queue.set(need, next);
      }
    }
  }
  return names;
};

/** Fetch, without blocking, what linking needs. */
const prepare = async (name, from) => {
  for (let names = absent(name, from); names.length > 0; names = absent(name, from))
    await Promise.all(names.map(bring));
};

const link = (unit) => {
  const fresh = [];
  const visit = (one) => {
    if (one.format !== "esm" || one.needs) return;
    one.needs = [];
    fresh.push(one);
    for (const specifier of one.links.d) {
      const need = unitOf(resolve(one, specifier, "import"), one.name);
      one.needs.push(need);
      visit(need);
    }
  };
  try {
    visit(unit);
    for (const one of fresh) bind(one);
  } catch (e) {
    // The next try starts from here.
    for (const one of fresh) one.needs = undefined;
    throw e;
  }
};

const bind = (unit) => {
  unit.late = [];
  for (const [from, imported, set] of unit.links.i ?? []) {
    const need = unit.needs[from];
    if (imported === "*") {
      // Of CommonJS the namespace is known when it has been run.
      if (need.format === "esm") unit.late.push({ update: () => set(namespaceOf(need)) });
      else listen(need, "*", () => set(namespaceOf(need)), unit);
      continue;
    }
    const target = resolveExport(need, imported);
    if (!target) throw unexported(unit, from, imported, target === null);
    const update = () => set(currentOf(target, unit.isScoped));
    listen(target.unit, target.name, update, unit);
    if (target.unit.format !== "esm" && target.name !== "default" && target.name !== "*")
      unit.late.push({ from, imported, target });
  }
  // A name that leads nowhere is an error even if no module imports it.
  for (const [exported, from, imported] of unit.links.r ?? [])
    if (imported !== "*" && !resolveExport(unit, exported))
      throw unexported(unit, from, imported, false);
};

const listen = (unit, name, update, by) => {
  const list = unit.listeners.get(name) ?? [];
  unit.listeners.set(name, list);
  list.push(update);
  by.late.push({ update });
  try {
    update();
  } catch {} // not yet initialised
};

const unexported = (unit, from, imported, isAmbiguous) =>
  fail(
    SyntaxError,
    isAmbiguous
      ? `The requested module '${unit.links.d[from]}' contains conflicting star exports for name '${imported}' (imported by ${unit.name})`
      : `The requested module '${unit.links.d[from]}' does not provide an export named '${imported}' (imported by ${unit.name})`,
  );

/** Just before a module runs: what it imports has been run, but in cycles. */
const settle = (unit) => {
  for (const { update, target, from, imported } of unit.late) {
    if (update)
      try {
        update();
      } catch {} // a cycle: not yet initialised
    else if (isRun(target.unit) && !has(exportsOf(target.unit), target.name))
      throw unexported(unit, from, imported, false);
  }
};

const isRun = (unit) => /^(?:builtin|far)$/.test(unit.format) || cache[unit.name]?.loaded === true;

/** What has to be run for a unit, in order. */
const order = (unit, list = [], seen = new Set()) => {
  if (seen.has(unit)) return list;
  seen.add(unit);
  for (const need of unit.needs ?? []) order(need, list, seen);
  list.push(unit);
  return list;
};

/** Run what is linked. @returns a promise where one of its modules awaits, or is awaited */
const evaluate = (unit) => {
  const list = order(unit).filter((one) => one.state !== DONE);
  if (
    list.some((one) => (one.isAsync && one.state === NEW) || (one.state === RUNNING && one.promise))
  )
    return evaluateAsync(list);
  for (const one of list) step(one);
};

const evaluateAsync = async (list) => {
  for (const one of list) {
    step(one);
    if (one.state === RUNNING && one.promise) await one.promise;
  }
};

/**
 * Run the second step of a module's function. After it, dispose of what the top level of the module
 * declared by `using`.
 */
const run = (unit) => {
  const { u: stack } = unit.links;
  if (!stack) return unit.body.next();
  if (unit.isAsync)
    return unit.body
      .next()
      .catch(stack.fail)
      .then(() => stack.endAsync());
  try {
    unit.body.next();
  } catch (e) {
    stack.fail(e);
  }
  stack.end();
};

/** Run one unit, whose needs were run. */
const step = (unit) => {
  if (unit.format === "cjs" || unit.format === "json" || unit.format === "text") {
    execute(unit);
    return;
  }
  if (/^(?:builtin|far)$/.test(unit.format) || unit.state === DONE || unit.state === RUNNING)
    return;
  const broken = unit.needs.find((need) => need.state === FAILED);
  if (broken) failed(unit, broken.error);
  if (unit.state === FAILED) throw unit.error;
  unit.state = RUNNING;
  const done = () => {
    unit.state = DONE;
    unit.body = unit.promise = undefined;
    notify(unit);
  };
  try {
    settle(unit);
    const running = run(unit);
    if (unit.isAsync)
      unit.promise = running.then(done, (e) => {
        failed(unit, e);
        throw e;
      });
    else done();
  } catch (e) {
    failed(unit, e);
    throw e;
  }
};

/** The unit is never run again: each import of it gets the same error. */
const failed = (unit, error) => {
  unit.state = FAILED;
  unit.error = error;
};

/**
 * What `require` gives of an ES module: its namespace; as Node, with a mark that it is one where it
 * has a default.
 */
const required = (unit) => {
  const namespace = namespaceOf(unit);
  if ("module.exports" in namespace) return namespace["module.exports"];
  if (!("default" in namespace) || "__esModule" in namespace) return namespace;
  unit.required ??= fill(
    Object.create(null, { __esModule: { enumerable: true, value: true } }),
    unit,
  );
  return unit.required;
};

/** Whether running a unit that is linked means waiting. */
const willWait = (unit) =>
  order(unit).some((one) => one.state !== DONE && (one.isAsync || one.promise));

Object.assign(exports, {
  defaultOf,
  exportsOf,
  namespaceOf,
  notify,
  instantiate,
  absent,
  prepare,
  link,
  evaluate,
  willWait,
  required,
});

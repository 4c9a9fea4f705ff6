/**
 * JavaScript source → the same program in fewer bytes, for the code that we send. By Bun's own transpiler: names that are nobody
 * else's become short, so tracebacks of our own code mean little over there; the user's code never goes through here.
 */
export function minifyJavaScript(source: string): string {
  // Named numbers are for who reads; a name costs more bytes than its number.
  let text = source;
  for (const [, name = "", value = ""] of source.matchAll(/^const ([A-Z_]+) = (\d+);/gm)) {
    text = text.replaceAll(new RegExp(`^const ${name} = .*`, "gm"), "");
    text = text.replaceAll(new RegExp(`\\b${name}\\b`, "g"), value);
  }
  const transpiler = new Bun.Transpiler({
    loader: "js",
    target: "node",
    // The types know only one spelling of it.
    ...({ minify: { syntax: true, whitespace: true, identifiers: true } } as object),
  });
  return transpiler.transformSync(text).trim();
}

/**
 * Package data: files beside modules, by the ways that Python has to read them; JavaScript has
 * none.
 */
import { expect } from "bun:test";
import { isPython3, pythonFile } from "./python.ts";
import { type Far, requestsOf } from "./session.ts";

const GREETING = "gr\u00fc\u00dfe\n";
const BLOB = Uint8Array.of(0, 255, 1, 254);

export function resources(far: Far): void {
  const { everyVersion } = far;
  const python3 = isPython3(far.version);
  const since = (minor: number): boolean =>
    python3 && Number(far.version.slice("3.".length)) >= minor;

  everyVersion("pkgutil.get_data", async () => {
    const get = (path: string) => far.call("imports.bundle:by_pkgutil", path);
    expect(await get("blob.bin")).toEqual(BLOB);
    expect(new TextDecoder().decode((await get("greeting.txt")) as Uint8Array)).toBe(GREETING);
    expect(new TextDecoder().decode((await get("more/inner.txt")) as Uint8Array)).toBe("inside\n");
  });

  everyVersion("pkgutil.get_data of what is not there fails as open does", async () => {
    const file = `/econtext-master${pythonFile("imports/bundle/none.txt")}`;
    const error = await far.call("imports.bundle:missing_by_pkgutil", "none.txt");
    expect(error).toEqual([python3 ? "FileNotFoundError" : "IOError", 2, file]);
  });

  everyVersion("each read is one request", async () => {
    await far.call("imports.bundle:by_pkgutil", "blob.bin");
    const requests = await requestsOf(() => far.call("imports.bundle:by_pkgutil", "blob.bin"));
    expect(requests).toEqual(["imports.bundle:blob.bin"]);
  });

  everyVersion("several threads read at once, and each gets what it asked for", async () => {
    await using session = await far.connect();
    const names = ["blob.bin", "greeting.txt", "more/inner.txt"];
    expect(await session.call("imports.bundle:by_threads", names, 3, 100)).toEqual([]);
  });

  everyVersion.if(since(7))(
    "importlib.resources: open_binary, read_text, read_binary",
    async () => {
      const read = await far.call("imports.bundle:by_functions", "greeting.txt");
      const bytes = Uint8Array.from(new TextEncoder().encode(GREETING));
      expect(read).toEqual([bytes, GREETING, bytes]);
    },
  );

  everyVersion.if(since(7))("importlib.resources: contents, is_resource", async () => {
    const contents = (await far.call("imports.bundle:contents")) as string[];
    expect(contents).toEqual(["__init__.py", "blob.bin", "greeting.txt", "more", "part.py"]);
    const are = far.call("imports.bundle:is_resource", "blob.bin", "more", "none");
    expect(await are).toEqual([true, false, false]);
  });

  everyVersion.if(since(7))(
    "importlib.resources: a file on disk for who must have one",
    async () => {
      expect(await far.call("imports.bundle:on_disk", "blob.bin")).toEqual(BLOB);
    },
  );

  everyVersion.if(since(9))("importlib.resources: files", async () => {
    const files = (...parts: string[]) => far.call("imports.bundle:by_files", ...parts);
    expect(await files("greeting.txt")).toEqual(["greeting.txt", true, false, GREETING]);
    expect(await files("more", "inner.txt")).toEqual(["inner.txt", true, false, "inside\n"]);
    expect(await files("more")).toEqual(["more", false, true, false]);
    expect(await files("none")).toEqual(["none", false, false, false]);
    const tree = (await far.call("imports.bundle:walk")) as unknown[][];
    expect(tree.map(([name]) => name)).toContain("blob.bin");
    expect(tree).toContainEqual(["more", [["inner.txt", 7]]]);
  });
}

/** The search in a known_hosts file finds what reading each of its lines would find. */
import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { isNamed, linesHolding, linesNaming } from "../../src/embedded-ssh/known-hosts.ts";

const HOSTS = ["web1", "web1.example.org", "[web1]:2222", "192.0.2.1", "WEB1", "wéb"];
const KEYS = ["AAAAone", "AAAAtwo", "AAAAonetwo"];

function hashed(host: string): string {
  const salt = Buffer.from(`salt of ${host}`);
  const hash = createHmac("sha1", salt).update(host).digest("base64");
  return `|1|${salt.toString("base64")}|${hash}`;
}

const plainNames = fc
  .array(
    fc.constantFrom(...HOSTS, "web*", "web?", "!web1", "*", "other", "", "#web1", "web1.example"),
    { minLength: 1, maxLength: 4 },
  )
  .map((names) => names.join(","));
const names = fc.oneof(plainNames, fc.constantFrom(...HOSTS).map(hashed), fc.constant("|web1|x"));
const gap = fc.constantFrom(" ", "\t", "  ");
const line = fc
  .record({
    start: fc.constantFrom("", "", " ", "\t"),
    marker: fc.constantFrom("", "", "@revoked", "@cert-authority", "@other"),
    names,
    gap,
    rest: fc.constantFrom(...KEYS.map((key) => `ssh-rsa ${key}`), "ssh-rsa", "", "ssh-dss AAAAone"),
    end: fc.constantFrom("", "\r", " a comment, web1"),
  })
  .map(({ start, marker, names: own, gap: between, rest, end }) => {
    const words = [marker, own, rest].filter((word, at) => at > 0 || word !== "");
    return start + words.join(between) + end;
  });
const file = fc
  .tuple(
    fc.array(fc.oneof(line, fc.constantFrom("", "# web1 ssh-rsa AAAAone", "web1", "\r"))),
    fc.constantFrom("", "\n"),
  )
  .map(([lines, end]) => lines.join("\n") + end);

/** Reads each line. */
function parse(text: string) {
  return text.split("\n").flatMap((one, at) => {
    const words = one.trim().split(/[ \t]+/);
    if (words[0]?.startsWith("#") === true) return [];
    const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
    const [own = "", type = "", key = ""] = words;
    if (key === "" || ![undefined, "@revoked", "@cert-authority"].includes(marker)) return [];
    return [{ marker: marker as "@revoked", names: own, type, key, place: `file:${at + 1}` }];
  });
}

test("the lines that name one of several hosts", () => {
  let count = 0;
  const hosts = fc.subarray(HOSTS, { minLength: 1 });
  fc.assert(
    fc.property(file, hosts, (text, wanted) => {
      const bytes = Buffer.from(text, "latin1");
      const expected = parse(bytes.toString("latin1")).filter((one) =>
        wanted.some((host) => isNamed(one.names, host)),
      );
      expect(linesNaming(bytes, wanted, "file")).toEqual(expected);
      count += expected.length;
    }),
    { numRuns: 300 },
  );
  expect(count).toBeGreaterThan(0);
});

test("the lines that hold a key", () => {
  let count = 0;
  fc.assert(
    fc.property(file, fc.constantFrom(...KEYS), (text, key) => {
      const bytes = Buffer.from(text, "latin1");
      const expected = parse(text).filter((one) => one.type === "ssh-rsa" && one.key === key);
      const found = linesHolding(bytes, { type: "ssh-rsa", key }, "file");
      expect(found.map(({ place }) => place)).toEqual(expected.map(({ place }) => place));
      count += found.length;
    }),
    { numRuns: 300 },
  );
  expect(count).toBeGreaterThan(0);
});

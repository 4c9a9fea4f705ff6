/**
 * Sets of targets. The first tables are the documented cases of ClusterShell (its manual page
 * nodeset(1) and its guide); what each of them gives was compared with ClusterShell 1.9.1.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { UsageError } from "../../src/errors.ts";
import { compress } from "../../src/sets/fold-names.ts";
import { expand } from "../../src/sets/node-set.ts";

/** A set, and its names. */
const EXPANDED: readonly (readonly [set: string, names: string])[] = [
  // Ranges.
  ["node[160-163]", "node160 node161 node162 node163"],
  ["node[13-15,17-19]", "node13 node14 node15 node17 node18 node19"],
  ["cws-machin", "cws-machin"],
  ["supercluster0", "supercluster0"],
  ["[0]cluster", "0cluster"],
  ["[1-3]", "1 2 3"],
  ["cluster[115]", "cluster115"],
  ["clu-0-[3-5]", "clu-0-3 clu-0-4 clu-0-5"],
  ["cluster[50-52]-ipmi", "cluster50-ipmi cluster51-ipmi cluster52-ipmi"],
  ["node[1-2]-ipmi.example.com", "node1-ipmi.example.com node2-ipmi.example.com"],
  ["n[3,1-4]", "n3 n1 n2 n4"],
  [" tigrou2 , tigrou7 , tigrou[ 9   - 11 ] ", "tigrou2 tigrou7 tigrou9 tigrou10 tigrou11"],
  ["node0 node6 node7", "node0 node6 node7"],
  ["10.0.0.[1-3]", "10.0.0.1 10.0.0.2 10.0.0.3"],
  // Zeros before numbers.
  ["node[08-11]", "node08 node09 node10 node11"],
  ["web[01-03,20]", "web01 web02 web03 web20"],
  ["n[1-2,01-02,001]", "n1 n2 n01 n02 n001"],
  ["n[098-101]", "n098 n099 n100 n101"],
  ["n[00-03]", "n00 n01 n02 n03"],
  ["n[9-11]", "n9 n10 n11"],
  ["cluster[0001,0002,1555-1556]", "cluster0001 cluster0002 cluster1555 cluster1556"],
  // Steps.
  ["node[0-6/2]", "node0 node2 node4 node6"],
  ["n[0-10/5]", "n0 n5 n10"],
  ["node[000-012/4]", "node000 node004 node008 node012"],
  ["n[9-100/50]", "n9 n59"],
  ["n[1-13/4,7]", "n1 n5 n9 n13 n7"],
  ["prod-10[01,05,09-13/2]", "prod-1001 prod-1005 prod-1009 prod-1011 prod-1013"],
  // Digits before and after the brackets.
  ["node-00[00-02]", "node-0000 node-0001 node-0002"],
  ["node-01[01,09,42]", "node-0101 node-0109 node-0142"],
  ["node-[1-2]0-[0-2]5", "node-10-05 node-10-15 node-10-25 node-20-05 node-20-15 node-20-25"],
  ["node-00[1-3]0", "node-0010 node-0020 node-0030"],
  ["nova[1-4]56", "nova156 nova256 nova356 nova456"],
  ["x22[0-1]y000z03[0-1]", "x220y000z030 x220y000z031 x221y000z030 x221y000z031"],
  // Several dimensions.
  ["dc[1-2]n[2-6/2]", "dc1n2 dc1n4 dc1n6 dc2n2 dc2n4 dc2n6"],
  ["node[1-2]x[1-2]", "node1x1 node1x2 node2x1 node2x2"],
  ["da[2-3]c[1-2]p[0]", "da2c1p0 da2c2p0 da3c1p0 da3c2p0"],
  ["n[1-2]-[01-02]", "n1-01 n1-02 n2-01 n2-02"],
  // Operators, from left to right.
  ["node[1-3],node[2-5]", "node1 node2 node3 node4 node5"],
  ["node[0-10]!node[3-10]", "node0 node1 node2"],
  ["node[0-10]&node[5-13]", "node5 node6 node7 node8 node9 node10"],
  ["node[0-10]^node[8-13]", "node0 node1 node2 node3 node4 node5 node6 node7 node11 node12 node13"],
  ["node[10-13],node46!node10", "node11 node12 node13 node46"],
  ["a[1-3],b!b", "a1 a2 a3"],
  ["a[1-3]!a2,a2", "a1 a3 a2"],
  ["n[1-5]^n[3-8]&n[1-4]!n1,n9", "n2 n9"],
  [" t[1-5] & t[0,2,4] ! t[2-3] ^ t[3-5], t1 ", "t3 t5 t1"],
  ["n1!n1", ""],
  // What ClusterShell does not have: letters, braces and quotes.
  ["db[1-3]-[a-b]", "db1-a db1-b db2-a db2-b db3-a db3-b"],
  ["rack[A-C]", "rackA rackB rackC"],
  ["n[1,a,c-e/2]", "n1 na nc ne"],
  ["{web,db}1", "web1 db1"],
  ["{web[1-2],db}.example.com", "web1.example.com web2.example.com db.example.com"],
  ["{a,b{1,2}c,d}z", "az b1cz b2cz dz"],
  ["web{,-ipmi}", "web web-ipmi"],
  ["n{1,2}[3-4]", "n13 n14 n23 n24"],
  ["{ a , b }", "a b"],
  // Paths, and what ssh accepts.
  ["bastion/web[1-2]/sudo:root", "bastion/web1/sudo:root bastion/web2/sudo:root"],
  ["bastion[1-2]/web[1-3/2]", "bastion1/web1 bastion1/web3 bastion2/web1 bastion2/web3"],
  ["{bastion/web,db}[1-2]", "bastion/web1 bastion/web2 db1 db2"],
  ["bastion/web[1-3]!bastion/web2", "bastion/web1 bastion/web3"],
  ["ada@web[1-2]", "ada@web1 ada@web2"],
  ["ssh://ada@web[1-2]:22", "ssh://ada@web1:22 ssh://ada@web2:22"],
  ["[2001:db8::1],[::1]", "[2001:db8::1] [::1]"],
  ["ada@[::1] ssh://[::1]:22", "ada@[::1] ssh://[::1]:22"],
  ["[fe80::1%eth0] fe80::1%eth0", "[fe80::1%eth0] fe80::1%eth0"],
  ["2001:db8::[1-2]", "2001:db8::1 2001:db8::2"],
  ["nsenter:%2Fproc%2F1[1-2]", "nsenter:%2Fproc%2F11 nsenter:%2Fproc%2F12"],
  ["podman:a[1-2]?user=www&cwd=x", "podman:a1?user=www&cwd=x podman:a2?user=www&cwd=x"],
  ["podman:a?user=www&podman:a?user=www", "podman:a?user=www"],
  ["unshare?ns=mount+net", "unshare?ns=mount+net"],
];

/** Names or sets, and how they fold. */
const FOLDED: readonly (readonly [names: string, set: string])[] = [
  ["web[01-18] web20", "web[01-18,20]"],
  ["node3 node6 node1 node2 node7 node5", "node[1-3,5-7]"],
  ["node[0-7,32-159] node[160-163]", "node[0-7,32-163]"],
  ["dc1n2 dc2n2 dc1n1 dc2n1", "dc[1-2]n[1-2]"],
  ["node[32-159]!node33", "node[32,34-159]"],
  ["node[32-159]&node[0-7,20-21,32,156-159]", "node[32,156-159]"],
  ["node[33-159]^node[32-33,156-159]", "node[32,34-155]"],
  ["node1-ipmi node2-ipmi node3-ipmi", "node[1-3]-ipmi"],
  ["node001 node002 node003 node005", "node[001-003,005]"],
  ["b2 b1 b0 b c a0 a", "a,a0,b,b[0-2],c"],
  ["cluster0 cluster1 cluster wool cluster3", "cluster,cluster[0-1,3],wool"],
  ["lima,oscar,zulu,alpha,x-ray", "alpha,lima,oscar,x-ray,zulu"],
  ["clu-1-[1-4] clu-2-[1-4]", "clu-[1-2]-[1-4]"],
  ["clu1-[1-10]-ib[0-1],clu2-[1-10]-ib[0-1]", "clu[1-2]-[1-10]-ib[0-1]"],
  ["node-00[1-6]0", "node-[0010,0020,0030,0040,0050,0060]"],
  ["node01[0-1]", "node[010-011]"],
  ["prod-2[10-320]", "prod-[210-299,2100-2320]"],
  ["x22[0-1]y000z03[0-1]", "x[220-221]y000z[030-031]"],
  ["n01 n1 n001 n2 n02", "n[1-2,01-02,001]"],
  ["n[1-10] n01", "n[1-9,01,10]"],
  ["n[08-99] n100", "n[08-99,100]"],
  ["n099 n100", "n[099-100]"],
  ["n8 n9 n10", "n[8-10]"],
  ["a00 a0 a01 a1", "a[0-1,00-01]"],
  ["n1 n3 n5", "n[1,3,5]"],
  ["10.0.0.1 10.0.0.2 10.0.1.1 10.0.1.2", "10.0.[0-1].[1-2]"],
  ["a1b1 a1b2 a2b1 a3b1", "a1b[1-2],a[2-3]b1"],
  ["x[1-5]y[1-4],x6y[1-2],x7y[1-3]", "x[1-5]y[1-4],x6y[1-2],x7y[1-3]"],
  ["bastion/web2/sudo:root bastion/web1/sudo:root", "bastion/web[1-2]/sudo:root"],
  ["[::1] ada@[::2] web1", "[::1],ada@[::2],web1"],
  ["n1", "n1"],
  ["", ""],
];

/** A set that is refused: the character that is pointed at, and a part of the message. */
const REFUSED: readonly (readonly [set: string, at: number, text: string])[] = [
  ["n[01-3]", 2, "01-03 or 1-3"],
  ["n[8-011]", 2, "008-011 or 8-11"],
  ["n[1-2][3-4]", 6, "n{1,2}[3-4]"],
  ["n[1-2]3[4-5]", 7, "only digits between"],
  ["n[5-1]", 2, "1-5"],
  ["n[1-3/0]", 2, "step of 0"],
  ["n[]", 2, "a number is missing"],
  ["n[1,,2]", 4, "a number is missing"],
  ["n[1-]", 2, '"1-" is no number'],
  ["n[-1]", 2, '"-1" is no number'],
  ["n[1,foo]", 4, "{foo,...}"],
  ["n[a-C]", 2, "a small and a capital letter"],
  ["n[1-c]", 2, "begins and ends differently"],
  ["n[1", 1, "the bracket is not closed"],
  ["n1]", 2, "closes nothing"],
  ["n[1-[2]]", 4, "nested"],
  ["{a,b", 0, "the brace is not closed"],
  ["a}", 1, "closes nothing"],
  ["{1..20}", 0, "[1-20]"],
  ["{01..20..5}", 0, "[01-20/5]"],
  ["{a!b}", 2, "only commas"],
  ['"a', 0, "the quotation mark is not closed"],
  ["a,,b", 1, 'a set is missing after ","'],
  ["a!", 1, 'a set is missing after "!"'],
  ["!a", 0, 'a set is missing before "!"'],
  [",a", 0, 'a set is missing before ","'],
  ["a!&b", 1, 'a set is missing after "!"'],
  ["@", 1, "the name of a group is missing"],
  ["a,@web", 2, "no groups are known here"],
  ["n[1-1000001]", 2, "more than 1,000,000 names"],
  ["n[1-2000]m[1-2000]", 0, "more than 1,000,000 names"],
  ["x,{n,m}[1-600000]", 2, "more than 1,000,000 names"],
  [`n[${"9".repeat(16)}]`, 2, "at most 15 digits"],
];

const names = (text: string): string[] => text.split(" ").filter((name) => name !== "");

describe("expand", () => {
  test("the names of a set come in the order of writing, each once", () => {
    for (const [set, expected] of EXPANDED) {
      expect([set, ...expand(set)]).toEqual([set, ...names(expected)]);
    }
  });

  test("groups and files are asked for by name, also as a word of a path", () => {
    const groups = (name: string, rest: string) => {
      if (name === "web") return { names: ["web1", "web2"], isWhole: false };
      if (name + rest === "dir/hosts.txt") return { names: ["h"], isWhole: true };
      if (/^rack\d$/.test(name)) return { names: [`in-${name}`], isWhole: false };
      if (name === "*") return { names: ["web1", "db1"], isWhole: false };
      return { problem: "no such group" };
    };
    const read = (set: string): string => expand(set, { groups }).join(" ");
    expect(read("@web")).toBe("web1 web2");
    expect(read("bastion/@web/sudo:root!bastion/web1/sudo:root")).toBe("bastion/web2/sudo:root");
    expect(read("ada@@web,ada@web1")).toBe("ada@web1 ada@web2");
    expect(read("@dir/hosts.txt,x")).toBe("h x");
    expect(read("@rack[1-4/2]&{in-rack,x}3")).toBe("in-rack3");
    expect(read("{@web,db}/sudo:root")).toBe("web1/sudo:root web2/sudo:root db/sudo:root");
    expect(read("w*,x")).toBe("web1 x");
    expect(read("@*!d*1")).toBe("web1");
    expect(read('"@web",a@web')).toBe("@web a@web");
    expect(() => read("mail*")).toThrow("no known name is like mail*");
  });

  test("a set may begin with an operator if it works on another", () => {
    const base = ["web1", "web2", "db1"];
    expect([...expand("!web1", { base })]).toEqual(["web2", "db1"]);
    expect([...expand("&web*", { base, known: base })]).toEqual(["web1", "web2"]);
    expect([...expand("^web1,x", { base })]).toEqual(["web2", "db1", "x"]);
  });

  test("a wrong set is refused, with the place and a hint", () => {
    for (const [set, at, text] of REFUSED) {
      const error = refusalOf(set);
      expect([set, error?.code]).toEqual([set, "ERR_USAGE_TARGET"]);
      expect(error?.message).toContain(text);
      const shown = JSON.stringify(set.slice(0, at)).length - 1;
      expect([set, error?.message.split("\n")[2]]).toEqual([set, `  ${" ".repeat(shown)}^`]);
    }
  });

  test("a long text is shown in part", () => {
    const set = `${"a,".repeat(5_000)}b]${",a".repeat(5_000)}`;
    const [, shown = "", mark = ""] = refusalOf(set)?.message.split("\n") ?? [];
    expect(shown.length).toBeLessThan(140);
    expect(shown[mark.length - 1]).toBe("]");
  });
});

describe("compress", () => {
  test("names fold to a sorted set", () => {
    for (const [text, set] of FOLDED) {
      expect([text, compress(expand(text))]).toEqual([text, set]);
      expect(compress(expand(set))).toBe(set);
    }
  });

  test("a set of 10,000 names in several dimensions takes no time of note", () => {
    const all = expand("r[1-100]n[1-100]");
    const started = performance.now();
    const set = compress(all.filter((_name, at) => (at * 7919) % 13 > 5));
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(expand(set).length).toBeGreaterThan(5_000);
  });
});

describe("properties", () => {
  const host = fc.stringMatching(/^[a-c]{1,2}(\d{1,3}(-\d{1,2}[a-b]?)?)?$/);
  const set = fc.uniqueArray(host, { maxLength: 40 });
  const sorted = (list: readonly string[]): string[] => [...list].sort();
  const check = (...property: Parameters<typeof fc.property<[string[], string[]]>>): void =>
    fc.assert(fc.property(...property), { numRuns: 200 });

  test("expand turns back what compress has folded", () => {
    check(set, set, (one) => {
      expect(sorted(expand(compress(one)))).toEqual(sorted(one));
    });
  });

  test("so it does for names of any characters", () => {
    const text = fc.string({ minLength: 1, unit: "binary" });
    const special = fc.string({ minLength: 1, unit: fc.constantFrom(..."a1[]{},!&^@*/?=:%\"'- ") });
    const any = fc.uniqueArray(fc.oneof(text, special, host), { maxLength: 20 });
    fc.assert(
      fc.property(any, (list) => {
        expect(sorted(expand(compress(list)))).toEqual(sorted(list));
      }),
      { numRuns: 150 },
    );
  });

  test("a folded set folds to itself", () => {
    check(set, set, (one) => {
      expect(compress(expand(compress(one)))).toBe(compress(one));
    });
  });

  test("the operators are those of sets", () => {
    check(set, set, (one, other) => {
      const [a, b] = [new Set(one), new Set(other)];
      const of = (operator: string): string[] => {
        if (one.length === 0 || other.length === 0) return [];
        return sorted(expand(`${one.join(",")} ${operator} {${other.join(",")},x}`)).filter(
          (name) => name !== "x",
        );
      };
      if (one.length === 0 || other.length === 0) return;
      expect(of(",")).toEqual(sorted([...a.union(b)]));
      expect(of("!")).toEqual(sorted([...a.difference(b)]));
      expect(of("&")).toEqual(sorted([...a.intersection(b)]));
      expect(of("^")).toEqual(sorted([...a.symmetricDifference(b)]));
    });
  });

  test("no text fails in another way than by a usage error", () => {
    const unit = fc.constantFrom(..."ab019[]{},-/!&^@*\"'?= \n%:.", "..", "[1-3]", "&a=", "{a,b}");
    const texts = fc.oneof(fc.string({ unit, maxLength: 30 }), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(texts, (text) => {
        refusalOf(text);
      }),
      { numRuns: 3_000 },
    );
  });

  test("nor does a deeply nested one", () => {
    expect(refusalOf("{a,".repeat(100_000))?.message).toContain("nested too deeply");
    expect(refusalOf("@".repeat(100_000))?.message).toContain("no groups are known");
  });
});

/** @returns why a set is refused; undefined if it is not. Other errors are thrown. */
function refusalOf(text: string): UsageError | undefined {
  try {
    expand(text);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

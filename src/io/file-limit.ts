/**
 * The limit of open files of this process, which the processes that it starts inherit. The C
 * library is opened at the first use only.
 */
import { dlopen } from "bun:ffi";

/** `resource.h` of Linux */
const RLIMIT_NOFILE = 7;

const CALLS = {
  getrlimit: { args: ["i32", "ptr"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
} as const;

/**
 * Calls a function while this process may open no more than `soft` files.
 *
 * @throws what the function throws, or an error if the limit cannot be set
 */
export function withFewerFiles<T>(soft: number, start: () => T): T {
  const { getrlimit, setrlimit } = dlopen("libc.so.6", CALLS).symbols;
  // struct rlimit: the soft and the hard limit.
  const before = new BigUint64Array(2);
  const isKnown = getrlimit(RLIMIT_NOFILE, before) === 0;
  const fewer = BigUint64Array.of(BigInt(soft), before[1] as bigint);
  if (!isKnown || setrlimit(RLIMIT_NOFILE, fewer) !== 0) throw new Error("cannot set the limit");
  try {
    return start();
  } finally {
    setrlimit(RLIMIT_NOFILE, before);
  }
}

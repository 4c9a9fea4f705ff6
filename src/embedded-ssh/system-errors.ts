/** Errors of the system, of sockets and of files. */

/** The words of the C library, as ssh prints them. */
export function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: "Connection refused",
    ECONNRESET: "Connection reset by peer",
    EHOSTUNREACH: "No route to host",
    ENETUNREACH: "Network is unreachable",
    ETIMEDOUT: "Connection timed out",
    EADDRNOTAVAIL: "Cannot assign requested address",
    EACCES: "Permission denied",
    EMFILE: "Too many open files",
    ENFILE: "Too many open files in system",
    EINVAL: "Invalid argument",
  };
  return words[code ?? ""] ?? message;
}

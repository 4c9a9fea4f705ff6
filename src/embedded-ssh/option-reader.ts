/** OptionReader: values of ssh's configuration, by the types that options have. */
import type { SshConfiguration } from "./configuration.ts";

/** All names of options are in lower case. An option that is not set is "", 0 or false. */
export class OptionReader {
  readonly #configuration: SshConfiguration;

  constructor(configuration: SshConfiguration) {
    this.#configuration = configuration;
  }

  /** @returns the first value: the others of most options do not count */
  text(name: string): string {
    return this.#configuration.get(name)?.[0] ?? "";
  }

  /** @returns undefined if the option is not set, or is `none` */
  optional(name: string): string | undefined {
    const value = this.text(name);
    return value === "" || value === "none" ? undefined : value;
  }

  number(name: string): number {
    return Number(this.text(name)) || 0;
  }

  flag(name: string): boolean {
    const value = this.text(name);
    return value === "yes" || value === "true";
  }

  /** @returns names that commas separate */
  names(name: string): readonly string[] {
    return this.text(name)
      .split(",")
      .filter((one) => one !== "");
  }

  /** @returns words of one line, without `none` */
  words(name: string): readonly string[] {
    return this.text(name)
      .split(" ")
      .filter((word) => word !== "" && word !== "none");
  }

  /** @returns the values of an option that may stand several times, without `none` */
  all(name: string): readonly string[] {
    return (this.#configuration.get(name) ?? []).filter((value) => value !== "none");
  }
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** An amount of bytes for a person, in powers of 1000: `840 B`, `1.2 MB`, `345 MB`. */
export function amount(bytes: number): string {
  let value = bytes;
  let power = 0;
  // From here on, it would be shown as 1000.
  while (value >= 999.5 && power < UNITS.length - 1) {
    value /= 1000;
    power++;
  }
  return `${value.toFixed(power === 0 || value >= 99.95 ? 0 : 1)} ${UNITS[power]}`;
}

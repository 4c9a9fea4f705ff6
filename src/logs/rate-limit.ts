/** RateLimit: a token bucket for bytes. */

/** Lets through `bytesPerSecond` over time, and `burst` bytes at once. */
export class RateLimit {
  readonly #bytesPerSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at = performance.now();

  constructor(bytesPerSecond: number, burst: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** @returns whether so many bytes may pass now; if not, none of them counts */
  take(bytes: number): boolean {
    const now = performance.now();
    this.#tokens = Math.min(
      this.#burst,
      this.#tokens + ((now - this.#at) * this.#bytesPerSecond) / 1000,
    );
    this.#at = now;
    if (this.#tokens < bytes) return false;
    this.#tokens -= bytes;
    return true;
  }
}

/** Waiting that a signal ends. */

/**
 * @param drop gets the result of the work if that arrives after the signal
 * @throws the reason of the signal, as soon as it is aborted
 */
export function orAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  drop?: (value: T) => void,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const aborted = (): void => {
    reject(signal.reason);
    if (drop !== undefined) work.then(drop, () => {});
  };
  signal.addEventListener("abort", aborted, { once: true });
  if (signal.aborted) aborted();
  return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", aborted));
}

/** The programs of a hop's switch, as texts or as they are sent. */

/** One starts the first child, one does all the rest, and one makes connections, where any are. */
export type SwitchPrograms<T> = readonly [start: T, rest: T, connections: T];

export function eachProgram<T, U>(
  [start, rest, connections]: SwitchPrograms<T>,
  change: (program: T) => U,
): SwitchPrograms<U> {
  return [change(start), change(rest), change(connections)];
}

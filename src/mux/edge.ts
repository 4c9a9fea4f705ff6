/**
 * Edge: the pipe from a hop to one of its children, as the master sees it. The hop keeps what the
 * child does not read yet, so the master bounds how much that may be: it counts the bytes that it
 * sent over the edge, and the hop tells how many it has written to the child.
 *
 * The window begins small and is doubled when it was the limit, and the child reads.
 */
const FIRST_WINDOW = 1 << 19;
const MAX_WINDOW = 1 << 23;

export class Edge {
  #window = FIRST_WINDOW;
  /** Bytes that were sent, and that the hop has not written yet. */
  #underWay = 0;
  #wasFull = false;
  readonly #waiters = new Set<() => void>();

  get hasRoom(): boolean {
    return this.#underWay < this.#window;
  }

  /** Bytes go over the edge. The last frame may go beyond the window. */
  take(bytes: number): void {
    this.#underWay += bytes;
    if (!this.hasRoom) this.#wasFull = true;
  }

  /** The hop has written so many bytes to the child. A hop that says too much gains nothing. */
  wrote(bytes: number): void {
    this.#underWay = Math.max(0, this.#underWay - bytes);
    if (this.#wasFull && this.#underWay <= this.#window / 2) {
      this.#wasFull = false;
      this.#window = Math.min(this.#window * 2, MAX_WINDOW);
    }
    if (this.hasRoom) this.#wake();
  }

  /** The child is gone: nothing that was sent to it counts any more. */
  end(): void {
    this.#underWay = 0;
    this.#window = Number.POSITIVE_INFINITY;
    this.#wake();
  }

  /** Calls `ready` once, when there is room. */
  onRoom(ready: () => void): void {
    this.#waiters.add(ready);
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const ready of waiters) ready();
  }
}

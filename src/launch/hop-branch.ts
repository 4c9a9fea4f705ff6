/**
 * HopBranch: something that is opened behind a hop, as the router and the hops on the way know it:
 * a route with a window, and a handle for what the hop's switch tells of it.
 */
import { DisconnectError, type EcontextError } from "../errors.ts";
import { Edge } from "../mux/edge.ts";
import type { ReplayLink } from "../mux/replay-link.ts";
import { SWITCH } from "../protocol/handles.ts";
import type { Hop } from "./hop.ts";
import { type HopEvent, readHopEvent } from "./hop-event.ts";
import { HopLink } from "./hop-link.ts";

/** What opens something behind a hop. */
export interface BranchListener {
  /** Whether it shall be opened, when the hop can take orders at last. */
  isWanted(): boolean;
  /** Gives the hop the order. @param events handle for its events */
  order(events: number): void;
  receive(event: HopEvent): void;
  /** It must end: it broke the protocol, or the hop has ended. */
  close(reason: EcontextError): void;
  /** The hop has ended, and tells nothing more. */
  dead(): void;
}

export class HopBranch {
  readonly hop: Hop;
  readonly id: number;
  readonly link: HopLink;
  readonly edge: Edge;
  /** Handle of the hop's events. */
  #events = 0;
  /** Whether the hops above have a route to it. */
  #isAnnounced = false;

  /** @param edge of what was there before it, if it takes the place of something */
  constructor(hop: Hop, id: number, edge = new Edge()) {
    this.hop = hop;
    this.id = id;
    this.edge = edge;
    this.link = new HopLink(hop, id);
  }

  /** Makes the route, and has the order given as soon as the hop can take it. */
  join(listener: BranchListener, replay?: ReplayLink): void {
    const { hop, id } = this;
    const { router } = hop;
    const opening = hop.open();
    const { link } = hop;
    const close = (reason: EcontextError): void => listener.close(reason);
    if (link === undefined) {
      const message = `${hop.name}: it has ended\n  try: connect again`;
      const reason = hop.reason() ?? new DisconnectError("ERR_DISCONNECT_CLOSED", message);
      queueMicrotask(() => close(reason));
      return;
    }
    const edges = [...hop.edges, this.edge];
    router.addRoute(id, { link, out: replay ?? this.link, edges, parent: hop.id, close });
    replay?.lead(this.link);
    this.#events = router.expect(hop.id, {
      receive: ({ body }) => listener.receive(readHopEvent(body)),
      dead: (reason) => {
        close(reason);
        listener.dead();
      },
    });
    const begin = (): void => {
      if (!listener.isWanted()) return;
      this.#announce();
      listener.order(this.#events);
      router.announce(id);
      this.link.open();
    };
    if (opening === undefined) begin();
    else void opening.then(begin, () => {});
  }

  /** Tells the hops above where its frames go, and from where they come. */
  #announce(): void {
    const { above, id, link, router } = this.hop;
    this.#isAnnounced = true;
    above.forEach((hop, at) => {
      hop.order(SWITCH.ROUTE, [this.id, above[at + 1]?.id ?? id]);
    });
    link?.limit(this.id, router.edgesOf(this.id));
  }

  /** It is gone, and the hop has told its last. */
  forget(): void {
    const { router, above, id } = this.hop;
    router.forget(id, this.#events);
    this.edge.end();
    // A hop that was not told of it may not even have its switch yet.
    if (this.#isAnnounced) for (const hop of above) hop.order(SWITCH.UNROUTE, [this.id]);
  }
}

/** What the askpass program sends to the process that started its ssh. Types and names only. */

/** The name of the socket, in the folder of the link. */
export const ASKPASS_SOCKET = "socket";

export interface AskpassRequest {
  /** The name of the link that ssh has started. */
  readonly door: string;
  readonly prompt: string;
  /** The process of the ssh. */
  readonly client: number;
  /** Whether no answer is wanted: ssh ends the program when it need not be shown any more. */
  readonly isNotice: boolean;
}

import { type Notification } from '@tauro/database';

/** A way to reach somebody. */
export interface Channel {
  /** Resolves once the other side has taken it. @throws Error in words for people; Undeliverable when no attempt can help. */
  send(notification: Notification): Promise<void>;
  /** Lets go of connections. */
  close?(): void;
}

/** Another attempt would fail the same way. */
export class Undeliverable extends Error {}

export const isFinal = (error: unknown): boolean => error instanceof Undeliverable;

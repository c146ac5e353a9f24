import { type Response } from 'express';
import { once } from 'node:events';

/** How a client's library should wait before it reconnects. */
const RETRY_MS = 2000;

/** Opens a response as server-sent events. */
export function openEventStream(res: Response): void {
  res.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-cache, no-transform',
    // Proxies would collect lines until they have a page full.
    'X-Accel-Buffering': 'no',
  });
  res.flushHeaders();
  res.write(`retry: ${RETRY_MS}\n\n`);
}

/** Says that the stream is alive, to the client and to whatever lies between. */
export const HEARTBEAT = ': heartbeat\n\n';

/**
 * While the client has not taken what was written: a promise of the moment when it has, or has left. Whoever writes on
 * regardless fills this process's memory.
 */
export function blockedBy(res: Response, signal: AbortSignal): Promise<void> | undefined {
  return res.writableNeedDrain && !signal.aborted ? drained(res, signal) : undefined;
}

async function drained(res: Response, signal: AbortSignal): Promise<void> {
  try {
    await once(res, 'drain', { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

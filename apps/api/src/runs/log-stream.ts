import { type LogLine, type RunState } from '@tauro/domain';
import { type LogEvent } from '@tauro/orchestration';
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

/**
 * Writes every event as it comes, no faster than the client reads, and an `end` event after the last.
 * @param signal aborted when the client left or the process ends: then nothing more is written.
 */
export async function writeLog(
  res: Response,
  events: AsyncIterable<LogEvent>,
  signal: AbortSignal,
  finalState: () => Promise<RunState | undefined>,
): Promise<void> {
  for await (const event of events) {
    if (signal.aborted) return;
    const text = event === 'heartbeat' ? ': heartbeat\n\n' : formatLine(event.seq, event.line);
    if (!res.write(text)) await drained(res, signal);
  }
  if (!signal.aborted) res.write(formatEnd(await finalState(), new Date()));
}

export const formatLine = (
  seq: number,
  { timestamp, level, message, task_id, node_id, attempt }: LogLine,
): string =>
  `id: ${seq}\ndata: ${JSON.stringify({ timestamp, level, message, task_id, node_id, attempt })}\n\n`;

/** Looks like a line, so that clients who print lines need not know about it. */
export function formatEnd(state: RunState | undefined, timestamp: Date): string {
  const message = state ? `run ended: ${state}` : 'the run was deleted';
  return `event: end\ndata: ${JSON.stringify({ timestamp, level: 'INFO', message, state: state ?? null })}\n\n`;
}

async function drained(res: Response, signal: AbortSignal): Promise<void> {
  try {
    await once(res, 'drain', { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

import { type LogLine, type RunState } from '@tauro/domain';
import { type LogEvent } from '@tauro/orchestration';
import { type Response } from 'express';
import { HEARTBEAT } from '../http/event-stream.js';

/** A line that many clients follow is put into bytes once, and what waits to be sent to them shares these. */
const texts = new WeakMap<LogLine, Buffer>();

/**
 * Writes every event as it comes, and an `end` event after the last. The events must come no faster than the client reads.
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
    if (event === 'heartbeat') res.write(HEARTBEAT);
    // What is written within one turn of the event loop goes out together.
    else for (const line of event) res.write(textOf(line));
  }
  if (!signal.aborted) res.write(formatEnd(await finalState(), new Date()));
}

function textOf({ seq, line }: { seq: number; line: LogLine }): Buffer {
  let text = texts.get(line);
  if (text === undefined) texts.set(line, (text = Buffer.from(formatLine(seq, line))));
  return text;
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

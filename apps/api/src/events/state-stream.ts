import { positionText, type StateEvent, type StateNews } from '@tauro/orchestration';
import { type Response } from 'express';
import { HEARTBEAT } from '../http/event-stream.js';

const RESET = `event: reset\ndata: ${JSON.stringify({
  message: 'changes were missed, too many have happened since; look at the present state anew',
})}\n\n`;

/** A change that many clients follow is put into words once. */
const texts = new WeakMap<StateEvent, string>();

/** Writes changes as they come. They must come no faster than the client reads. */
export async function writeNews(
  res: Response,
  news: AsyncIterable<StateNews>,
  signal: AbortSignal,
): Promise<void> {
  for await (const one of news) {
    if (signal.aborted) return;
    res.write(one === 'heartbeat' ? HEARTBEAT : one === 'reset' ? RESET : textOf(one));
  }
}

/** What ends the stream of one run. */
export const END = 'event: end\ndata: {"message":"the run has ended"}\n\n';

function textOf(event: StateEvent): string {
  let text = texts.get(event);
  if (text === undefined) texts.set(event, (text = formatEvent(event)));
  return text;
}

export function formatEvent({ at, type, task_id, node_id, index, ...event }: StateEvent): string {
  const task = type === 'task' && { task_id, node_id, ...(index !== null && { index }) };
  return `id: ${positionText(at)}\ndata: ${JSON.stringify({ type, ...event, ...task })}\n\n`;
}

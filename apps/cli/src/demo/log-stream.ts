import { setTimeout as sleep } from 'node:timers/promises';

import { createParser, type EventSourceMessage } from 'eventsource-parser';

import { type ApiClient } from './api-client.js';

/** A line of a run's log, as the API streams it. */
export interface LogLine {
  timestamp: string;
  level: string;
  message: string;
  task_id?: string | null;
}

const RECONNECT_MS = 500;

/** Follows a run's log by server-sent events until the run has ended, over broken connections as well. */
export async function* followLog({ url, headers }: ApiClient, runId: string): AsyncGenerator<LogLine> {
  let lastId: string | undefined;
  for (;;) {
    try {
      for await (const event of events(`${url}/api/v1/runs/${runId}/logs`, {
        ...headers,
        ...(lastId && { 'last-event-id': lastId }),
      })) {
        lastId = event.id ?? lastId;
        if (event.event === 'end') return;
        yield JSON.parse(event.data) as LogLine;
      }
    } catch (error) {
      if (error instanceof StreamRefused) throw error;
    }
    await sleep(RECONNECT_MS);
  }
}

class StreamRefused extends Error {}

async function* events(url: string, headers: Record<string, string>): AsyncGenerator<EventSourceMessage> {
  const response = await fetch(url, { headers: { ...headers, accept: 'text/event-stream' } });
  if (response.status >= 400 && response.status < 500) throw new StreamRefused(`${url}: ${response.status}`);
  if (!response.ok || !response.body) return;
  const arrived: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => arrived.push(event) });
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    parser.feed(text);
    yield* arrived.splice(0);
  }
}

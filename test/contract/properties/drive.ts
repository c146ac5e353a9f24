import * as fc from 'fast-check';
import { type Answer } from '../../support/api-client.js';
import { type ApiDocument } from '../../support/api-document.js';
import { type Tauro } from '../../support/tauro.js';
import { type Plan, requests } from './requests.js';
import { World } from './world.js';

const AT_ONCE = 8;
const FURNISH_EVERY = 400;
const TIMEOUT_MS = 30_000;
/** What an answer must never have in it: places in our code, and words of the stores. */
const INSIDE = /node_modules|\.[jt]s:\d|MongoServerError|E11000|Cast to|ECONNREFUSED|at async /;

export interface Outcome {
  /** How many answers there were with each status. */
  statuses: Map<number, number>;
  /** Operations that at least once answered a success. */
  succeeded: Set<string>;
  /** What an answer was that it must not be: each kind once, with a request that shows it. */
  faults: string[];
}

/** Sends as many generated requests, the same ones for the same seed, and holds every answer against the document. */
export async function drive(
  tauro: Tauro,
  api: ApiDocument,
  { count, seed }: { count: number; seed: number },
): Promise<Outcome> {
  const world = await World.made(tauro.api, seed);
  await world.execute(tauro.api);
  // Nothing else is executed: what is generated must not call anybody.
  await Promise.all(tauro.workers.map((worker) => worker.stop()));
  const plans = fc.sample(requests(api), { seed, numRuns: count });
  const statuses = new Map<number, number>();
  const succeeded = new Set<string>();
  const faults = new Map<string, string>();
  let next = 0;
  const client = async (): Promise<void> => {
    for (let index = next++; index < plans.length; index = next++) {
      if (index % FURNISH_EVERY === FURNISH_EVERY - 1) await world.furnish(tauro.api);
      const plan = plans[index]!;
      const sent = { ...plan, path: world.fill(plan.path), body: plan.body && world.fill(plan.body) };
      const answer = await send(tauro.url, sent);
      if (answer.status < 300) {
        world.learn(answer.body);
        succeeded.add(plan.operation.name);
      }
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      for (const fault of faultsOf(api, sent, answer)) {
        const kind = `${plan.operation.name} ${answer.status}: ${fault.replace(/: \{.*|"[^"]*"|\d+/g, '…')}`;
        if (!faults.has(kind))
          faults.set(kind, `${kind}\n    ${shown(sent)}\n    ${JSON.stringify(answer.body).slice(0, 300)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return { statuses, succeeded, faults: [...faults.values()] };
}

async function send(url: string, { operation, path, headers, body }: Plan): Promise<Answer> {
  const response = await fetch(url + path, {
    method: operation.method.toUpperCase(),
    headers,
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  // Some streams have no end, and lines of JSON are none.
  const isStream = /event-stream|ndjson/.test(response.headers.get('content-type') ?? '');
  if (isStream) await response.body?.cancel();
  const text = isStream ? '' : await response.text();
  const json = !isStream && response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
}

function faultsOf(api: ApiDocument, { operation, path }: Plan, answer: Answer): string[] {
  const { status, headers, body } = answer;
  const faults = api.mismatches(operation.method, path, answer);
  if (status >= 500) faults.push('the server failed');
  if (INSIDE.test(JSON.stringify(body?.error ?? null))) faults.push('it tells of the inside');
  const envelope = operation.path.startsWith('/api/') && headers.get('content-type')?.includes('/json');
  if (envelope && body.meta?.request_id !== headers.get('x-request-id')) faults.push('another request id');
  return faults;
}

/** The request as a person could send it again. */
function shown({ operation, path, headers, body }: Plan): string {
  const options = Object.entries(headers).map(([name, value]) => ` -H '${name}: ${value}'`);
  const data = body === undefined ? '' : ` -d '${body.slice(0, 600)}'`;
  return `curl -X ${operation.method.toUpperCase()} '${path.slice(0, 400)}'${options.join('')}${data}`;
}

import { type Json, type JsonObject } from '@tauro/domain';
import { type OpenConnection } from '../connections/connection-kind.js';
import { call, type HttpAnswer } from '../http/call.js';
import { callError } from '../http/http.errors.js';
import { type HttpRequest } from '../http/request.js';
import { NodeError } from '../node-kind.js';
import { credentials } from '../rest/ask.js';

/** A batch as Livy shows it. */
export interface Batch {
  id: number;
  name?: string | null;
  state: string;
  appId?: string | null;
  appInfo?: { driverLogUrl?: string | null; sparkUiUrl?: string | null } | null;
}

/** Livy has another batch of this name. */
export class NameTaken extends Error {}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Batches that are asked for at once. */
const PAGE = 100;
/** Lines of a log that are asked for; Livy keeps 200 unless told otherwise. */
const LOG_LINES = 10_000;
/** How long an answer may take: Livy starts `spark-submit` first. */
const ANSWER_SECONDS = 60;

/** The part of Livy's REST API that is about batches. Failures are `NodeError`s that name the connection. */
export class Livy {
  constructor(
    private readonly connection: OpenConnection,
    private readonly allowPrivate: boolean,
  ) {}

  /** @throws NameTaken when it has a batch of this name, running or just ended. */
  async submit(batch: JsonObject & { name: string }): Promise<Batch> {
    const answer = await this.ask('POST', '/batches', batch);
    const why = toldBy(answer);
    if (answer.status === 400 && /duplicate session name/i.test(why)) throw new NameTaken(why);
    if (answer.status === 400 && /too many sessions/i.test(why)) throw this.failed('ConnectionFailed', why);
    if (answer.status === 400 || answer.status === 422) {
      throw this.failed('SparkFailed', `Livy refuses the batch: ${why}`, false);
    }
    return this.read<Batch>('POST', '/batches', answer);
  }

  /** The batches whose name begins so, the oldest first. */
  async named(beginning: string, signal: AbortSignal): Promise<Batch[]> {
    const found: Batch[] = [];
    for (let from = 0, total = 1; from < total; from += PAGE) {
      const page = await this.page(from, PAGE, signal);
      ({ total } = page);
      found.push(...page.sessions.filter(({ name }) => name?.startsWith(beginning)));
    }
    return found;
  }

  page(from: number, size: number, signal: AbortSignal): Promise<{ total: number; sessions: Batch[] }> {
    return this.get(`/batches?from=${from}&size=${size}`, signal);
  }

  /** Undefined when Livy knows no such batch any more. */
  async batch(id: number, signal: AbortSignal): Promise<Batch | undefined> {
    const path = `/batches/${id}`;
    const answer = await this.ask('GET', path, undefined, signal);
    return answer.status === 404 ? undefined : this.read<Batch>('GET', path, answer);
  }

  /** The last lines of what `spark-submit` and the driver have printed. */
  async log(id: number, signal: AbortSignal): Promise<string[]> {
    const { log } = await this.get<{ log: string[] }>(`/batches/${id}/log?from=0&size=${LOG_LINES}`, signal);
    return log;
  }

  /** Ends a batch and forgets it; one that is gone already is fine. */
  async remove(id: number): Promise<void> {
    const path = `/batches/${id}`;
    const answer = await this.ask('DELETE', path);
    if (answer.status !== 404) this.read('DELETE', path, answer);
  }

  async version(signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.ask('GET', '/version', undefined, signal);
    if (answer.status !== 200) return undefined;
    const { version } = this.read<{ version?: string }>('GET', '/version', answer);
    return version;
  }

  private async get<T>(path: string, signal: AbortSignal): Promise<T> {
    return this.read<T>('GET', path, await this.ask('GET', path, undefined, signal));
  }

  private async ask(method: string, path: string, body?: Json, signal?: AbortSignal): Promise<HttpAnswer> {
    const { config, secret } = this.connection;
    const request: HttpRequest = {
      method,
      url: new URL(String(config['url']).replace(/\/$/, '') + path),
      headers: {
        accept: 'application/json',
        'user-agent': 'tauro',
        // Where Livy guards itself against forged requests it wants to be told who asks.
        'x-requested-by': 'tauro',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...credentials(config, secret),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const late = AbortSignal.timeout(ANSWER_SECONDS * 1000);
    try {
      const either = signal ? AbortSignal.any([signal, late]) : late;
      return await call(request, this.allowPrivate, either, MAX_ANSWER_BYTES);
    } catch (error) {
      signal?.throwIfAborted();
      const { type, message, retryable } = callError(
        request,
        error,
        late.aborted ? ANSWER_SECONDS : undefined,
      );
      throw this.failed(
        /^Http(Connection|Timeout)$/.test(type) ? 'ConnectionFailed' : type,
        message,
        retryable,
      );
    }
  }

  private read<T>(method: string, path: string, answer: HttpAnswer): T {
    const { status, body } = answer;
    if (status === 401) throw this.failed('AuthenticationFailed', 'Livy does not accept the user', false);
    if (status === 403) throw this.failed('PermissionDenied', `Livy does not allow ${method} ${path}`, false);
    if (status < 200 || status > 299) {
      const passing = status >= 500 || status === 408 || status === 429;
      const what = `${method} ${path} answered ${status}: ${toldBy(answer)}`;
      throw this.failed(passing ? 'ConnectionFailed' : 'SparkFailed', what, passing);
    }
    try {
      return JSON.parse(body.toString('utf8')) as T;
    } catch {
      throw this.failed('ConnectionFailed', `${method} ${path} was not answered by Livy: no JSON`, false);
    }
  }

  private failed(type: string, message: string, retryable = true): NodeError {
    return new NodeError(type, `connection '${this.connection.name}': ${message}`, retryable);
  }
}

/** What Livy says of a refusal. */
function toldBy({ body }: HttpAnswer): string {
  const text = body.toString('utf8');
  try {
    const { msg } = JSON.parse(text) as { msg?: unknown };
    if (typeof msg === 'string') return msg.slice(0, 500);
  } catch {
    // Whoever stands before it, then.
  }
  return text.replace(/\s+/g, ' ').trim().slice(0, 200);
}
